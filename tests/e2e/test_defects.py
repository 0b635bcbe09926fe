"""What went wrong elsewhere and must not here: each test holds against one known defect.

They are of a first implementation of private proving for SP1, and are all visible from outside of
its processes.
"""

import contextlib
import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from support.hostile_client import (
    NETWORK,
    PATIENCE_S,
    Program,
    Refused,
    Requester,
    answer,
    solvency,
    upload_begun,
)
from support.people import detach, eventually, fetch, fibonacci, metrics
from support.people import solvency as private_task

from sp1tee import guests
from sp1tee.sim.processes import LocalService, Process
from sp1tee.wire.pb import artifact_pb2, auction_pb2, types_pb2, worker_pb2
from sp1tee.wire.signing import Signer
from sp1tee.wire.versions import Family

pytestmark = pytest.mark.e2e

ALICE = Signer.from_bytes(b"\x0a" * 32)
WORKERS = "/sp1tee.worker.v1.Workers"
PROGRAM, INPUT, _ = solvency()
QUICK = ("--allow-mock", "--lease-ttl-s", "2")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    """A service for tests that leave nothing behind."""
    with LocalService(tmp_path_factory.mktemp("defects")) as service:
        yield service


@pytest.fixture(scope="module")
def idle(shared: LocalService) -> Process:
    """A server without fulfillers, where leases wait for whoever asks."""
    server = shared.serve("--allow-mock", "--log-level", "debug", "--upload-ttl-s", "3600")
    with Requester(server.public_url, ALICE) as alice:
        alice.register(PROGRAM)
    return server


@pytest.fixture
def alice(idle: Process) -> Iterator[Requester]:
    with Requester(idle.public_url, ALICE) as requester:
        yield requester


def bearer(service: LocalService, server: Process) -> dict[str, str]:
    token = (service.folder / server.name / "worker.token").read_text().strip()
    return {"authorization": f"Bearer {token}"}


def lease(service: LocalService, server: Process) -> worker_pb2.Lease:
    """Lease as a fulfiller does."""
    capability = worker_pb2.Capability(version="sp1-v6.1.0", modes=[1], mock=True)
    ask = worker_pb2.LeaseRequest(worker="a", capabilities=[capability], wait_ms=10_000)
    with Requester(server.worker_url, ALICE) as worker:
        metadata = bearer(service, server).items()
        reply = worker.call(f"{WORKERS}/Lease", ask.SerializeToString(), *metadata)
    return worker_pb2.LeaseReply.FromString(reply).lease


def release(service: LocalService, server: Process, held: worker_pb2.Lease) -> None:
    ask = worker_pb2.ReleaseRequest(lease_id=held.lease_id, lease_token=held.lease_token)
    with Requester(server.worker_url, ALICE) as worker:
        metadata = bearer(service, server).items()
        worker.call(f"{WORKERS}/Release", ask.SerializeToString(), *metadata)


def status_of(call: Callable[..., object], *arguments: object) -> str:
    with pytest.raises(Refused) as caught:
        call(*arguments)
    return caught.value.status


# --- confidentiality -----------------------------------------------------------------------


def test_an_input_cannot_be_read_from_the_public_port_even_with_a_lease(
    shared: LocalService, idle: Process, alice: Requester
):
    uri = alice.upload(artifact_pb2.STDIN, INPUT)
    request_id = alice.send(alice.body(PROGRAM, uri))
    held = lease(shared, idle)
    assert held.request_id == request_id
    rights = bearer(shared, idle) | {"sp1tee-lease": held.lease_token.hex()}
    for kind in ("stdin", "program"):
        path = f"/blobs/{kind}/{held.lease_id}"
        private = requests.get(idle.worker_url + path, headers=rights, timeout=PATIENCE_S)
        assert private.status_code == 200
        public = requests.get(idle.public_url + path, headers=rights, timeout=PATIENCE_S)
        assert public.status_code == 404
    for method in ("GET", "HEAD", "POST"):
        answer = requests.request(method, uri, headers=rights, timeout=PATIENCE_S)
        assert answer.status_code == 405
        assert INPUT not in answer.content
    release(shared, idle, held)
    cancel(alice, request_id)


