"""The process between a worker and its native server: ``python -I -S keeper.py FOLDER PROGRAM…``.

A worker that is killed cannot end its server, which would hold on to a device, or to gigabytes, for
good. This process does nothing but wait for that: it starts the server, and when its owner hangs up
it ends the server with all that the server started, whatever they are doing. It is deaf to the
signals with which a terminal or a service manager ends everybody at once; should it be killed
itself, the kernel kills the server.

Standard input is a socket to the owner, and standard error becomes the server's alone. Lines to the
owner: ``started PID`` or ``failed ERRNO``; later ``ended CODE``, a signal's number made negative,
once the last process is gone. From the owner: any byte asks for the end. Hanging up does too; then
FOLDER is removed, where the server's socket is, unless it is an empty string.

It is started with every server, so it starts in milliseconds: by path in a bare interpreter, and
with few and small imports (neither ``typing`` nor ``pathlib``).
"""

import ctypes
import os
import select
import signal
import sys

END_SECONDS = 5.0
"""How long a server may take to end once it was asked to."""

_OWNER, _NOTHING, _WORDS = 0, 1, 2
_DEAF = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE)
# What is ignored here, by Python or by the above, and what a program expects to be as it always is.
_RESTORED = (*_DEAF, signal.SIGXFSZ)
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_NOT_STARTED = 127

_libc = ctypes.CDLL(None, use_errno=True)


def main(folder: str, command: list[str]) -> None:
    """Start the server, and stay until it, and all that it started, has ended."""
    for number in _DEAF:
        signal.signal(number, signal.SIG_IGN)
    # What the server leaves behind becomes a child of this process, which can end it then.
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        server = _start(command)
    except OSError as error:
        _tell("failed", error.errno or 0)
        return
    os.dup2(_NOTHING, _WORDS)
    _tell("started", server)
    abandoned = _wait(server)
    code = _end(server)
    if abandoned and folder:
        _remove(folder)
    _tell("ended", code)


def _start(command: list[str]) -> int:
    """Start the program in a session of its own, and return its process id.

    Raises:
        OSError: it cannot be started.
    """
    keeper = os.getpid()
    reports, failure = os.pipe()
    server = os.fork()
    if not server:
        try:
            _become(command, keeper)
        except OSError as error:
            os.write(failure, str(error.errno).encode())
        finally:
            os._exit(_NOT_STARTED)
    os.close(failure)
    errno = os.read(reports, 16)
    os.close(reports)
    if errno:
        os.waitpid(server, 0)
        raise OSError(int(errno), os.strerror(int(errno)))
    return server


def _become(command: list[str], keeper: int) -> None:
    os.setsid()
    # The kernel looks at the thread that forked; the keeper has no other, so at the keeper.
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != keeper:
        return
    os.dup2(_NOTHING, _OWNER)
    for number in _RESTORED:
        signal.signal(number, signal.SIG_DFL)
    os.execvp(command[0], command)  # noqa: S606 - the operator names the program


def _wait(server: int) -> bool:
    """Return once the server has ended, or had its time to; tell whether the owner has gone."""
    end = os.pidfd_open(server)
    ready = _readable(_OWNER, end)
    abandoned = _OWNER in ready and not _owner_speaks()
    if end not in ready:
        _signal_group(server, signal.SIGTERM)
        _readable(end, seconds=END_SECONDS)
    os.close(end)
    return abandoned


def _owner_speaks() -> bool:
    try:
        return bool(os.read(_OWNER, 1))
    except ConnectionResetError:
        return False


def _end(server: int) -> int:
    """Kill what is left, and return the server's exit code once all of it is gone."""
    # Nobody has waited for the server yet, so its number is still its own.
    _signal_group(server, signal.SIGKILL)
    _, status = os.waitpid(server, 0)
    try:
        while True:
            for child in _children():
                os.kill(child, signal.SIGKILL)
            os.waitpid(-1, 0)
    except OSError:
        # No child is left; or they cannot be listed or killed here, and are not waited for.
        return os.waitstatus_to_exitcode(status)


def _children() -> list[int]:
    with open("/proc/thread-self/children", encoding="ascii") as children:  # noqa: PTH123 - small
        return [int(child) for child in children.read().split()]


def _signal_group(leader: int, number: signal.Signals) -> None:
    try:
        os.killpg(leader, number)
    except OSError:
        return


def _readable(*descriptors: int, seconds: float | None = None) -> list[int]:
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return [found for found, _ in poll.poll(None if seconds is None else seconds * 1000)]


def _remove(folder: str) -> None:
    try:
        for entry in os.scandir(folder):
            os.unlink(entry)  # noqa: PTH108 - small
        os.rmdir(folder)  # noqa: PTH106 - small
    except OSError:
        return


def _tell(what: str, number: int) -> None:
    try:
        os.write(_OWNER, f"{what} {number}\n".encode())
    except OSError:
        # The owner has gone, and nobody else wants to know.
        return


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
