"""Confining this process before it runs a guest: Linux only, no way back.

A guest is hostile code inside an emulator that translates it to machine code. Should it ever break
out, it finds itself in a process that

- has no descriptors but two pipes, no environment, and nothing of another guest's in memory;
- may make 24 harmless system calls and no other (a seccomp filter): it can neither open, connect,
  start, signal, trace nor read anything, and asking is answered with EPERM;
- cannot gain privileges, leaves no core dump, cannot be traced by its like, and dies with its
  parent;
- sits in user and network namespaces of its own, where the kernel allows that to this user (many
  containers do not; the filter alone keeps it off the network as well).

Memory and CPU time are limited from outside, when a job is handed over.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from typing import Final

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 22, 38
_SECCOMP_MODE_FILTER: Final = 2
_CLONE_NEWNET, _CLONE_NEWUSER = 0x4000_0000, 0x1000_0000

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # classic BPF
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4  # in struct seccomp_data
_ALLOW, _KILL, _EPERM = 0x7FFF_0000, 0x8000_0000, 0x0005_0001

_CALLS: Final = {
    "x86_64": (
        0xC000_003E,
        {
            "read": 0,
            "write": 1,
            "close": 3,
            "mmap": 9,
            "mprotect": 10,
            "munmap": 11,
            "brk": 12,
            "rt_sigaction": 13,
            "rt_sigprocmask": 14,
            "rt_sigreturn": 15,
            "sched_yield": 24,
            "mremap": 25,
            "madvise": 28,
            "getpid": 39,
            "exit": 60,
            "gettid": 186,
            "futex": 202,
            "restart_syscall": 219,
            "clock_gettime": 228,
            "clock_nanosleep": 230,
            "exit_group": 231,
            "sigaltstack": 131,
            "getrandom": 318,
            "rseq": 334,
        },
    ),
    "aarch64": (
        0xC000_00B7,
        {
            "close": 57,
            "read": 63,
            "write": 64,
            "exit": 93,
            "exit_group": 94,
            "futex": 98,
            "clock_gettime": 113,
            "clock_nanosleep": 115,
            "sched_yield": 124,
            "restart_syscall": 128,
            "sigaltstack": 132,
            "rt_sigaction": 134,
            "rt_sigprocmask": 135,
            "rt_sigreturn": 139,
            "getpid": 172,
            "gettid": 178,
            "brk": 214,
            "munmap": 215,
            "mremap": 216,
            "mmap": 222,
            "mprotect": 226,
            "madvise": 233,
            "getrandom": 278,
            "rseq": 293,
        },
    ),
}

SUPPORTED: Final = sys.platform == "linux" and platform.machine() in _CALLS

_libc: Final = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def confine(parent: int) -> None:
    """Confine this process, whose parent must be `parent` still.

    Raises:
        OSError: the kernel refuses a step that every Linux grants, or the parent has gone.
    """
    _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)  # refused in many containers; see above
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise ProcessLookupError(parent)
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    for limit in ("CORE", "FSIZE", "NOFILE", "NPROC", "MEMLOCK", "MSGQUEUE"):
        resource.setrlimit(getattr(resource, f"RLIMIT_{limit}"), (0, 0))
    _install_filter()


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def _install_filter() -> None:
    architecture, calls = _CALLS[platform.machine()]
    code = filter_program(architecture, sorted(calls.values()))
    program = _Program(len(code) // 8, code)
    if _libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


def filter_program(architecture: int, allowed: list[int]) -> bytes:
    """Assemble the filter: another ABI is killed, a call on the list passes, others get EPERM."""
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    for index, number in enumerate(allowed):
        steps.append((_EQUAL, len(allowed) - index, 0, number))
    steps += [(_RETURN, 0, 0, _EPERM), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
