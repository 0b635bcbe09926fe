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

from sp1tee.fulfill.executors import sandbox

pytestmark = pytest.mark.skipif(not sandbox.SUPPORTED, reason="Linux on x86-64 or arm64")

PROBE = """
import ctypes, json, mmap, os, signal, socket, sys, threading
from sp1tee.fulfill.executors import sandbox

x86 = os.uname().machine == "x86_64"
sandbox.confine(int(sys.argv[1]))
libc = ctypes.CDLL(None, use_errno=True)

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

report = {name: attempt(deed) for name, deed in {
    "open": lambda: os.open("/etc/hostname", os.O_RDONLY),
    "create": lambda: os.open("/tmp/sp1tee-escaped", os.O_CREAT | os.O_WRONLY),
    "connect": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
    "unix socket": lambda: socket.socket(socket.AF_UNIX),
    "fork": os.fork,
    "thread": lambda: threading.Thread(target=print).start(),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "kill": lambda: os.kill(os.getppid(), 0),
    "signal itself": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "change a limit": raw(302 if x86 else 261, 0, 7, 0, 0),
    "memfd": lambda: os.memfd_create("x"),
    "pipe": os.pipe,
    "duplicate": lambda: os.dup(1),
    "trace": raw(101 if x86 else 117, 16, os.getppid(), 0, 0),
    "read another's memory": raw(310 if x86 else 270, 1, 0, 0, 0, 0, 0),
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
        *("change a limit", "memfd", "pipe", "duplicate", "trace", "read another's memory"),
        *("io_uring", "another filter"),
    ],
)
def test_the_filter_refuses(report: dict[str, str], deed: str):
    assert report[deed] == "PermissionError 1"


def test_no_thread_can_be_started(report: dict[str, str]):
    assert report["thread"] == "RuntimeError"


def test_memory_can_be_had(report: dict[str, str]):
    assert report["memory"] == "done"


def test_a_process_whose_parent_has_gone_refuses_to_go_on():
    code = "from sp1tee.fulfill.executors import sandbox; sandbox.confine(1)"
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


@given(st.integers(0, (1 << 32) - 1) | st.integers(0, 500), st.sampled_from(list(sandbox._CALLS)))
def test_the_filter_lets_pass_what_is_listed_and_nothing_else(number: int, machine: str):
    architecture, calls = sandbox._CALLS[machine]
    program = sandbox.filter_program(architecture, sorted(calls.values()))

    verdict = evaluate(program, architecture, number)

    assert verdict == (sandbox._ALLOW if number in calls.values() else sandbox._EPERM)
    assert evaluate(program, architecture ^ 1, number) == sandbox._KILL


def test_both_architectures_allow_the_same_calls():
    listed = [set(calls) for _, calls in sandbox._CALLS.values()]

    assert listed[0] == listed[1]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="x86-64")
def test_the_numbers_are_this_kernels():
    libc = ctypes.CDLL(None)
    _, calls = sandbox._CALLS["x86_64"]

    assert libc.syscall(calls["getpid"]) == os.getpid()
    assert libc.syscall(calls["gettid"]) == os.getpid()
