"""The server itself: its socket, its frames, its end, and what it survives."""

import mmap
import re
import socket
import stat
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from native.peer import NO_LIMIT, OURS, PATIENCE_S, Client, Failure, Run, Server, program, u32, u64
from support.guest_programs import hostile
from support.guest_programs import program as guest

from sp1tee import guests
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family

pytestmark = [pytest.mark.native, pytest.mark.usefixtures("built")]

FIBONACCI = guests.load("fibonacci", Family.V6).elf
ENDLESS = guest("hostile", Family.V6), Stdin(hostile("never_end")).encode()


def runs(client: Client) -> bool:
    done = client.execute(FIBONACCI, guests.fibonacci_input(3).encode())
    return isinstance(done, Run) and done.outcome == 0


def runner_of(server: Server) -> psutil.Process:
    """Wait for the process that runs a guest: nothing tells when it starts but the process list."""
    parent = psutil.Process(server.process.pid)
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        for child in parent.children(recursive=True):
            if child.name().startswith("sp1-native"):
                return child
        time.sleep(0.01)
    raise AssertionError("no guest was started")


def shared_memory() -> set[str]:
    return {path.name for path in Path("/dev/shm").glob("*sp1_*")}


def wait_for_release(before: set[str]) -> None:
    """Wait until no shared memory is there that was not there before."""
    until = time.monotonic() + PATIENCE_S
    while left := shared_memory() - before:
        assert time.monotonic() < until, left
        time.sleep(0.01)


def test_it_says_what_it_is() -> None:
    said = subprocess.run([str(program()), "--version"], capture_output=True, check=True).stdout
    assert re.fullmatch(rb"sp1tee-prover \d+\.\d+\.\d+ \(SP1 6\.10\.0, circuits v6\.1\.0\)\n", said)


def test_info_names_the_server_its_versions_and_settings(client: Client) -> None:
    names, modes, settings = client.info()
    assert names[0] == "sp1tee-prover"
    assert names[2:] == ["6.10.0", "v6.1.0"]
    assert modes == []
    assert "ELEMENT_THRESHOLD=" in settings


@pytest.mark.parametrize(
    "frame",
    [b"", b"\0", u32(3), u32(OURS + 9), u32(0) + u64(NO_LIMIT), u32(1) + u32(9) + bytes(64)],
    ids=["empty", "cut tag", "tag", "our tag", "length", "mode"],
)
def test_a_malformed_frame_is_answered_and_ends_the_connection(
    server: Server, frame: bytes
) -> None:
    with Client(server.path) as client:
        assert isinstance(client.ask_for(0, frame), Failure)
        assert client.receive() is None
    with Client(server.path) as client:
        assert runs(client)


def test_a_frame_over_the_limit_is_refused_unread(server: Server) -> None:
    with Client(server.path) as client:
        client.socket.sendall(b"\xff\xff\xff\xff")
        answer = client.receive()
        assert answer is not None
        assert b"longer than" in answer
        assert client.receive() is None


def test_a_request_that_only_the_server_may_make_is_refused(client: Client) -> None:
    assert isinstance(client.ask_for(0, u32(OURS + 3) + u32(1) + u64(0)), Failure)
    assert runs(client)


def test_only_this_user_can_open_the_socket(server: Server) -> None:
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o600


def test_a_killed_runner_ends_the_request_and_not_the_server(
    server: Server, client: Client
) -> None:
    before = shared_memory()
    client.send(Client.execution(*ENDLESS))
    runner_of(server).kill()
    answer = client.receive()
    assert answer is not None
    assert answer[:8] == u32(OURS + 1) + u32(2)
    assert runs(client)
    assert shared_memory() <= before


def test_a_killed_worker_ends_the_request_and_not_the_server(
    server: Server, client: Client
) -> None:
    before = shared_memory()
    client.send(Client.execution(*ENDLESS))
    worker = runner_of(server).parent()
    assert worker is not None
    worker.kill()
    answer = client.receive()
    assert answer is not None
    assert answer[:4] == u32(4)
    assert b"killed" in answer
    assert runs(client)
    assert shared_memory() <= before


def test_a_client_that_leaves_takes_its_run_along(server: Server) -> None:
    before = shared_memory()
    with Client(server.path) as client:
        client.send(Client.execution(*ENDLESS))
        runner = runner_of(server)
        worker = runner.parent()
        assert worker is not None
    _, alive = psutil.wait_procs([runner, worker], timeout=PATIENCE_S)
    assert not alive
    wait_for_release(before)


