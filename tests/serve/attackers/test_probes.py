"""What is said to a server in the hope that it misunderstands: heads, paths, tokens, messages."""

import gzip
import itertools
import secrets
import socket
from contextlib import ExitStack, suppress
from functools import partial
from queue import Queue
from urllib.parse import urlsplit

import grpc
import pytest
import requests
from serve.attackers.conftest import Attacked
from support.attacks import NONCE
from support.hostile_client import (
    CREATE_ARTIFACT,
    NETWORK,
    Refused,
    answer,
    frame,
    post,
    solvency,
)

from sp1tee.wire.pb import artifact_pb2, types_pb2

MIB = 1 << 20
BOUND = 64 * MIB
WATCH = "/grpc.health.v1.Health/Watch"
REFLECT = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
STREAMS = 256

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n"
AMBIGUOUS = {
    "two lengths": b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\ncontent-length: 35\r\n\r\n",
    "a length and chunks": b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 35\r\n"
    b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks that are none": b"PUT / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n",
    "a folded line": b"PUT / HTTP/1.1\r\nhost: x\r\ntransfer-encoding:\r\n chunked\r\n\r\n",
    "a space before the colon": b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length : 35\r\n\r\n",
    "a negative length": b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
    "a length with a sign": b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: +35\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n",
    "NUL in a header": b"GET / HTTP/1.1\r\nhost: x\r\nx: a\0b\r\n\r\n",
}


def spoken(attacked: Attacked, said: bytes) -> bytes:
    """All that comes back on a connection until it is closed."""
    with attacked.way.connect() as line:
        line.sendall(said)
        line.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: line.recv(1 << 16), b""))


@pytest.mark.parametrize("head", list(AMBIGUOUS))
def test_a_head_with_two_meanings_is_refused_and_nothing_behind_it_is_answered(
    attacked: Attacked, head: str
):
    back = spoken(attacked, AMBIGUOUS[head] + SMUGGLED)
    assert back.startswith(b"HTTP/1.1 400")
    assert back.count(b"HTTP/1.1 ") == 1


PRIVATE_PATHS = [
    "/metrics",
    "/health/ready",
    "/admin/requests",
    "/blobs/stdin/1",
    "/blobs/program/1",
]
TRICKS = [
    "{}",
    "/{}",
    "/.{}",
    "/health/..{}",
    "/health/%2e%2e{}",
    "/evidences/../..{}",
    "/evidences/%252e%252e{}",
    "{}%00",
    "{}%20",
    "{};a=b",
    "{}/.",
    "{}?a=b",
    "{}%2f",
    "/artifacts/stdin/..%2f..{}",
    "http://127.0.0.1{}",
    "http://127.0.0.1:8081{}",
    "/proofs/..{}",
]


@pytest.mark.parametrize("private", PRIVATE_PATHS)
def test_no_way_of_writing_a_private_path_leads_there_from_outside(
    attacked: Attacked, private: str
):
    token = attacked.worker_token
    for trick in TRICKS:
        head = f"GET {trick.format(private)} HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        more = f"authorization: Bearer {token}\r\nconnection: close\r\n\r\n"
        status = int(spoken(attacked, (head + more).encode()).split()[1])
        assert status in (400, 404, 405, 421), trick


def test_a_workers_calls_are_unknown_on_the_public_listener_even_with_its_token(attacked: Attacked):
    headers = {"authorization": f"Bearer {attacked.worker_token}"}
    for method in ("Lease", "Heartbeat", "Finish", "Fail"):
        reply = post(attacked.url, f"/sp1tee.worker.v1.Workers/{method}", frame(b""), **headers)
        assert reply.grpc_status == grpc.StatusCode.UNIMPLEMENTED.value[0]


def test_guessed_tokens_open_nothing_and_all_look_alike(attacked: Attacked):
    real = attacked.worker_token
    guesses = ["", real[:-1], real[:-1] + "!", real + "a", real.swapcase(), secrets.token_hex(32)]
    texts = set()
    for guess, path in itertools.product(
        guesses, ("/metrics", "/blobs/stdin/1", "/admin/requests")
    ):
        reply = requests.get(
            attacked.server.worker_url + path,
            headers={"authorization": f"Bearer {guess}"},
            timeout=30,
        )
        assert reply.status_code == 401
        texts.add((path.startswith("/admin"), reply.text))
    assert len(texts) == 2
    shown = {"authorization": f"Bearer {real}"}
    page = requests.get(f"{attacked.server.worker_url}/metrics", headers=shown, timeout=30)
    assert page.status_code == 200


def test_guessed_upload_secrets_and_proof_tokens_open_nothing(attacked: Attacked):
    with attacked.honest() as requester:
        placed = requester.place(artifact_pb2.STDIN)
    base, _, secret = placed.artifact_presigned_url.partition("?token=")
    for guess in ("", secret[:-1], secret + "a", secrets.token_hex(16), f"{secret}&token={secret}"):
        reply = requests.put(f"{base}?token={guess}", data=b"x", timeout=30)
        assert reply.status_code in (401, 403, 404), reply.text
    for _ in range(20):
        reply = requests.get(f"{attacked.url}/proofs/{secrets.token_urlsafe(32)}", timeout=30)
        assert reply.status_code == 404
    assert requests.get(placed.artifact_presigned_url, timeout=30).status_code == 405


