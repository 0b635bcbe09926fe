"""Confining processes before a guest runs: Linux only, no way back.

A guest is hostile code inside an emulator that translates it to machine code. Should it ever break
out, it finds itself in a process that

- has no descriptors but two pipes, no environment, and nothing of another guest's in memory;
- may make 24 harmless system calls and no other (a seccomp filter): it can neither open, connect,
  start, signal, trace nor read anything, and asking is answered with EPERM;
- cannot gain privileges, leaves no core dump, cannot be traced by its like, and dies with its
  parent;
- has limits on its memory and CPU time;
- sits in user and network namespaces away from ours, where the kernel allows that to this user
  (many containers do not; the filter alone keeps it off the network as well).

It is forked from the fork server (`zygote`), which sees neither guest, input nor result and is
confined before it forks for the first time, with a filter that lets it do little but fork. What
the server has given up, its children never had: privileges, namespaces, files. The rest each child
takes upon itself before the first byte of a job is read. All children of one server share its
namespaces. These keep them from us as well as one for each would: nobody else is inside, and the
network has no interface that is up. What keeps children from each other is the filter, as it would
be anyway: none can make a socket, signal or trace.
"""

import ctypes
import os
import resource
import signal
from typing import Final

from sp1tee.fulfill.executors import seccomp

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_CLONE_NEWNET, _CLONE_NEWUSER = 0x4000_0000, 0x1000_0000
_SERVER_FILES: Final = 8  # the control socket, /dev/null twice, two pipes of a child and its pidfd

SUPPORTED: Final = seccomp.SUPPORTED

_libc: Final = ctypes.CDLL(None, use_errno=True)


def confine_server(parent: int) -> None:
    """Confine this process, a fork server whose parent must be `parent` still.

    Raises:
        OSError: the kernel refuses a step that every Linux grants, or the parent has gone.
    """
    _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)  # refused in many containers; see above
    die_with(parent)
    _give_up_privileges()
    _limit(CORE=0, FSIZE=0, MEMLOCK=0, MSGQUEUE=0, NOFILE=_SERVER_FILES)
    seccomp.install(seccomp.filter_for_fork_server())


def die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent` ends, which must be its parent still.

    Raises:
        ProcessLookupError: the parent has gone.
    """
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise ProcessLookupError(parent)


def confine_guest(address_space: int, cpu_seconds: int) -> None:
    """Confine this process, forked from a fork server, to running one guest.

    Raises:
        OSError: the kernel refuses a step that every Linux grants.
    """
    _give_up_privileges()
    _limit(CORE=0, FSIZE=0, MEMLOCK=0, MSGQUEUE=0, NOFILE=0, NPROC=0)
    _limit(AS=address_space, CPU=cpu_seconds)
    seccomp.install(seccomp.filter_for_guests())


def _give_up_privileges() -> None:
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _limit(**limits: int) -> None:
    for name, limit in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (limit, limit))


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
        raise OSError(ctypes.get_errno(), f"prctl {option}")
