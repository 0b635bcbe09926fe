"""What a server reads: calls, frames, headers, paths, uploads, workers' and operators' words."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from google.protobuf.message import DecodeError

from fuzz import seeds
from fuzz.target import Target, chosen, each_way, text_of
from sp1tee.errors import LeaseLost, NetworkError, RangeRefused, Refusal
from sp1tee.serve import admin_messages, listing, worker_messages
from sp1tee.serve.accounts import Accounts
from sp1tee.serve.admin_workers import worker_name_of
from sp1tee.serve.admission import Admission, AdmissionRules, read_body
from sp1tee.serve.calls import SignedCall
from sp1tee.serve.elf import read_header
from sp1tee.serve.examine import examine
from sp1tee.serve.framing import CallError, metadata_of, only_message, timeout_of, trailers_of
from sp1tee.serve.http import Event, Exchange
from sp1tee.serve.lease_header import lease_token
from sp1tee.serve.network import Question
from sp1tee.serve.network.answers import answer
from sp1tee.serve.network.reading import read, status_name
from sp1tee.serve.programs import open_program
from sp1tee.serve.ranges import span_of
from sp1tee.serve.routes import Route, find
from sp1tee.serve.rpc_body import read_requests
from sp1tee.serve.rpc_method import Method
from sp1tee.store.records import Artifact, Capability, NewProgram, RequestRecord, State
from sp1tee.wire.artifacts import pack
from sp1tee.wire.pb import types_pb2, worker_pb2
from sp1tee.wire.program import encode_program
from sp1tee.wire.signing import Signer
from sp1tee.wire.versions import Family

_LIMIT = 1 << 12
_SIGNER = Signer.from_bytes(b"\x11" * 32)
_ADDRESS = bytes(_SIGNER.address)


def _frames(data: bytes) -> None:
    way, body = chosen(data, 4)
    if way < 2:
        only_message(body, (b"gzip", b"")[way], _LIMIT)
    else:
        asyncio.run(_stream(body, (b"gzip", b"identity")[way - 2]))


async def _stream(body: bytes, encoding: bytes) -> None:
    read_one = types_pb2.SignedRequest.FromString
    method = Method(
        "/a.B/C", print, read_one, None, takes_stream=True, gives_stream=True, limit=_LIMIT
    )
    pieces = [body[start : start + 7] for start in range(0, len(body), 7)]

    async def receive() -> Event:
        piece = pieces.pop(0) if pieces else b""
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async for _ in read_requests(receive, method, encoding):
        pass


def _framed() -> Iterator[bytes]:
    for message in [b"", *list(seeds.recorded())[:8]]:
        yield b"\0" + len(message).to_bytes(4, "big") + message
    yield bytes.fromhex("01000000171f8b08000000000000034b4c4a06000000ffff0300c241243503000000")


def _headers(data: bytes) -> None:
    lines = [line.partition(b":") for line in data.split(b"\n")]
    headers = [(name.lower(), value) for name, _, value in lines]
    trailers_of(metadata_of(headers))
    for _, value in headers:
        timeout_of(value)
    Accounts(bearer_token="x" * 32).authorize(metadata_of(headers))


_HEADERS = (
    b"grpc-timeout:10S\nauthorization:Bearer abc\nx-bin:AAA=\nte:trailers\nsp1tee-reason:\xc3\xa9"
)


def _range(data: bytes) -> None:
    span = span_of(data, 1000)
    assert span is None or 0 <= span.offset < span.offset + span.length <= span.size


def _exchange(path: bytes, query: bytes, headers: list[tuple[bytes, bytes]]) -> Exchange:
    scope = {"method": "GET", "path": text_of(path), "query_string": query, "headers": headers}

    async def nothing(*_: object) -> Any:
        raise AssertionError("nobody reads a body here")

    return Exchange(scope, nothing, nothing, "1")


def _address(data: bytes) -> None:
    """Find who answers a path, and read what stands beside it."""
    path, _, rest = data.partition(b"?")
    query, _, header = rest.partition(b"\n")
    exchange = _exchange(path, query, [(b"sp1tee-lease", header)])
    found = find(_ROUTES, exchange.scope["path"])
    for name in ("token", "state", "worker"):
        exchange.query(name)
    if found is not None:
        for value in found[1].values():
            worker_name_of(value)
    lease_token(exchange)


_ROUTES = tuple(
    Route(template, {})
    for template in ("/proofs/{token}", "/evidences/{path...}", "/blobs/{kind}/{id}", "/health")
)
_PATHS = (
    b"/proofs/%2e%2e/x?token=a&token=b\n" + b"5a" * 32,
    b"/evidences/a/b/c?state=queued,leased",
    b"/blobs/stdin/lease_1?worker=a%00b",
)


def _wanted(data: bytes) -> None:
    parts = data.split(b"\n")
    named = dict(zip(("state", "requester", "limit"), map(text_of, parts), strict=False))
    admin_messages.wanted_of(named.get)


def _listed(data: bytes) -> None:
    listing.read_filter(data, _ADDRESS)


def _filters() -> list[bytes]:
    request = types_pb2.GetFilteredProofRequestsRequest
    return [
        request(limit=5, page=2, requester=_ADDRESS, mode=types_pb2.PLONK).SerializeToString(),
        request(
            fulfillment_status=types_pb2.FULFILLED, minimum_deadline=(1 << 64) - 1
        ).SerializeToString(),
    ]


def _question(data: bytes) -> None:
    way, body = chosen(data, len(Question))
    answer(tuple(Question)[way], body, _ADDRESS, seeds.AT)


def _envelope(data: bytes) -> None:
    """Open an envelope and check its body as all three calls would."""
    accounts = Accounts((_SIGNER.address,))
    try:
        signed = accounts.signed(data)
    except Refusal:
        # The signature seldom survives; what it covers is checked all the same.
        body = types_pb2.SignedRequest.FromString(data).body
        signed = SignedCall(_SIGNER.address, bytes(65), body)
    calls: tuple[Callable[[], object], ...] = (
        lambda: _ADMISSION.program(signed),
        lambda: _ADMISSION.cancel(signed),
        lambda: _finished(_ADMISSION.proof(signed, bytes(32))),
        lambda: read_body(signed.body),
        lambda: accounts.artifact_owner(signed.signature),
    )
    for call in calls:
        try:
            call()
        except Refusal:
            continue


def _finished(work: Coroutine[Any, Any, object]) -> object:
    """Run what never has to wait, without a loop."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits for something")


