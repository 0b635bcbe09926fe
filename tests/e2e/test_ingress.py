"""dstack-ingress in both of its shapes before a real server: TLS, RPCs, uploads, evidence, restarts.

2.x is HAProxy, which hands bytes on; 1.x is nginx, which speaks HTTP/2 to the server whatever its
clients speak. Clients trust one authority of the test, and verify names.
"""

import contextlib
import hashlib
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import httpx
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from support.hostile_client import CREATE_ARTIFACT, PATIENCE_S, Refused, frame, solvency
from support.ingress_places import WORKERS, Place, SecureRequester, behind
from support.ingress_proxies import SHAPES, Site, ingress_1, ingress_2
from support.native_programs import Said, sdk_at_work, sdk_program
from support.people import eventually, sp1tee
from support.people import solvency as private_task
from support.watching import watching

from sp1tee import guests
from sp1tee.sim.processes import LocalService
from sp1tee.wire.artifacts import pack
from sp1tee.wire.pb import artifact_pb2, types_pb2
from sp1tee.wire.proof import decode_proof
from sp1tee.wire.signing import Signer
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family

pytestmark = pytest.mark.e2e

ALICE = Signer.from_bytes(b"\x0a" * 32)
PROGRAM, INPUT, _ = solvency()
LARGE_INPUT = pack(
    Stdin.of(*guests.solvency_input(1000, [400, 700]).buffers, os.urandom(7 << 18)).encode(),
    Family.V6,
)
"""The same with more behind it, which the program does not look at."""
VERSIONS = ("HTTP/1.1", "HTTP/2")
STDIN = artifact_pb2.STDIN

UPLOAD = 24 << 20
MAX_STDIN = 32 << 20
MESSAGE_LIMIT = 1 << 20
BEGINNING = 3 << 19
"""Enough of an upload to be on the disk: the server writes by the MiB."""

DEADLINE_EXCEEDED = 4


class Cut(Exception):  # noqa: N818 - it is no error
    """A client that breaks off."""


@pytest.fixture(scope="module", params=list(SHAPES))
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """A server without fulfillers, for tests that leave nothing behind."""
    folder = tmp_path_factory.mktemp("ingress")
    with behind(request.param, folder, "--max-stdin-bytes", str(MAX_STDIN)) as place:
        with place.requester(ALICE) as alice:
            _register(place, alice)
        yield place


@pytest.fixture
def alice(place: Place) -> Iterator[SecureRequester]:
    with place.requester(ALICE) as requester:
        yield requester


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def http(place: Place, version: str) -> Iterator[httpx.Client]:
    with place.http(version) as client:
        yield client


def _upload(place: Place, alice: SecureRequester, kind: int, data: bytes) -> str:
    placed = alice.place(kind)
    with place.http("HTTP/1.1") as http:
        answer = http.put(placed.artifact_presigned_url, content=data)
    assert answer.status_code == 200, answer.text
    return placed.artifact_uri


def _register(place: Place, alice: SecureRequester) -> None:
    uri = _upload(place, alice, artifact_pb2.PROGRAM, PROGRAM.upload)
    alice.ask("CreateProgram", alice.seal(alice.program_body(PROGRAM, uri)))


def _failed(place: Place, alice: SecureRequester, text: str, printed: str = "") -> bytes:
    """A request that a worker could not prove."""
    uri = _upload(place, alice, STDIN, INPUT)
    request_id = alice.send(alice.body(PROGRAM, uri))
    place.worker.fail(place.worker.lease(), text, printed)
    return request_id


def _refused(call: Callable[..., object], *arguments: object) -> Refused:
    with pytest.raises(Refused) as caught:
        call(*arguments)
    return caught.value


def _status_of(call: Callable[..., object], *arguments: object) -> str:
    return _refused(call, *arguments).status


# --- calls ---------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_a_private_input_becomes_a_checked_proof(
    shape: str, tmp_path: Path, folder: Path, key: Path
) -> None:
    task = private_task(folder)
    out = folder / "proof.bin"
    with behind(shape, tmp_path) as place, watching(place.service) as watched:
        watched.extend(task.secret)
        place.fulfill()
        done = sp1tee(
            *("prove", *task.flags, "--key-file", str(key), "-o", str(out)),
            *(*place.contact, "--format", "json"),
        )
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["public_values"] == task.public_values.hex()
    assert decode_proof(out.read_bytes()).public_values == task.public_values


