"""A native server's process, from its start to its end: a stand-in, really started."""

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import gpu_server
from support.gpu_server import GpuServer, info

from sp1tee.errors import NativeError, NativeGone
from sp1tee.native.kept import Launch
from sp1tee.native.process import ForeignServer, OwnServer
from sp1tee.wire.modes import Mode

Start = Callable[..., OwnServer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    (tmp_path / "vk").write_bytes(b"v" * 104)
    (tmp_path / "proof").write_bytes(b"proof")
    started: list[OwnServer] = []

    def launch(*faults: str) -> OwnServer:
        command = (sys.executable, gpu_server.__file__, str(tmp_path), str(tmp_path / "s"), *faults)
        server = OwnServer(Launch(command, tmp_path / "s", {"CUDA_VISIBLE_DEVICES": "3"}))
        started.append(server)
        return server

    yield launch
    for server in started:
        server.stop()


def starts(folder: Path) -> list[tuple[int, str]]:
    lines = (folder / "starts").read_text().splitlines()
    return [(int(pid), device) for pid, device in map(str.split, lines)]


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_server_is_started_when_it_is_needed_and_only_once(start: Start, tmp_path: Path):
    server = start()
    assert server.pid is None
    with server.connect() as first, server.connect() as second:
        assert first.peer() == second.peer() == server.pid
    assert starts(tmp_path) == [(server.pid, "3")]
    assert server.starts == 1


def test_every_start_is_counted(start: Start):
    server = start()
    for number in (1, 2):
        server.connect().close()
        assert server.starts == number
        server.stop()


def test_a_socket_that_comes_late_is_waited_for(start: Start):
    with start("late").connect() as client:
        assert client.setup(b"ELF", 30).vk == b"v" * 104


def test_a_socket_that_does_not_come_ends_the_process(start: Start, tmp_path: Path):
    server = start("late")
    with pytest.raises(NativeGone, match="opened no socket within 0 s"):
        server.connect(seconds=0.0)
    assert server.pid is None


def test_why_a_server_does_not_start_is_told(start: Start):
    with pytest.raises(NativeGone, match=r"exit code 1 .*CUDA driver version is insufficient"):
        start("broken").connect()


def test_a_program_that_is_not_there_is_named(tmp_path: Path):
    server = OwnServer(Launch((str(tmp_path / "nothing"),), tmp_path / "s", {}))
    with pytest.raises(NativeGone, match=r"nothing cannot be started: No such file"):
        server.connect()
    server.stop()


def test_a_server_that_was_killed_is_started_again(start: Start, tmp_path: Path):
    server = start()
    with server.connect() as client:
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(NativeGone):
            client.setup(b"ELF", 30)
    assert "was ended by SIGKILL" in server.post_mortem()
    with server.connect() as client:
        client.setup(b"ELF", 30)
    first, second = starts(tmp_path)
    assert first != second


def test_whoever_connects_when_it_has_just_died_gets_a_new_one(start: Start, tmp_path: Path):
    server = start()
    for _ in range(5):
        server.connect().close()
        assert server.pid is not None
        process = os.pidfd_open(server.pid)
        os.kill(server.pid, signal.SIGKILL)
        select.select([process], [], [])
        os.close(process)
    server.connect().close()
    assert len(starts(tmp_path)) == 6


def test_whoever_waits_for_a_server_that_is_stopped_is_told_so(start: Start):
    server = start("late")
    caught: list[BaseException] = []

    def connect() -> None:
        try:
            server.connect()
        except NativeError as error:
            caught.append(error)

    thread = threading.Thread(target=connect)
    thread.start()
    while server.pid is None:
        thread.join(0.001)
    server.stop()
    thread.join(30)
    assert [str(error) for error in caught] == [f"{server.name} was stopped."]
    assert server.pid is None


def test_of_a_crash_the_place_is_told_and_nothing_else(start: Start):
    server = start("crash")
    with server.connect() as client:
        key = client.setup(b"ELF", 30).key
        with pytest.raises(NativeGone):
            client.prove(Mode.CORE, key, b"PRIVATE", 30)
    told = server.post_mortem()
    assert told.endswith("was ended by SIGKILL after a panic at src/server.rs:42.")


def test_stopping_ends_the_process_and_whatever_waits_for_it(start: Start):
    server = start("hang")
    client = server.connect()
    key = client.setup(b"ELF", 30).key
    pid = server.pid
    assert pid is not None
    caught: list[BaseException] = []

    def prove() -> None:
        try:
            client.prove(Mode.CORE, key, b"")
        except NativeError as error:
            caught.append(error)

    thread = threading.Thread(target=prove)
    thread.start()
    server.stop()
    thread.join(30)
    assert gone(pid)
    assert [type(error) for error in caught] == [NativeGone]


def test_a_stranger_at_the_socket_is_not_taken_for_the_server(start: Start, tmp_path: Path):
    stranger = GpuServer(tmp_path / "s")
    listener = stranger.listen()
    threading.Thread(target=stranger.accept, args=(listener,), daemon=True).start()
    server = start()
    with listener, server.connect() as client:
        assert client.peer() == server.pid != os.getpid()
        client.setup(b"ELF", 30)
    assert stranger.asked == []


def test_secrets_of_this_project_are_not_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SP1TEE_FULFILL_TOKEN", "secret")
    script = "import os, sys; sys.exit(repr(sorted(k for k in os.environ if 'SP1' in k)))"
    server = OwnServer(Launch((sys.executable, "-c", script), tmp_path / "s", {"SP1_X": "1"}))
    with pytest.raises(NativeGone, match=r"It said: \['SP1_X'\]"):
        server.connect()
    server.stop()


def test_a_server_of_somebody_else_is_waited_for_and_left_alone(tmp_path: Path):
    there = GpuServer(tmp_path / "s", info=info(1))
    server = ForeignServer(there.path)
    with pytest.raises(NativeGone, match="Nobody answers"):
        server.connect(seconds=0.0)
    with there.serving(), server.connect() as client:
        assert client.info(30).modes == {Mode.CORE}
        server.stop()
        assert client.info(30).modes == {Mode.CORE}
    assert server.post_mortem() == ""