class _Inputs:
    """Every input is the signer's, and there."""

    async def by_uri(self, uri: str) -> Artifact:
        return Artifact(
            id="artifact_1",
            kind="stdin",
            requester=_ADDRESS,
            uri=uri,
            state="uploaded",
            created_at=0,
            expires_at=0,
        )


_ADMISSION = Admission(
    AdmissionRules(("hosted", "reserved", "auction"), 1 << 40),
    _Inputs(),  # type: ignore[arg-type]  # all that admission asks for
    lambda: [Capability("sp1-v6.1.0", frozenset({1, 2}), mock=False)],
    lambda: 0.0,
)


def _upload(data: bytes) -> None:
    way, upload = chosen(data, 2)
    vk = next(seeds.files("proofs/*-vk.bin")) if way else b"\1" * 200
    new = NewProgram(vk_hash=bytes(32), vk=vk, owner=_ADDRESS, uri="", created_at=0)
    open_program(upload, new, _LIMIT)


def _programs() -> list[bytes]:
    elves = [elf[:600] for elf in seeds.files("proofs/*.elf", "guests/*.elf")]
    programs = [encode_program(elf) for elf in elves]
    return each_way(2, [*programs, *(pack(program, Family.V6) for program in programs)])


def _record() -> RequestRecord:
    return RequestRecord(
        fingerprint=bytes(32),
        requester=_ADDRESS,
        dialect="base",
        signature=bytes(65),
        body=b"",
        vk_hash=bytes(32),
        program_owner=_ADDRESS,
        version="sp1-v6.1.0",
        mode=3,
        strategy=2,
        stdin_artifact="artifact_1",
        deadline=seeds.AT,
        cycle_limit=1,
        gas_limit=1,
        nonce=0,
        request_id=bytes(32),
        tx_hash=bytes(32),
        key="req_1",
        state=State.LEASED,
        created_at=0,
        updated_at=0,
    )


def _worker(data: bytes) -> None:
    way, body = chosen(data, 4)
    if way == 0:
        request = worker_pb2.LeaseRequest.FromString(body)
        worker_messages.worker_name(request.worker)
        for capability in worker_messages.capabilities_of(request):
            json.dumps([capability.version, *capability.modes])
    elif way == 1:
        failed = worker_pb2.FailRequest.FromString(body)
        text = worker_messages.failure_of(failed).text + worker_messages.printed_of(failed)
        assert text.isprintable()
    else:
        finished = worker_pb2.FinishRequest.FromString(body)
        worker_messages.execution_of(finished.execution)