def test_a_replayed_request_is_the_same_request_and_makes_no_work(attacked: Attacked):
    program, stdin, _ = solvency()
    with attacked.honest() as requester:
        requester.register(program)
        uri = requester.upload(artifact_pb2.STDIN, stdin)
        sealed = requester.seal(requester.body(program, uri))
        replies = {_identity(requester.ask("RequestProof", sealed)) for _ in range(50)}
    assert len(replies) == 1
    token = {"authorization": f"Bearer {attacked.worker_token}"}
    page = requests.get(f"{attacked.server.worker_url}/metrics", headers=token, timeout=30).text
    assert 'sp1tee_requests{state="queued"} 1.0' in page


def _identity(reply: bytes) -> bytes:
    return types_pb2.RequestProofResponse.FromString(reply).body.request_id


def test_a_message_that_unpacks_to_a_thousand_times_its_size_is_refused_in_no_memory(
    attacked: Attacked,
):
    bomb = gzip.compress(bytes(512 * MIB), 9)
    before = attacked.resident()
    for _ in range(20):
        body = frame(bomb, flag=1)
        reply = post(attacked.url, f"{NETWORK}/RequestProof", body, grpc_encoding="gzip")
        assert reply.grpc_status == grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
    assert attacked.resident() - before < BOUND
    assert attacked.serves()


@pytest.mark.parametrize("size", [60_000, 70_000, 1_000_000])
def test_giant_metadata_is_carried_or_refused_and_never_kept(attacked: Attacked, size: int):
    before = attacked.resident()
    for _ in range(50):
        head = f"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx: {'a' * size}\r\n\r\n"
        status = int(spoken_in_part(attacked, head.encode()).split()[1])
        assert status in (200, 400, 431)
    assert attacked.resident() - before < BOUND
    assert attacked.serves()


def spoken_in_part(attacked: Attacked, said: bytes) -> bytes:
    """What a server says that may hang up before it was told everything."""
    with attacked.way.connect() as line:
        with suppress(ConnectionError):
            line.sendall(said)
        try:
            status, _ = answer(line)
        except (ConnectionError, IndexError):
            return b"HTTP/1.1 431"
        return b"HTTP/1.1 %d" % status


def test_health_streams_by_the_hundred_keep_nobody_elses_out(attacked: Attacked):
    options = (("grpc.use_local_subchannel_pool", 1),)
    where = urlsplit(attacked.url).netloc
    with ExitStack() as stack:
        greedy = stack.enter_context(grpc.insecure_channel(where, options))
        watches = [greedy.unary_stream(WATCH)(b"", timeout=60) for _ in range(STREAMS)]
        assert all(next(watch) for watch in watches)
        ended: Queue[grpc.Call] = Queue()
        for watch in watches:
            watch.add_callback(partial(ended.put, watch))
        other = stack.enter_context(grpc.insecure_channel(where, options))
        mine = other.unary_stream(WATCH)(b"", timeout=60)
        assert next(mine) is not None
        assert ended.get(timeout=60).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert attacked.serves()
        for watch in (*watches, mine):
            watch.cancel()


def test_reflection_asked_a_thousand_times_in_one_call_is_answered_in_no_memory(attacked: Attacked):
    before = attacked.resident()
    question = b"\x3a\x00"
    with grpc.insecure_channel(urlsplit(attacked.url).netloc) as channel:
        call = channel.stream_stream(REFLECT)(iter([question] * 1000), timeout=60)
        assert sum(1 for _ in call) == 1000
    assert attacked.resident() - before < BOUND
    assert attacked.serves()


def test_an_unknown_encoding_or_a_lie_about_size_is_a_refusal(attacked: Attacked):
    lies = [frame(b"", length=1 << 31), frame(b"x", flag=7), frame(b"x", length=2), b"\0"]
    for body in lies:
        assert post(attacked.url, NONCE, body).grpc_status != 0
    assert attacked.serves()


def test_signatures_that_nobody_made_are_refused_one_like_another(attacked: Attacked):
    with attacked.honest() as requester:
        for signature in (
            b"",
            bytes(65),
            bytes(64) + b"\x1b",
            secrets.token_bytes(65)[:64] + b"\x63",
        ):
            ask = artifact_pb2.CreateArtifactRequest(
                signature=signature, artifact_type=artifact_pb2.STDIN
            )
            with pytest.raises(Refused) as refused:
                requester.call(CREATE_ARTIFACT, ask.SerializeToString())
            assert refused.value.status in (
                "UNAUTHENTICATED",
                "INVALID_ARGUMENT",
                "PERMISSION_DENIED",
            )