def test_no_call_of_a_worker_exists_on_the_public_port(
    shared: LocalService, idle: Process, alice: Requester
):
    metadata = tuple(bearer(shared, idle).items())
    for name in ("Lease", "Heartbeat", "Finish", "Fail", "Release"):
        assert status_of(alice.call, f"{WORKERS}/{name}", b"", *metadata) == "UNIMPLEMENTED"
    for name in ("TakeNextProofRequest", "FulfillProof", "FailFulfillment", "GetStdinUri"):
        assert status_of(alice.call, f"{NETWORK}/{name}", b"", *metadata) == "UNIMPLEMENTED"
    for path in ("/metrics", "/health/ready", "/proofs/x", "/worker.token", "/store.db"):
        page = requests.get(
            idle.public_url + path, headers=bearer(shared, idle), timeout=PATIENCE_S
        )
        assert page.status_code == 404


def test_the_worker_listener_is_not_reachable_from_outside_by_default(tmp_path: Path):
    with LocalService(tmp_path) as service:
        log = tmp_path / "server.log"
        where = ("--listen", "127.0.0.1:0", "--data-dir", str(tmp_path / "data"))
        server = Process.start("server", ("serve", *where), log)
        service.processes.append(server)
        assert urlsplit(server.worker_url).hostname == "127.0.0.1"


def test_the_health_page_tells_nothing_about_the_queue(idle: Process):
    page = requests.get(f"{idle.public_url}/health", timeout=PATIENCE_S)
    assert page.json() == {"status": "ok"}


def test_no_page_is_open_to_scripts_of_other_sites(idle: Process, alice: Requester):
    placed = alice.place(artifact_pb2.STDIN)
    headers = {"origin": "https://evil.example", "access-control-request-method": "PUT"}
    for url in (placed.artifact_presigned_url, f"{idle.public_url}/health"):
        for method in ("OPTIONS", "GET", "PUT"):
            page = requests.request(method, url, headers=headers, data=INPUT, timeout=PATIENCE_S)
            assert not [name for name in page.headers if name.startswith("access-control")]


def test_an_upload_address_stands_in_no_log_however_much_is_logged(
    shared: LocalService, idle: Process, alice: Requester
):
    placed = alice.place(artifact_pb2.STDIN)
    address = placed.artifact_presigned_url
    token = address.partition("token=")[2]
    with upload_begun(address, 1000, b"a beginning"):
        pass
    assert requests.put(f"{address}x", data=INPUT, timeout=PATIENCE_S).status_code == 403
    assert requests.put(address, data=INPUT, timeout=PATIENCE_S).status_code == 200
    assert requests.put(address, data=INPUT, timeout=PATIENCE_S).status_code == 409
    said = idle.log.read_text()
    assert "/artifacts/stdin/{id}" in said
    secrets = (token, bearer(shared, idle)["authorization"].partition(" ")[2])
    for secret in secrets:
        assert len(secret) > 20
        assert secret not in said
        assert secret not in metrics(shared, idle)
        assert secret.encode() not in everything_below(shared.folder / idle.name, "worker.token")


def test_a_process_shows_no_secret_in_its_arguments(shared: LocalService, idle: Process):
    pid = int(str(idle.facts["pid"]))
    shown = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/comm").read_bytes()
    for name in ("worker.token", "vault.key"):
        secret = (shared.folder / idle.name / name).read_text().strip()
        assert secret.encode() not in shown
        assert secret not in idle.log.read_text()


def test_an_input_is_gone_when_its_request_has_ended(
    shared: LocalService, idle: Process, alice: Requester
):
    held = shared.folder / idle.name
    before = blobs(held)
    uri = alice.upload(artifact_pb2.STDIN, os.urandom(5000))
    (blob,) = blobs(held) - before
    request_id = alice.send(alice.body(PROGRAM, uri))
    cancel(alice, request_id)
    eventually(lambda: None if blob in blobs(held) else True, "the end of the input's file")
    assert status_of(alice.send, alice.body(PROGRAM, uri, cycle_limit=7)) == "FAILED_PRECONDITION"


def cancel(requester: Requester, request_id: bytes) -> None:
    body = auction_pb2.CancelRequestRequestBody(request_id=request_id, nonce=requester.nonce())
    requester.ask("CancelRequest", requester.seal(body.SerializeToString()))


def blobs(data: Path) -> set[Path]:
    return {path for path in (data / "blobs").rglob("*") if path.is_file()}


def everything_below(folder: Path, *but: str) -> bytes:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in but)
    return b"".join(path.read_bytes() for path in files)


# --- lost work and wrong outcomes ----------------------------------------------------------


