"""No server outlives its worker: whoever is killed, and whatever the server is doing."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from native.peer import program
from support.guest_programs import hostile
from support.guest_programs import program as guest

from sp1tee.errors import NativeGone
from sp1tee.native.kept import Launch
from sp1tee.native.process import OwnServer
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family

PATIENCE_S = 60

# Serves nothing, and has a child in a session of its own.
SERVER = """
import os, signal, socket, subprocess, sys
path, *faults = sys.argv[1:]
if "deaf" in faults:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "alone" not in faults:
    subprocess.Popen(["sleep", "1000"], start_new_session=True)
if os.path.exists(path):
    os.unlink(path)
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
while True:
    listener.accept()
"""

OWNER = """
import sys, threading
from pathlib import Path
from sp1tee.native.kept import Launch
from sp1tee.native.process import OwnServer
socket = Path(sys.argv[1])
server = OwnServer(Launch((sys.executable, "-c", *sys.argv[2:]), socket, {}), folder=socket.parent)
client = server.connect()
print(server.pid, flush=True)
threading.Event().wait()
"""

OWNER_OF_A_RUN = """
import sys, threading
from pathlib import Path
from sp1tee.native.programs import NativeProgram
server = NativeProgram.at(Path(sys.argv[1])).server(0, "--no-proofs")
client = server.connect()
print(server.pid, flush=True)
client.execute(Path(sys.argv[2]).read_bytes(), Path(sys.argv[3]).read_bytes())
"""


@contextmanager
def owning(script: str, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a worker of its own; yield it and its server's process id."""
    command = [sys.executable, "-c", script, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        try:
            yield owner, int(owner.stdout.readline())
        finally:
            owner.kill()


def family(server: int) -> list[int]:
    """The server, its keeper and all that it started, opened: numbers may become others'."""
    process = psutil.Process(server)
    pids = [server, process.ppid(), *(child.pid for child in process.children(recursive=True))]
    return [os.pidfd_open(pid) for pid in pids]


def gone(opened: list[int]) -> bool:
    """Wait for the end of processes; tell whether all of them came to it."""
    ended = []
    for process in opened:
        poll = select.poll()
        poll.register(process, select.POLLIN)
        ended.append(bool(poll.poll(PATIENCE_S * 1000)))
        os.close(process)
    return all(ended)


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[OwnServer]:
    command = (sys.executable, "-c", SERVER, str(tmp_path / "s"), getattr(request, "param", ""))
    running = OwnServer(Launch(command, tmp_path / "s", {}))
    yield running
    running.close()


@pytest.mark.parametrize("faults", [(), ("deaf",)], ids=["willing", "deaf to SIGTERM"])
def test_a_killed_worker_takes_its_server_along(tmp_path: Path, faults: tuple[str, ...]):
    folder = tmp_path / "folder"
    folder.mkdir()
    path = str(folder / "s")
    with owning(OWNER, path, SERVER, path, *faults) as (owner, server):
        processes = family(server)
        assert len(processes) == 3
        owner.kill()
        assert gone(processes)
    assert not folder.exists()


@pytest.mark.native
@pytest.mark.usefixtures("built")
def test_a_killed_worker_takes_the_real_server_and_its_guest_along(tmp_path: Path):
    elf, stdin = tmp_path / "elf", tmp_path / "stdin"
    elf.write_bytes(guest("hostile", Family.V6))
    stdin.write_bytes(Stdin(hostile("never_end")).encode())
    prover = str(program())
    with owning(OWNER_OF_A_RUN, prover, str(elf), str(stdin)) as (owner, server):
        until = time.monotonic() + PATIENCE_S
        while not runs_a_guest(server):
            # Nothing tells when a guest starts but the process list.
            assert time.monotonic() < until
            time.sleep(0.01)
        processes = family(server)
        owner.kill()
        assert gone(processes)


def runs_a_guest(server: int) -> bool:
    children = psutil.Process(server).children(recursive=True)
    return any(child.name().startswith("sp1-native") for child in children)


@pytest.mark.parametrize("server", ["alone"], indirect=True)
def test_a_killed_keeper_takes_its_server_along_and_the_next_one_starts(server: OwnServer):
    server.connect().close()
    assert server.pid is not None
    first, process = server.pid, os.pidfd_open(server.pid)
    os.kill(psutil.Process(first).ppid(), signal.SIGKILL)
    assert gone([process])
    assert server.post_mortem().endswith("ended with its keeper.")
    server.connect().close()
    assert server.pid not in {None, first}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_keeper_is_deaf_to_what_ends_a_whole_service(server: OwnServer, number: int):
    server.connect().close()
    assert server.pid is not None
    keeper = psutil.Process(server.pid).ppid()
    os.kill(keeper, number)
    server.connect().close()
    assert psutil.Process(server.pid).ppid() == keeper


def test_stopping_ends_what_the_server_started(server: OwnServer):
    server.connect().close()
    assert server.pid is not None
    processes = family(server.pid)
    server.stop()
    assert server.pid is None
    assert gone(processes)


def test_a_server_that_ends_leaves_nothing_behind(server: OwnServer):
    server.connect().close()
    assert server.pid is not None
    processes = family(server.pid)
    os.kill(server.pid, signal.SIGKILL)
    assert gone(processes)
    assert "was ended by SIGKILL (probably for want of memory)" in server.post_mortem()


def test_the_program_starts_with_the_signals_that_programs_expect(tmp_path: Path):
    command = ("sh", "-c", "grep SigIgn /proc/self/status >&2")
    started = OwnServer(Launch(command, tmp_path / "s", {}))
    with pytest.raises(NativeGone, match="SigIgn:") as caught:
        started.connect()
    ignored = int(caught.value.message.split("SigIgn:")[1].split()[0], 16)
    usual = ("SIGHUP", "SIGINT", "SIGTERM", "SIGPIPE", "SIGXFSZ")
    assert not any(ignored >> (signal.Signals[name] - 1) & 1 for name in usual)
    started.close()