@pytest.mark.parametrize(
    ("host", "authority", "told"),
    [
        ("localhost", False, "certificate is not trusted"),
        ("127.0.0.1", True, "certificate is for another name"),
    ],
    ids=["an unknown authority", "another name"],
)
def test_nothing_is_sent_to_an_ingress_with(
    host: str, authority: bool, told: str, place: Place, folder: Path, key: Path
) -> None:
    before = place.blobs()
    done = sp1tee(
        *("prove", *private_task(folder).flags, "--key-file", str(key)),
        *("--server", f"https://{host}:{place.site.port}"),
        *(("--ca-file", str(place.site.ca)) if authority else ()),
        *("-o", str(folder / "none.bin")),
    )
    assert done.returncode == 3
    assert told in done.stderr
    assert "again" not in done.stderr
    assert place.blobs() == before


def test_an_error_arrives_with_its_status_text_and_code(alice: SecureRequester) -> None:
    error = _refused(alice.ask, "RequestProof", b"\xff")
    assert error.status == "INVALID_ARGUMENT"
    assert error.code.startswith("SP1TEE-")
    assert len(error.text) > 20


def test_the_reason_of_a_failure_arrives_beside_its_status(
    place: Place, alice: SecureRequester
) -> None:
    request_id = _failed(place, alice, "The program said “naïve”, 100 %.")
    ended = alice.status(request_id)
    assert ended.reply.fulfillment_status == types_pb2.UNFULFILLABLE
    assert "“naïve”, 100 %." in ended.reason


def test_the_longest_reason_arrives_too(place: Place, alice: SecureRequester) -> None:
    """What a guest printed travels as trailing metadata of some KiB."""
    printed = "".join(f"line {number}\n" for number in range(1000))
    reason = alice.status(_failed(place, alice, "t" * 500, printed)).reason
    assert reason.startswith("t" * 500)
    assert reason.endswith("line 999")
    assert len(reason) > 2000


def test_a_calls_own_deadline_is_kept_by_the_server(place: Place) -> None:
    # This call has to wait for the disk.
    signature = ALICE.sign_create_artifact()
    ask = artifact_pb2.CreateArtifactRequest(signature=signature, artifact_type=STDIN)
    reply = place.post(CREATE_ARTIFACT, frame(ask.SerializeToString()), grpc_timeout="1n")
    assert reply.grpc_status == DEADLINE_EXCEEDED


def test_a_stream_that_outlasts_its_deadline_is_ended(alice: SecureRequester) -> None:
    watch = health_pb2_grpc.HealthStub(alice.channel).Watch(
        health_pb2.HealthCheckRequest(service="network.ProverNetwork"), timeout=1
    )
    assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as caught:
        next(watch)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_the_largest_message_arrives_whole(place: Place, alice: SecureRequester) -> None:
    # Only a message that was read to its end is found to have no good signature.
    message = types_pb2.SignedRequest(body=bytes(MESSAGE_LIMIT - 100)).SerializeToString()
    assert MESSAGE_LIMIT - 100 < len(message) <= MESSAGE_LIMIT
    assert _status_of(alice.ask, "CreateProgram", message) == "INVALID_ARGUMENT"


def test_a_message_that_is_too_large_is_refused_for_good(
    place: Place, alice: SecureRequester
) -> None:
    assert _status_of(alice.ask, "CreateProgram", bytes(MESSAGE_LIMIT + 1)) == "RESOURCE_EXHAUSTED"


@pytest.mark.sdk
def test_the_unmodified_sdk_gets_its_proof(tmp_path: Path, folder: Path) -> None:
    """Its calls go through the ingress, its uploads around: for these it trusts public roots alone."""
    sdk_program()
    task = private_task(folder)

    def run(shape: str) -> Said:
        own = tmp_path / shape
        own.mkdir()
        with behind(shape, own, uploads_around=True) as place:
            place.fulfill()
            flags = (str(task.elf), str(task.stdin), "groth16", "600", "--skip-simulation")
            trusted = {"SSL_CERT_FILE": str(place.site.ca)}
            with sdk_at_work(own, "reserved", place.site.url, *flags, variables=trusted) as sdk:
                return sdk.said()

    # It takes seconds to set a program up.
    with ThreadPoolExecutor() as pool:
        for said in pool.map(run, SHAPES):
            assert said.code == 0, said
            assert f"public_values {task.public_values.hex()}" in said.out


# --- uploads -------------------------------------------------------------------------------