@pytest.mark.parametrize("limits", [{"gas_limit": 0}, {"cycle_limit": 0}, {"gas_limit": 2**64 - 1}])
def test_a_limit_of_zero_means_none(limits: dict[str, int], service: LocalService, folder: Path):
    server = service.serve(*QUICK)
    service.fulfill(server)
    with Requester(server.public_url, ALICE) as alice:
        alice.register(PROGRAM)
        ended = alice.end(alice.request(PROGRAM, INPUT, **limits))
    assert ended.reply.fulfillment_status == types_pb2.FULFILLED, ended.reason


def test_no_mode_is_never_taken_for_core(alice: Requester):
    uri = alice.upload(artifact_pb2.STDIN, INPUT)
    for mode in (0, 5, 255):
        assert status_of(alice.send, alice.body(PROGRAM, uri, mode=mode)) == "INVALID_ARGUMENT"


def test_nobody_works_on_a_request_past_its_deadline(
    shared: LocalService, idle: Process, alice: Requester
):
    soon = int(time.time()) + 2
    request_id = alice.request(PROGRAM, INPUT, deadline=soon)
    ended = alice.end(request_id)
    assert ended.reply.fulfillment_status == types_pb2.UNFULFILLABLE
    assert ended.reply.deadline == soon
    assert "deadline" in ended.reason


def test_more_inputs_than_the_original_keeps_are_all_kept(alice: Requester, idle: Process):
    # The original held 1,024 in memory and dropped the oldest of queued requests; here a quota
    # refuses the newest, and what was taken stays.
    uris = [alice.upload(artifact_pb2.STDIN, INPUT) for _ in range(30)]
    ids = [alice.send(alice.body(PROGRAM, uri)) for uri in uris]
    assert len(set(ids)) == 30
    for request_id in ids:
        assert alice.status(request_id).reply.fulfillment_status == types_pb2.ASSIGNED
        cancel(alice, request_id)


def test_the_wait_is_over_at_once_when_the_guest_fails(service: LocalService):
    server = service.serve(*QUICK)
    service.fulfill(server)
    program = Program.of(guests.load("fibonacci", Family.V6))
    with Requester(server.public_url, ALICE) as alice:
        alice.register(program)
        ended = alice.end(alice.request(program, (0).to_bytes(24, "little")))
    assert ended.reply.execution_status == types_pb2.UNEXECUTABLE
    assert ended.reason


# --- robustness and operation --------------------------------------------------------------


def test_a_server_told_to_stop_takes_an_upload_in_to_its_end(service: LocalService):
    server = service.serve(*QUICK)
    content = os.urandom(4 << 20)
    with Requester(server.public_url, ALICE) as alice:
        placed = alice.place(artifact_pb2.STDIN)
    with upload_begun(placed.artifact_presigned_url, len(content), content[: 3 << 20]) as line:
        incoming = service.folder / server.name / "blobs" / "incoming"
        eventually(lambda: any(incoming.iterdir()) or None, "an upload begun")
        server.popen.send_signal(signal.SIGTERM)
        eventually(lambda: "draining" in server.log.read_text() or None, "a drain")
        line.sendall(content[3 << 20 :])
        assert answer(line)[0] == 200
    assert server.popen.wait(PATIENCE_S) == 0
    again = service.serve(*QUICK, name=server.name)
    with Requester(again.public_url, ALICE) as alice:
        alice.register(PROGRAM)
        alice.send(alice.body(PROGRAM, placed.artifact_uri))


def test_a_fulfiller_that_is_up_before_its_server_waits_for_it(
    service: LocalService, folder: Path, key: Path
):
    server = service.serve(*QUICK)
    ports = [urlsplit(url).netloc for url in (server.public_url, server.worker_url)]
    server.stop()
    fulfiller = service.fulfill(server)
    eventually(lambda: "away" in fulfiller.log.read_text().lower() or None, "a server away")
    again = service.serve(
        *QUICK, "--listen", ports[0], "--worker-listen", ports[1], name=server.name
    )
    request_id = detach(fibonacci(folder, 1000), again, key)
    fetch(request_id, again, folder / "proof.bin")
    assert fulfiller.alive