def test_clients_do_not_wait_for_each_other(server: Server) -> None:
    with Client(server.path) as busy, Client(server.path) as other:
        busy.send(Client.execution(*ENDLESS))
        runner_of(server)
        assert runs(other)


def test_sigterm_ends_it_and_removes_its_socket(path: Path) -> None:
    before = shared_memory()
    server = Server(path)
    server.wait_until_it_listens()
    with Client(path) as client:
        client.send(Client.execution(*ENDLESS))
        runner = runner_of(server)
        server.stop()
        assert server.process.returncode == 0
        assert not path.exists()
        assert not runner.is_running()
        assert shared_memory() <= before


def test_workers_end_with_a_server_that_is_killed(path: Path) -> None:
    before = shared_memory()
    server = Server(path)
    server.wait_until_it_listens()
    with Client(path) as client:
        client.send(Client.execution(*ENDLESS))
        children = [runner_of(server)]
        children += psutil.Process(server.process.pid).children()
        server.process.kill()
        server.process.communicate()
        _, alive = psutil.wait_procs(children, timeout=PATIENCE_S)
        assert not alive
        wait_for_release(before)


@pytest.fixture
def leftover() -> Iterator[Path]:
    """A trace and a semaphore as SP1's executor names them."""
    trace = Path(f"/dev/shm/sp1_{uuid.uuid4()}_t")
    semaphore = trace.with_name(f"sem.{trace.name}_filled")
    trace.write_bytes(b"made from an input")
    semaphore.write_bytes(bytes(32))
    yield trace
    trace.unlink(missing_ok=True)
    semaphore.unlink(missing_ok=True)


def of_run(trace: Path) -> list[Path]:
    return [*trace.parent.glob(trace.name), *trace.parent.glob(f"sem.{trace.name}_*")]


def started_and_ended(path: Path) -> None:
    server = Server(path)
    server.wait_until_it_listens()
    server.stop()


def test_what_a_killed_run_left_is_removed_at_the_next_start(path: Path, leftover: Path) -> None:
    started_and_ended(path)
    assert of_run(leftover) == []


def test_what_a_run_of_another_server_works_on_is_left_alone(path: Path, leftover: Path) -> None:
    """Whoever makes such a file has it open until the run ends, and mapped only later."""
    with leftover.open("r+b") as made:
        started_and_ended(path)
        assert len(of_run(leftover)) == 2
        mapped = mmap.mmap(made.fileno(), 0)
    started_and_ended(path)
    assert len(of_run(leftover)) == 2
    mapped.close()
    started_and_ended(path)
    assert of_run(leftover) == []


def test_semaphores_without_their_trace_are_removed(path: Path, leftover: Path) -> None:
    leftover.unlink()
    started_and_ended(path)
    assert of_run(leftover) == []


def test_a_second_server_leaves_the_first_alone(server: Server) -> None:
    second = Server(server.path)
    _, said = second.process.communicate(timeout=PATIENCE_S)
    assert second.process.returncode == 1
    assert said is not None
    assert b"another server owns it" in said
    with Client(server.path) as client:
        assert runs(client)


def test_a_socket_of_somebody_else_is_left_alone(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        server = Server(path)
        assert server.process.wait(PATIENCE_S) == 1
        assert path.exists()
        server.process.communicate()


def test_a_stale_socket_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(path))
    server = Server(path)
    server.wait_until_it_listens()
    server.stop()


def test_a_file_in_the_way_is_left_alone(path: Path) -> None:
    path.write_text("mine")
    server = Server(path)
    assert server.process.wait(PATIENCE_S) == 1
    assert path.read_text() == "mine"
    server.process.communicate()


def test_nothing_of_an_input_reaches_the_log_even_if_it_is_loud(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUST_LOG", "trace")
    before = shared_memory()
    server = Server(path)
    server.wait_until_it_listens()
    with Client(path) as client:
        assert runs(client)
        secret = 0x5EC2E75EC2E7
        stdin = guests.solvency_input(1000, [secret]).encode()
        done = client.execute(guests.load("solvency", Family.V6).elf, stdin)
        assert isinstance(done, Run)
        printed = client.execute(
            guest("hostile", Family.V6),
            Stdin(hostile("print_without_end")).encode(),
            milliseconds=1000,
        )
        assert isinstance(printed, Run)
    said = server.stop()
    assert shared_memory() <= before
    assert str(secret).encode() not in said
    assert secret.to_bytes(8, "little") not in said
    assert str(list(done.public_values)).encode() not in said
    assert b"text" not in said