def test_an_upload_arrives_whole(
    place: Place, http: httpx.Client, version: str, alice: SecureRequester
) -> None:
    data = os.urandom(UPLOAD)
    placed = alice.place(STDIN)
    assert placed.artifact_presigned_url.startswith(place.site.url)
    answer = http.put(placed.artifact_presigned_url, content=data)
    assert (answer.status_code, answer.http_version) == (200, version)
    alice.send(alice.body(PROGRAM, placed.artifact_uri))
    held = place.worker.lease()
    assert place.worker.digest_of_stdin(held) == hashlib.sha256(data).hexdigest()
    place.worker.fail(held, "over")


def test_an_ingress_keeps_nothing_of_an_upload(
    place: Place, http: httpx.Client, alice: SecureRequester
) -> None:
    """Neither its bytes in a file, nor in a log the address that it may be sent to."""
    placed = alice.place(STDIN)
    assert http.put(placed.artifact_presigned_url, content=bytes(UPLOAD)).status_code == 200
    # nginx writes about a request when it is over, and before it reads the next one.
    assert http.get("/health").status_code == 200
    token = placed.artifact_presigned_url.partition("token=")[2]
    said = place.site.log.read_text()
    assert len(token) > 20
    assert token not in said
    assert "temporary file" not in said


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "unannounced"])
def test_more_than_the_limit_is_not_taken(
    announced: bool, place: Place, http: httpx.Client, alice: SecureRequester
) -> None:
    before = place.blobs()
    placed = alice.place(STDIN)
    data = bytes(MAX_STDIN + 1)
    answer = http.put(placed.artifact_presigned_url, content=data if announced else _pieces(data))
    assert answer.status_code == 413
    assert answer.json()["code"].startswith("SP1TEE-")
    eventually(lambda: place.blobs() == before or None, "no trace of what was too large")
    with place.http("HTTP/1.1") as again:
        assert again.put(placed.artifact_presigned_url, content=INPUT).status_code == 200


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), 1 << 20):
        yield data[start : start + (1 << 20)]


def test_half_an_upload_leaves_nothing_behind(
    place: Place, version: str, alice: SecureRequester
) -> None:
    before = place.blobs()
    placed = alice.place(STDIN)

    def half() -> Iterator[bytes]:
        yield os.urandom(BEGINNING)
        eventually(lambda: place.blobs() - before or None, "the beginning of an upload")
        raise Cut

    length = {"content-length": str(2 * BEGINNING)}
    with place.http(version) as http, pytest.raises(Cut):
        http.put(placed.artifact_presigned_url, content=half(), headers=length)
    eventually(lambda: place.blobs() == before or None, "no trace of half an upload")
    with place.http(version) as http:
        assert http.put(placed.artifact_presigned_url, content=INPUT).status_code == 200


# --- evidence ------------------------------------------------------------------------------


def test_evidence_is_served(place: Place, version: str) -> None:
    content = (place.site.evidences / "quote.json").read_bytes()
    answer = _ask(place, version, "GET", "/evidences/quote.json")
    assert (answer.status_code, answer.http_version) == (200, version)
    assert answer.content == content
    head = _ask(place, version, "HEAD", "/evidences/quote.json")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(content))
    # HAProxy finds no GET in what HTTP/2 is on the wire.
    assert _is_ours(answer) is _is_ours(head) is (place.shape == "2.x" and version == "HTTP/2")


@pytest.mark.parametrize("name", ["none.json", "..%2fcertificate.pem", "%2e%2e/certificate.pem"])
def test_what_is_no_evidence_is_not_found(name: str, place: Place, version: str) -> None:
    answer = _ask(place, version, "GET", f"/evidences/{name}")
    assert answer.status_code in (400, 404)
    assert b"PRIVATE" not in answer.content


@pytest.mark.parametrize("place", ["2.x"], indirect=True)
def test_haproxy_looks_at_a_connections_first_request_alone(place: Place) -> None:
    """So the server must have all the evidence for HTTP/1.1 as well."""
    with place.http("HTTP/1.1") as http:
        assert http.get("/health").json() == {"status": "ok"}
        answer = http.get("/evidences/quote.json")
    assert answer.content == (place.site.evidences / "quote.json").read_bytes()
    assert _is_ours(answer)


def _ask(place: Place, version: str, method: str, path: str) -> httpx.Response:
    """Ask over a connection of its own: HAProxy 2.6 breaks off one that goes on behind evidence."""
    with place.http(version) as http:
        return http.request(method, path)


