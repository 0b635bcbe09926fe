"""A server's process, as the worker that owns it sees it; between them stands a keeper."""

import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sp1tee.errors import NativeGone
from sp1tee.native import keeper
from sp1tee.native.talk import Talk

_START_SECONDS: Final = 60.0
# The keeper lets a server end by itself for END_SECONDS, then kills it. That takes no time, unless
# a device's driver holds on to the process.
_END_SECONDS: Final = 2 * keeper.END_SECONDS
_LIKELY: Final[dict[int, str]] = {signal.SIGKILL: " (probably for want of memory)"}


@dataclass(frozen=True, slots=True)
class Launch:
    """How a server is started.

    Attributes:
        command: the program and its arguments.
        socket: where it will listen.
        environment: what it gets on top of this process' own environment.
    """

    command: tuple[str, ...]
    socket: Path
    environment: Mapping[str, str]

    @property
    def name(self) -> str:
        """The program's name."""
        return Path(self.command[0]).name


class Kept:
    """A process that ends with this one, however this one ends.

    Attributes:
        pid: its id.
        talk: what it says.
    """

    def __init__(self, launch: Launch, folder: Path | None = None) -> None:
        """Start it; `folder` is removed if this process is killed before it.

        It gets none of this project's variables, which may hold secrets, and its log level is
        `warn` unless ``RUST_LOG`` says otherwise: below that SP1 logs public values.

        Raises:
            NativeGone: it cannot be started.
        """
        self._line, theirs = socket.socketpair()
        self._lines = self._line.makefile("r", encoding="ascii")
        self._keeper: subprocess.Popen[bytes] | None = None
        self._code: int | None = None
        self._ended = threading.Event()
        try:
            with theirs:
                self._keeper = _start_keeper(launch, folder, theirs)
            assert self._keeper.stderr is not None
            self.talk = Talk(self._keeper.stderr)
            self.pid = self._until_started()
        except OSError as error:
            self._hang_up()
            raise NativeGone(
                f"{launch.command[0]} cannot be started: {error.strerror or error}.",
                advice="Name the program, built for this machine; `just native` builds one.",
            ) from None
        threading.Thread(target=self._watch, name="native-server", daemon=True).start()

    @property
    def ended(self) -> bool:
        """Whether it has, with all that it started."""
        return self._ended.is_set()

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than as a program does that is done."""
        return self.ended and self._code != 0

    @property
    def ending(self) -> str:
        """How it ended, of itself or by somebody else: the rest of a sentence."""
        place = self.talk.place()
        if self._code is None:
            return "ended with its keeper"
        if self._code >= 0:
            return f"ended with exit code {self._code}{place}"
        likely = "" if place else _LIKELY.get(-self._code, "")
        return f"was ended by {_name(-self._code)}{place}{likely}"

    def wait(self, seconds: float) -> None:
        """Wait for its end."""
        self._ended.wait(seconds)

    def end(self) -> None:
        """End it and its children, and wait until they are gone."""
        with suppress(OSError):
            self._line.send(b".")
        self.wait(_END_SECONDS)

    def _until_started(self) -> int:
        self._line.settimeout(_START_SECONDS)
        what, number = self._next()
        self._line.settimeout(None)
        if what == "started":
            return number
        raise OSError(number, os.strerror(number)) if what else OSError("its keeper ended")

    def _next(self) -> tuple[str, int]:
        """Return what the keeper says next; nothing once it has gone."""
        what, _, number = self._lines.readline().partition(" ")
        return what, int(number or 0)

    def _watch(self) -> None:
        with _opened(self.pid) as process, suppress(OSError):
            what, code = self._next()
            if what:
                self._code = code
            elif process is not None:
                # The kernel has killed the server with its keeper; its children it has not.
                _kill_group(self.pid)
                _wait_for(process)
        self._hang_up()
        self._ended.set()

    def _hang_up(self) -> None:
        self._lines.close()
        self._line.close()
        if self._keeper is not None:
            self._keeper.wait()


def _start_keeper(
    launch: Launch, folder: Path | None, control: socket.socket
) -> subprocess.Popen[bytes]:
    ours = {key: value for key, value in os.environ.items() if not key.startswith("SP1TEE_")}
    return subprocess.Popen(  # noqa: S603 - the operator names the program
        (sys.executable, "-I", "-S", keeper.__file__, str(folder or ""), *launch.command),
        env={"RUST_LOG": "warn", **ours, **launch.environment},
        stdin=control.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        umask=0o077,
    )


@contextmanager
def _opened(pid: int) -> Iterator[int | None]:
    """Open a process, which then no other one can be taken for; None if it has ended."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        yield None
        return
    try:
        yield process
    finally:
        os.close(process)


def _wait_for(process: int) -> None:
    poll = select.poll()
    poll.register(process, select.POLLIN)
    poll.poll(_END_SECONDS * 1000)


def _kill_group(leader: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
