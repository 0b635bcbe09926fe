"""What a confined process can still do: nothing that matters."""

import ctypes
import json
import os
import platform
import subprocess
import sys
from struct import iter_unpack, unpack_from

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.fulfill.executors import sandbox, seccomp

pytestmark = pytest.mark.skipif(not sandbox.SUPPORTED, reason="Linux on x86-64 or arm64")

PROBE = """
import ctypes, json, mmap, os, signal, socket, sys, threading
from sp1tee.fulfill.executors import sandbox

x86 = os.uname().machine == "x86_64"
libc = ctypes.CDLL(None, use_errno=True)
parent, server = int(sys.argv[1]), os.getpid()

def attempt(deed):
    try:
        deed()
    except BaseException as error:
        return f"{type(error).__name__} {getattr(error, 'errno', '')}".strip()
    return "done"

def raw(*arguments):
    def call():
        if libc.syscall(*arguments) == -1:
            raise OSError(ctypes.get_errno(), "syscall")
    return call

until_the_end, end = os.pipe()
sandbox.confine_server(parent)
report = {f"server: {name}": attempt(deed) for name, deed in {
    "open": lambda: os.open("/etc/hostname", os.O_RDONLY),
    "connect": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "unix socket": lambda: socket.socket(socket.AF_UNIX),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "kill": lambda: os.kill(parent, 0),
    "trace": raw(101 if x86 else 117, 16, parent, 0, 0),
    "read another's memory": raw(310 if x86 else 270, parent, 0, 0, 0, 0, 0),
    "duplicate": lambda: os.dup(1),
}.items()}
sibling = os.fork()
if not sibling:
    os.close(end)
    os.read(until_the_end, 1)
    os._exit(0)
if child := os.fork():
    os.waitpid(child, 0)
    os._exit(0)
sandbox.die_with(server)
sandbox.confine_guest(4 << 30, 60)
pidfd_send_signal, pidfd_open, pidfd_getfd = 424, 434, 438
report |= {name: attempt(deed) for name, deed in {
    "open": lambda: os.open("/etc/hostname", os.O_RDONLY),
    "create": lambda: os.open("/tmp/sp1tee-escaped", os.O_CREAT | os.O_WRONLY),
    "connect": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "unix socket": lambda: socket.socket(socket.AF_UNIX),
    "fork": os.fork,
    "thread": lambda: threading.Thread(target=print).start(),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "kill": lambda: os.kill(parent, 0),
    "kill the server": lambda: os.kill(server, 0),
    "kill a sibling": lambda: os.kill(sibling, 0),
    "kill all": lambda: os.kill(-1, 0),
    "pidfd of the server": raw(pidfd_open, server, 0),
    "pidfd of a sibling": raw(pidfd_open, sibling, 0),
    "signal by a pidfd": raw(pidfd_send_signal, 0, 0, 0, 0),
    "another's descriptor": raw(pidfd_getfd, 0, 0, 0),
    "receive a descriptor": raw(47 if x86 else 212, 0, 0, 0),
    "send a descriptor": raw(46 if x86 else 211, 0, 0, 0),
    "signal itself": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "change a limit": raw(302 if x86 else 261, 0, 7, 0, 0),
    "memfd": lambda: os.memfd_create("x"),
    "pipe": os.pipe,
    "duplicate": lambda: os.dup(1),
    "trace": raw(101 if x86 else 117, 16, parent, 0, 0),
    "trace the server": raw(101 if x86 else 117, 16, server, 0, 0),
    "trace a sibling": raw(101 if x86 else 117, 16, sibling, 0, 0),
    "read the server's memory": raw(310 if x86 else 270, server, 0, 0, 0, 0, 0),
    "read a sibling's memory": raw(310 if x86 else 270, sibling, 0, 0, 0, 0, 0),
    "wait": lambda: os.waitpid(-1, os.WNOHANG),
    "privileges": raw(157 if x86 else 167, 4, 1, 0, 0, 0),
    "io_uring": raw(425, 1, 0),
    "another filter": raw(157 if x86 else 167, 22, 2, 0, 0, 0),
    "memory": lambda: mmap.mmap(-1, 1 << 20),
}.items()}
os.write(1, json.dumps(report).encode())
os._exit(0)
"""