def _workers() -> list[bytes]:
    offered = worker_pb2.Capability(version="sp1-v6.1.0", modes=[types_pb2.CORE, types_pb2.PLONK])
    report = worker_pb2.ExecutionReport(cycles=5, gas=7, public_values_hash=bytes(32))
    messages = (
        worker_pb2.LeaseRequest(worker="a", capabilities=[offered]),
        worker_pb2.FailRequest(lease_id="lease_1", text="no\n", printed="x", execution=report),
        worker_pb2.FinishRequest(lease_id="lease_1", execution=report),
    )
    return each_way(4, (message.SerializeToString() for message in messages))


def _upstream(data: bytes) -> None:
    way, body = chosen(data, len(_REPLIES))
    reply = read(_REPLIES[way], body)
    if isinstance(reply, types_pb2.GetProofRequestStatusResponse):
        status_name(reply.fulfillment_status)


_REPLIES = (
    types_pb2.GetProofRequestStatusResponse,
    types_pb2.RequestProofResponse,
    types_pb2.GetProgramResponse,
    types_pb2.GetNonceResponse,
)


def _replies() -> list[bytes]:
    status = types_pb2.GetProofRequestStatusResponse(
        fulfillment_status=types_pb2.FULFILLED,
        deadline=9,
        proof_uri="https://a/b",
        public_values_hash=bytes(32),
    )
    nonce = types_pb2.GetNonceResponse(nonce=7)
    return each_way(4, [status.SerializeToString(), nonce.SerializeToString()])


_UNDECODED = (DecodeError,)
"""What the layer above turns into a status: `rpc_body.decode` of the call's own message."""

TARGETS = (
    Target(
        "serve.frames",
        ("serve.framing", "serve.rpc_body"),
        _frames,
        (CallError,),
        lambda: each_way(4, _framed()),
    ),
    Target(
        "serve.headers",
        ("serve.accounts",),
        _headers,
        (Refusal,),
        lambda: [_HEADERS],
        size=1024,
    ),
    Target(
        "serve.range",
        ("serve.ranges",),
        _range,
        (RangeRefused,),
        lambda: [b"bytes=0-9", b"bytes=-5", b" bytes=7-", b"bytes=0-1,3-4"],
        size=64,
    ),
    Target(
        "serve.path",
        ("serve.routes", "serve.http", "serve.lease_header", "serve.admin_workers"),
        _address,
        (LeaseLost, Refusal),
        lambda: _PATHS,
        size=1024,
    ),
    Target(
        "serve.operator",
        ("serve.admin_messages",),
        _wanted,
        (Refusal,),
        lambda: [b"queued,leased\n0x" + b"5a" * 20 + b"\n17"],
        size=512,
    ),
    Target("serve.filter", ("serve.listing",), _listed, (Refusal,), _filters, size=1024),
    Target(
        "serve.question",
        ("serve.network.answers",),
        _question,
        (Refusal,),
        lambda: each_way(len(Question), seeds.recorded("GetBalance", "GetOwner")),
        size=512,
    ),
    Target(
        "serve.envelope",
        ("serve.admission", "serve.checks", "serve.calls"),
        _envelope,
        (Refusal, *_UNDECODED),
        lambda: seeds.recorded("RequestProof", "CreateProgram", "CancelRequest"),
    ),
    Target("serve.program", ("serve.programs",), _upload, (Refusal,), _programs),
    Target(
        "serve.elf",
        ("serve.elf",),
        read_header,
        (Refusal,),
        lambda: [elf[:64] for elf in seeds.files("guests/*.elf")],
        size=128,
    ),
    Target(
        "serve.proof",
        ("serve.examine",),
        lambda data: examine(_record(), data),
        (Refusal,),
        seeds.proofs,
        size=1 << 13,
    ),
    Target(
        "serve.worker",
        ("serve.worker_messages",),
        _worker,
        (Refusal, *_UNDECODED),
        _workers,
        size=1024,
    ),
    Target(
        "serve.upstream",
        ("serve.network.reading",),
        _upstream,
        (NetworkError,),
        _replies,
        size=1024,
    ),
)
