"""What a worker reads: leases, guests, provers' and executors' answers, a server's pages."""

import asyncio
import io
from collections.abc import Iterator
from contextlib import suppress
from typing import cast

import grpc
import httpx
from google.protobuf.message import DecodeError

from fuzz import seeds
from fuzz.target import Target, chosen, each_way, text_of
from sp1tee.errors import (
    ConfigError,
    FulfillError,
    NativeError,
    ServerAway,
    Sp1teeError,
    WireError,
)
from sp1tee.fulfill.endpoint import parse_url
from sp1tee.fulfill.executors import MAX_PRINTED, control, frames
from sp1tee.fulfill.executors.elf import REFUSALS, load
from sp1tee.fulfill.executors.elf_notes import asks_for_untrusted_code
from sp1tee.fulfill.executors.outcome import Outcome
from sp1tee.fulfill.inputs import InputLimits, Inputs, check_key
from sp1tee.fulfill.lease import Lease
from sp1tee.fulfill.provers.cluster.artifacts import packed, unpacked_proof
from sp1tee.fulfill.provers.cluster.opening import read_store
from sp1tee.fulfill.provers.cluster.replies import describe, is_complete, read_report
from sp1tee.fulfill.provers.gateway_replies import judge, outcome, said_in, translate
from sp1tee.fulfill.provers.moongate import shard_proofs, split_keys
from sp1tee.fulfill.transfer import Sink, Transfers
from sp1tee.monitoring.look import Figures, Health
from sp1tee.native.frames import decode_answer
from sp1tee.native.talk import Talk
from sp1tee.wire.artifacts import pack
from sp1tee.wire.bincode import Writer
from sp1tee.wire.pb import cluster_pb2, types_pb2, worker_pb2
from sp1tee.wire.versions import SUPPORTED, Family

_FAMILIES = tuple(Family)


def _lease(data: bytes) -> None:
    message = worker_pb2.Lease.FromString(data)
    lease = Lease.from_wire(message, "")
    str(lease)
    str(lease.names)


def _leases() -> list[bytes]:
    lease = worker_pb2.Lease(
        lease_id="lease_01h455vb4pex5vsknk084sn02q",
        lease_token=bytes(32),
        request="req_01h455vb4pex5vsknk084sn02q",
        version="sp1-v6.1.0",
        mode=types_pb2.PLONK,
        ttl_ms=30_000,
        cycle_limit=(1 << 64) - 1,
        program_sha256=bytes(32),
    )
    return [lease.SerializeToString()]


class _Transfers:
    """Brings an upload in pieces, as a server does."""

    def __init__(self, upload: bytes) -> None:
        self._upload = upload

    async def fetch(self, _lease: Lease, _blob: str, _size: int, sink: Sink) -> None:
        for start in range(0, len(self._upload), 1000):
            await sink(self._upload[start : start + 1000])


def _input(data: bytes) -> None:
    lease = Lease.from_wire(worker_pb2.Lease.FromString(_leases()[0]))
    transfers = cast("Transfers", _Transfers(data))
    asyncio.run(Inputs(transfers, InputLimits(stdin=1 << 16)).stdin(lease))


def _inputs() -> Iterator[bytes]:
    for stdin in seeds.files("proofs/*.stdin"):
        yield from (pack(stdin, family) for family in Family)


def _elf(data: bytes) -> None:
    way, elf = chosen(data, len(_FAMILIES))
    load(elf, _FAMILIES[way])


def _key(data: bytes) -> None:
    message = worker_pb2.Lease.FromString(_leases()[0])
    message.vk = data[:104]
    check_key(Lease.from_wire(message), SUPPORTED[-1], data[104:])


def _elves() -> list[bytes]:
    small = [elf[: 1 << 13] for elf in seeds.files("guests/*.elf", "proofs/*.elf")]
    return each_way(len(_FAMILIES), small)


def _notes(data: bytes) -> None:
    asks_for_untrusted_code(data)


def _result(data: bytes) -> None:
    header, body = data[: frames.RESULT_HEADER_SIZE], data[frames.RESULT_HEADER_SIZE :]
    if len(header) < frames.RESULT_HEADER_SIZE:
        control.decode(data)
        return
    size = frames.body_size(header)
    result = frames.decode_result(header, body[:size])
    if isinstance(result, Outcome):
        str((result.cause, result.text))
        assert len(result.printed) <= MAX_PRINTED
    frames.encode_result(result)