@pytest.fixture(scope="module")
def report() -> dict[str, str]:
    command = [sys.executable, "-I", "-c", PROBE, str(os.getpid())]
    done = subprocess.run(command, capture_output=True, check=True, env={})
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "deed",
    [
        *("open", "create", "connect", "unix socket", "fork", "exec", "kill", "signal itself"),
        *("kill the server", "kill a sibling", "kill all"),
        *("pidfd of the server", "pidfd of a sibling", "signal by a pidfd", "another's descriptor"),
        *("receive a descriptor", "send a descriptor", "wait", "privileges"),
        *("trace", "trace the server", "trace a sibling"),
        *("read the server's memory", "read a sibling's memory"),
        *("change a limit", "memfd", "pipe", "duplicate", "io_uring", "another filter"),
        *("server: open", "server: connect", "server: unix socket", "server: exec"),
        *("server: kill", "server: trace", "server: read another's memory", "server: duplicate"),
    ],
)
def test_the_filter_refuses(report: dict[str, str], deed: str):
    assert report[deed] == "PermissionError 1"


def test_no_thread_can_be_started(report: dict[str, str]):
    assert report["thread"] == "RuntimeError"


def test_memory_can_be_had(report: dict[str, str]):
    assert report["memory"] == "done"


def test_a_process_whose_parent_has_gone_refuses_to_go_on():
    code = "from sp1tee.fulfill.executors import sandbox; sandbox.confine_server(1)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, check=False)

    assert done.returncode != 0
    assert b"ProcessLookupError" in done.stderr


def evaluate(program: bytes, architecture: int, number: int) -> int:
    """Run a classic BPF program of the four instructions that the filter is made of."""
    steps = list(iter_unpack("=HBBI", program))
    data, accumulator, at = number.to_bytes(4, "little") + architecture.to_bytes(4, "little"), 0, 0
    while True:
        code, jump_true, jump_false, value = steps[at]
        at += 1
        if code == 0x20:
            (accumulator,) = unpack_from("<I", data, value)
        elif code == 0x15:
            at += jump_true if accumulator == value else jump_false
        else:
            assert code == 0x06
            return value


@given(st.integers(0, (1 << 32) - 1) | st.integers(0, 500), st.sampled_from(list(seccomp.CALLS)))
def test_the_filter_lets_pass_what_is_listed_and_nothing_else(number: int, machine: str):
    architecture, calls, _ = seccomp.CALLS[machine]
    program = seccomp.assemble(architecture, sorted(calls.values()))

    verdict = evaluate(program, architecture, number)

    assert verdict == (seccomp.ALLOW if number in calls.values() else seccomp.EPERM)
    assert evaluate(program, architecture ^ 1, number) == seccomp.KILL


def test_the_fork_servers_filter_lets_pass_what_its_children_may_and_its_own():
    architecture, calls, more = seccomp.CALLS[platform.machine()]
    program = seccomp.filter_for_fork_server()

    allowed = {n for n in range(500) if evaluate(program, architecture, n) == seccomp.ALLOW}

    assert allowed == {*calls.values(), *more.values()}


def test_both_architectures_allow_the_same_calls():
    for_guests = [set(calls) for _, calls, _ in seccomp.CALLS.values()]
    for_fork_server = [set(more) for _, _, more in seccomp.CALLS.values()]

    assert for_guests[0] == for_guests[1]
    assert for_fork_server[0] == for_fork_server[1]
    assert not for_guests[0] & for_fork_server[0]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="x86-64")
def test_the_numbers_are_this_kernels():
    libc = ctypes.CDLL(None)
    _, calls, _ = seccomp.CALLS["x86_64"]

    assert libc.syscall(calls["getpid"]) == os.getpid()
    assert libc.syscall(calls["gettid"]) == os.getpid()
