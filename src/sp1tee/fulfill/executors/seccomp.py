"""System call filters (seccomp): what is on a list passes, anything else is answered with EPERM."""

import ctypes
import os
import platform
import struct
import sys
from typing import Final

_PR_SET_SECCOMP: Final = 22
_MODE_FILTER: Final = 2

_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # classic BPF
_NUMBER_AT, _ARCHITECTURE_AT = 0, 4  # in struct seccomp_data
ALLOW, KILL, EPERM = 0x7FFF_0000, 0x8000_0000, 0x0005_0001

# Of the AUDIT_ARCH constant, the calls of a process that runs a guest, and what the process that
# they are forked from needs besides.
CALLS: Final = {
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
        {
            "sendmsg": 46,
            "recvmsg": 47,
            "clone": 56,
            "wait4": 61,
            "getppid": 110,
            "prctl": 157,
            "set_robust_list": 273,
            "dup3": 292,
            "prlimit64": 302,
            "pidfd_open": 434,
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
        {
            "dup3": 24,
            "set_robust_list": 99,
            "prctl": 167,
            "getppid": 173,
            "sendmsg": 211,
            "recvmsg": 212,
            "clone": 220,
            "wait4": 260,
            "prlimit64": 261,
            "pidfd_open": 434,
        },
    ),
}

SUPPORTED: Final = sys.platform == "linux" and platform.machine() in CALLS

_libc: Final = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def filter_for_guests() -> bytes:
    """Assemble the filter of a process that runs a guest."""
    architecture, calls, _ = CALLS[platform.machine()]
    return assemble(architecture, sorted(calls.values()))


def filter_for_fork_server() -> bytes:
    """Assemble the filter of the process that those are forked from."""
    architecture, calls, more = CALLS[platform.machine()]
    return assemble(architecture, sorted((*calls.values(), *more.values())))


def assemble(architecture: int, allowed: list[int]) -> bytes:
    """Assemble a filter: another ABI is killed, a call on the list passes, others get EPERM."""
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    for index, number in enumerate(allowed):
        steps.append((_EQUAL, len(allowed) - index, 0, number))
    steps += [(_RETURN, 0, 0, EPERM), (_RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def install(code: bytes) -> None:
    """Put a filter on this process, on top of those that it has: what any refuses is refused.

    Raises:
        OSError: the kernel does not take it.
    """
    program = _Program(len(code) // 8, code)
    if _libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