def _results() -> list[bytes]:
    ended = Outcome(None, 0, 0, 17, b"public", b"printed")
    refused = frames.Refused(REFUSALS[1])
    return [frames.encode_result(result) for result in (ended, refused, frames.OutOfMemory())]


def _answers() -> list[bytes]:
    info = Writer().u32(1 << 31).string("sp1tee-prover").string("0.1").string("6.10.0")
    info.string("v6.1.0").u64(2).u32(1).u32(2).string("A=b")
    run = Writer().u32((1 << 31) + 1).u32(0).u32(0).u64(0).u64(5).u64(7)
    run.byte_string(b"values").string("").string("out").string("err")
    return [
        Writer().u32(0).done(),
        Writer().u32(1).raw(bytes(32 + 104)).done(),
        Writer().u32(2).raw(b"proof").done(),
        Writer().u32(3).string("no").done(),
        Writer().u32((1 << 31) + 2).u32(1).string("why").done(),
        info.done(),
        run.done(),
    ]


def _talk(data: bytes) -> None:
    talk = Talk(io.BytesIO(data))
    words = talk.last_words() + talk.place()
    assert words.isprintable()


def _moongate(data: bytes) -> None:
    way, answer = chosen(data, 2)
    if way:
        split_keys(answer, b"\3\0\0\0\0\0\0\0elf")
    else:
        shard_proofs(answer, b"stdin", b"values")


def _cut() -> list[bytes]:
    keys = b"x" + b"\3\0\0\0\0\0\0\0elf" + b"vkvk"
    core = b"shards" + b"stdin" + Writer().byte_string(b"values").u64(7).done()
    return [b"\1" + keys, b"\0" + core]


def _gateway(data: bytes) -> None:
    way, body = chosen(data, 3)
    if way == 0:
        outcome(types_pb2.GetProofRequestStatusResponse.FromString(body), ".")
    elif way == 1:
        judge(httpx.Response(200 + int.from_bytes(body[:1], "big")), "upload")
    else:
        code, reason, details = _three(body)
        metadata = (("sp1tee-code", code), ("sp1tee-reason", reason), ("x-bin", b""))
        assert said_in(metadata, details, "INTERNAL").isprintable()
        status = tuple(grpc.StatusCode)[len(body) % len(grpc.StatusCode)]
        error = grpc.aio.AioRpcError(
            status, grpc.aio.Metadata(*metadata), grpc.aio.Metadata(), details
        )
        translate(error, "asking")


def _cluster(data: bytes) -> None:
    way, body = chosen(data, 4)
    if way == 0:
        row = cluster_pb2.ProofRequest.FromString(body)
        read_report(row)
        is_complete(row)
    elif way == 1:
        text, trouble = describe(cluster_pb2.ClusterComponentManifest.FromString(body), 2e9)
        assert f"{text}{trouble}".isprintable()
    elif way == 2:
        unpacked_proof(body)
    else:
        with suppress(ValueError):
            read_store(text_of(body))


def _clusters() -> list[bytes]:
    report = '{"status":2,"cycles":9,"gas":7,"public_values_hash":[]}'
    failure = '{"proving_failure":{"task_type":"ProveShard","reason":"why"}}'
    completed, broken = (
        cluster_pb2.PROOF_REQUEST_STATUS_COMPLETED,
        cluster_pb2.PROOF_REQUEST_STATUS_FAILED,
    )
    done = cluster_pb2.ProofRequest(proof_status=completed, extra_data=report)
    failed = cluster_pb2.ProofRequest(proof_status=broken, extra_data=failure)
    told = cluster_pb2.ClusterComponentManifest(updated_at=1_900_000_000)
    told.components.add(component="gpu-node", version="2.7.2")
    return [
        *(b"\0" + row.SerializeToString() for row in (done, failed)),
        b"\1" + told.SerializeToString(),
        b"\2" + packed(b"a proof"),
        *(b"\3" + url for url in (b"redis://:word@[::1]:6379/0,rediss://b", b"s3://bucket")),
    ]