@pytest.mark.parametrize(
    ("variables", "flags", "origin"),
    [
        ({"HOSTNAME": "3f2a9c1d7e55"}, (), r"http://127\.0\.0\.1:[0-9]+"),
        ({"HOSTNAME": "https://tee.example.org/"}, (), r"https://tee\.example\.org"),
        ({}, ("--public-url", "https://tee.example.org/"), r"https://tee\.example\.org"),
    ],
    ids=["a container's own name", "a URL in HOSTNAME", "a slash at the end"],
)
def test_upload_addresses_are_usable_whatever_the_host_s_name(
    variables: dict[str, str], flags: tuple[str, ...], origin: str, service: LocalService
):
    service.folder.mkdir()
    where = ("--listen", "127.0.0.1:0", "--worker-listen", "127.0.0.1:0")
    data = ("--data-dir", str(service.folder / "data"))
    log = service.folder / "server.log"
    started = ("serve", *where, *data, *flags)
    server = Process.start("server", started, log, environment=variables)
    service.processes.append(server)
    with Requester(server.public_url, ALICE) as alice:
        placed = alice.place(artifact_pb2.STDIN)
    name = r"/artifacts/stdin/artifact_[0-9a-z]{26}"
    assert re.fullmatch(origin + name, placed.artifact_uri)
    address = re.escape(placed.artifact_uri) + r"\?token=[\w-]{43}"
    assert re.fullmatch(address, placed.artifact_presigned_url)


def test_readiness_tells_of_workers_and_queue(shared: LocalService, idle: Process):
    page = requests.get(
        f"{idle.worker_url}/health/ready", headers=bearer(shared, idle), timeout=PATIENCE_S
    )
    told = page.json()
    assert {"workers", "store"} <= told.keys(), told


def test_memory_of_a_server_does_not_grow_with_its_uploads(idle: Process, alice: Requester):
    pid = int(str(idle.facts["pid"]))
    size = 64 << 20
    piece = os.urandom(1 << 20)
    placed = alice.place(artifact_pb2.STDIN)
    before = peak_kib(pid)
    pieces = (piece for _ in range(size >> 20))
    done = requests.put(placed.artifact_presigned_url, data=pieces, timeout=PATIENCE_S)
    assert done.status_code == 200
    assert peak_kib(pid) - before < 40 << 10


def peak_kib(pid: int) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", text)[1])  # type: ignore[index]


def test_a_private_input_shows_in_nothing_a_service_says(
    service: LocalService, folder: Path, key: Path, watched: list[bytes]
):
    server = service.serve(*QUICK, "--log-level", "debug")
    service.fulfill(server, "--log-level", "debug")
    task = private_task(folder)
    watched.extend(task.secret)
    request_id = detach(task, server, key)
    fetch(request_id, server, folder / "proof.bin")
    ask = types_pb2.GetProofRequestDetailsRequest(
        request_id=bytes.fromhex(request_id.removeprefix("0x"))
    )
    with Requester(server.public_url, ALICE) as anybody:
        details = anybody.ask("GetProofRequestDetails", ask.SerializeToString())
    ready = requests.get(
        f"{server.worker_url}/health/ready", headers=bearer(service, server), timeout=PATIENCE_S
    )
    said = details + metrics(service, server).encode() + ready.content
    for secret in task.secret:
        for start in range(0, len(secret), 8):
            piece = secret[start : start + 8]
            assert piece not in said
            assert piece.hex().encode() not in said
        assert hashlib.sha256(secret).digest() not in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", ["while it starts", "kept running"])
def test_an_interrupted_demo_leaves_no_process_and_no_file_behind(
    moment: str, number: signal.Signals, tmp_path: Path
):
    scratch, said = tmp_path / "tmp", tmp_path / "said"
    scratch.mkdir()
    kept = ("--keep",) if moment == "kept running" else ()
    with said.open("wb") as sink:
        demo = subprocess.Popen(
            [sys.executable, "-m", "sp1tee", "demo", *kept],
            stdout=sink,
            stderr=sink,
            env={**os.environ, "TMPDIR": str(scratch), "COLUMNS": "200"},
            start_new_session=True,
        )
    if kept:
        eventually(lambda: "until you press Ctrl-C" in said.read_text() or None, "an invitation")
        assert "ProverClient::builder()" in said.read_text()
    else:
        eventually(lambda: processes_below(scratch) or None, "a server that starts")
    demo.send_signal(number)
    assert demo.wait(PATIENCE_S) == 130
    assert processes_below(scratch) == []
    assert list(scratch.iterdir()) == []
    assert "Traceback" not in said.read_text()


def processes_below(folder: Path) -> list[int]:
    """Processes whose arguments name something below a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and str(folder).encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found