def _is_ours(answer: httpx.Response) -> bool:
    """Whether the server has answered, and not the ingress."""
    return "x-request-id" in answer.headers


# --- what must not come through ------------------------------------------------------------


def test_workers_calls_do_not_exist_outside(place: Place, alice: SecureRequester) -> None:
    rights = place.worker.rights.items()
    for method in ("Lease", "Heartbeat", "Finish", "Fail", "Release"):
        assert _status_of(alice.call, f"{WORKERS}/{method}", b"", *rights) == "UNIMPLEMENTED"


@pytest.mark.parametrize(
    "path",
    ["/metrics", "/health/ready", "/health/live", "/blobs/stdin/x", "/blobs/program/x", "/"],
)
def test_workers_pages_do_not_exist_outside(place: Place, http: httpx.Client, path: str) -> None:
    answer = http.get(path, headers=place.worker.rights)
    assert answer.status_code == 404
    assert _is_ours(answer)


def test_a_proof_cannot_be_handed_in_from_outside(place: Place, http: httpx.Client) -> None:
    answer = http.put("/proofs/lease_x", content=b"a proof", headers=place.worker.rights)
    assert answer.status_code == 405
    assert http.get("/health").json() == {"status": "ok"}


HEALTH = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n"
PUT = b"PUT /artifacts/stdin/x HTTP/1.1\r\nhost: x\r\n"
PROBES = {
    "a length and chunks": PUT
    + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": PUT
    + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": PUT + b"content-length: 0\r\ncontent-length: 36\r\n\r\n",
    "two lengths in one line": PUT + b"content-length: 0, 36\r\n\r\n",
    "a signed length": PUT + b"content-length: +0\r\n\r\n",
    "an unknown coding": PUT + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a coding twice": PUT + b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "a folded header": PUT + b"transfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": PUT + b"content-length : 0\r\n\r\n",
    "bare line feeds": b"GET /health HTTP/1.1\nhost: x\n\n",
    "a bare line feed in a header": b"GET /health HTTP/1.1\r\nhost: x\ncontent-length: 36\r\n\r\n",
    "a NUL in a header": b"GET /health HTTP/1.1\r\nhost: x\r\na: b\0c\r\n\r\n",
    "no host": b"GET /health HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /health HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n",
}
"""What two readers may understand differently; HAProxy hands it on as it is."""


@pytest.mark.parametrize("probe", PROBES)
@pytest.mark.parametrize("place", ["2.x"], indirect=True)
def test_ambiguous_framing_is_refused_and_nothing_behind_it_is_read(
    probe: str, place: Place
) -> None:
    with place.line() as line:
        line.sendall(PROBES[probe] + HEALTH)
        said = _to_the_end(line)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert said.count(b"HTTP/1.1 ") == 1
    assert b'"status"' not in said


def _to_the_end(line: socket.socket) -> bytes:
    """Read until the server closes the connection; fails if it does not."""
    said = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := line.recv(65536):
            said += piece
    return said


# --- other configurations ------------------------------------------------------------------


def test_without_alpn_no_grpc_client_connects(tmp_path: Path) -> None:
    """What the 2.x image does unless it is told otherwise."""
    site = Site.below(tmp_path / "ingress")
    with (
        LocalService(tmp_path / "service") as service,
        ingress_2(site, _netloc(service), alpn=""),
        SecureRequester(site.url, ALICE, site.ca) as alice,
        httpx.Client(verify=site.context()) as http,
    ):
        error = _refused(alice.nonce)
        assert (error.status, "ALPN" in error.text) == ("UNAVAILABLE", True)
        assert http.get(f"{site.url}/health").status_code == 200
        told = sp1tee("status", "00" * 32, "--server", site.url, "--ca-file", str(site.ca))
    assert told.returncode == 3
    assert "ALPN=h2,http/1.1 in dstack-ingress" in told.stderr


def test_an_nginx_that_speaks_http_1_0_to_the_server_is_refused(tmp_path: Path) -> None:
    """What the 1.x image does with a TARGET_ENDPOINT of http://."""
    site = Site.below(tmp_path / "ingress")
    with (
        LocalService(tmp_path / "service") as service,
        ingress_1(site, _netloc(service), scheme="http"),
        SecureRequester(site.url, ALICE, site.ca) as alice,
        httpx.Client(verify=site.context()) as http,
    ):
        error = _refused(alice.nonce)
        assert (error.status, "status: 400" in error.text) == ("INTERNAL", True)
        assert http.get(f"{site.url}/health").status_code == 400