def _three(body: bytes) -> tuple[str, str, str]:
    first, _, rest = body.partition(b"\n")
    second, _, third = rest.partition(b"\n")
    return text_of(first), text_of(second), text_of(third)


def _gateways() -> list[bytes]:
    status = types_pb2.GetProofRequestStatusResponse(
        fulfillment_status=types_pb2.FULFILLED, proof_uri="https://a"
    )
    return [b"\0" + status.SerializeToString(), b"\1\7", b"\2SP1TEE-R001\nno%20way\nwhy"]


def _page(data: bytes) -> None:
    way, body = chosen(data, 2)
    if way:
        figures = Figures.read(body)
        figures.by("a", "b")
        figures.total("a", b="c")
    else:
        Health.read(body)


_METRICS = b"""# HELP sp1tee_a some
# TYPE sp1tee_a histogram
sp1tee_a_bucket{le="1.0",of="a\\"b"} 3.0 # {trace_id="x"} 1
sp1tee_a_sum 2.5e-3 1700000000
process_start_time_seconds NaN
"""
_HEALTH = b"""{"why_not": {"disk": "full"}, "workers": [{"name": "a", "seen_s_ago": 1.5,
 "proves": [{"version": "sp1-v6.1.0", "mock": true}]}]}"""


def _url(data: bytes) -> None:
    parse_url(text_of(data))


_Refused = tuple[type[Exception], ...]
_LEASE: _Refused = (WireError, FulfillError, DecodeError)
_NO_NOTES: _Refused = (ValueError,)
_BROKEN: _Refused = (frames.FrameError, EOFError)

TARGETS = (
    Target("fulfill.lease", ("fulfill.lease",), _lease, _LEASE, _leases, size=1024),
    Target("fulfill.input", ("fulfill.inputs",), _input, (FulfillError,), _inputs),
    Target(
        "fulfill.elf",
        ("fulfill.executors.elf", "fulfill.executors.elf_headers", "fulfill.executors.isa"),
        _elf,
        (FulfillError,),
        _elves,
        size=1 << 13,
    ),
    Target(
        "fulfill.notes",
        ("fulfill.executors.elf_notes",),
        _notes,
        _NO_NOTES,
        lambda: [bytes.fromhex("090000001400000001000000") + b"SUCCINCT\0\0\0\0" + bytes(20)],
        size=256,
    ),
    Target(
        "fulfill.key",
        ("wire.keys",),
        _key,
        (FulfillError,),
        lambda: [bytes(104) + elf[:64] for elf in seeds.files("guests/*.elf")],
        size=512,
    ),
    Target(
        "fulfill.executor",
        ("fulfill.executors.frames", "fulfill.executors.control"),
        _result,
        _BROKEN,
        _results,
        size=1024,
    ),
    Target(
        "fulfill.moongate",
        ("fulfill.provers.moongate",),
        _moongate,
        (FulfillError,),
        _cut,
        size=512,
    ),
    Target(
        "fulfill.gateway",
        ("fulfill.provers.gateway_replies",),
        _gateway,
        (Sp1teeError, DecodeError),
        _gateways,
        size=1024,
    ),
    Target(
        "fulfill.cluster",
        (
            "fulfill.provers.cluster.artifacts",
            "fulfill.provers.cluster.opening",
            "fulfill.provers.cluster.replies",
        ),
        _cluster,
        (FulfillError, DecodeError),
        _clusters,
        size=1024,
    ),
    Target(
        "fulfill.url",
        ("fulfill.endpoint",),
        _url,
        (ConfigError,),
        lambda: [b"https://prover.example.org:8081", b"http://[::1]:1/"],
        size=256,
    ),
    Target("native.answer", ("native.frames",), decode_answer, (NativeError,), _answers),
    Target(
        "native.talk",
        ("native.talk",),
        _talk,
        (),
        lambda: [b"thread 'main' panicked at src/main.rs:17:5\nwhy"],
        size=1 << 13,
    ),
    Target(
        "monitoring.page",
        ("monitoring.look",),
        _page,
        (ServerAway,),
        lambda: [b"\1" + _METRICS, b"\0" + _HEALTH],
    ),
)