def _netloc(service: LocalService) -> str:
    return service.serve("--allow-mock").public_url.removeprefix("http://")


# --- restarts ------------------------------------------------------------------------------


@dataclass(frozen=True)
class SlowUpload:
    """An upload that stands still in its middle until it may go on."""

    place: Place
    version: str
    url: str = field(repr=False)
    go_on: threading.Event

    def run(self) -> int:
        with self.place.http(self.version) as http:
            length = {"content-length": str(len(LARGE_INPUT))}
            return http.put(self.url, content=self._body(), headers=length).status_code

    def _body(self) -> Iterator[bytes]:
        yield LARGE_INPUT[:BEGINNING]
        assert self.go_on.wait(PATIENCE_S)
        yield LARGE_INPUT[BEGINNING:]


@pytest.mark.parametrize("shape", SHAPES)
def test_a_server_that_is_told_to_stop_loses_nothing_of_what_comes_through_an_ingress(
    shape: str, tmp_path: Path, folder: Path, key: Path
) -> None:
    task = private_task(folder)
    out = folder / "proof.bin"
    with (
        behind(shape, tmp_path, "--drain-s", "30") as place,
        place.requester(ALICE) as alice,
        ThreadPoolExecutor() as pool,
    ):
        _register(place, alice)
        asked = sp1tee("prove", *task.flags, "--key-file", str(key), *place.contact, "--detach")
        assert asked.returncode == 0, asked.stderr
        with place.command("wait", asked.stdout.strip(), "-o", str(out)) as waiting:
            eventually(lambda: place.has("GetProofRequestStatus"), "somebody who waits")
            go_on, before = threading.Event(), place.blobs()
            places = [alice.place(STDIN) for _ in VERSIONS]
            uploads = [
                pool.submit(SlowUpload(place, version, placed.artifact_presigned_url, go_on).run)
                for version, placed in zip(VERSIONS, places, strict=True)
            ]
            watch = health_pb2_grpc.HealthStub(alice.channel).Watch(
                health_pb2.HealthCheckRequest(service="network.ProverNetwork"), timeout=PATIENCE_S
            )
            assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
            eventually(lambda: len(place.blobs() - before) == 2 or None, "two uploads under way")

            place.server.popen.send_signal(signal.SIGTERM)
            assert _end_of(watch) is grpc.StatusCode.UNAVAILABLE
            assert _status_of(alice.nonce) == "UNAVAILABLE"
            with place.requester(ALICE) as newcomer:
                assert _status_of(newcomer.nonce) == "UNAVAILABLE"
            with place.http("HTTP/1.1") as http:
                assert http.get("/health").status_code == 503

            go_on.set()
            assert [upload.result(PATIENCE_S) for upload in uploads] == [200, 200]
            assert place.server.popen.wait(PATIENCE_S) == 0
            assert _status_of(alice.nonce) == "UNAVAILABLE"

            place.restart()
            place.fulfill()
            _, said = waiting.communicate(timeout=PATIENCE_S)
            assert waiting.returncode == 0, said
        assert decode_proof(out.read_bytes()).public_values == task.public_values
        for placed in places:
            end = alice.end(alice.send(alice.body(PROGRAM, placed.artifact_uri)))
            assert end.reply.fulfillment_status == types_pb2.FULFILLED, end.reason


def _end_of(watch: Iterator[object]) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as caught:
        for _ in watch:
            pass
    return caught.value.code()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_server_that_is_killed_is_found_again_by_its_ingress(
    shape: str, tmp_path: Path, folder: Path, key: Path
) -> None:
    task = private_task(folder)
    out = folder / "proof.bin"
    flags = ("prove", *task.flags, "--key-file", str(key), "-o", str(out))
    with behind(shape, tmp_path) as place, place.command(*flags) as asking:
        eventually(lambda: place.has('sp1tee_requests{state="queued"} 1.0'), "a queued request")
        with place.requester(ALICE) as alice:
            placed = alice.place(STDIN)
        place.server.kill()
        with place.http("HTTP/1.1") as http, contextlib.suppress(httpx.RemoteProtocolError):
            assert http.put(placed.artifact_presigned_url, content=INPUT).status_code == 502
        assert "token=" not in place.site.log.read_text()
        place.restart()
        place.fulfill()
        _, said = asking.communicate(timeout=PATIENCE_S)
        assert asking.returncode == 0, said
    assert decode_proof(out.read_bytes()).public_values == task.public_values
