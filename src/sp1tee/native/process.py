"""The process behind a socket: one that this worker starts and owns, or one that is there.

Everything blocks, and is meant for threads; `stop` may be called while `connect` waits.
"""

import shutil
import threading
import time
from pathlib import Path
from typing import Final, Protocol

from sp1tee.errors import NativeGone
from sp1tee.native.client import Client
from sp1tee.native.kept import Kept, Launch

START_SECONDS: Final = 60.0
"""How long a socket is waited for: a GPU server opens its own seconds after it starts."""

_POLL_SECONDS: Final = 0.05
_END_SECONDS: Final = 5.0


class NativeServer(Protocol):
    """Where connections to a native server come from."""

    @property
    def name(self) -> str:
        """What it is called in messages."""

    @property
    def starts(self) -> int:
        """How often a process was started for it."""

    def connect(self, seconds: float = START_SECONDS) -> Client:
        """Connect, to a server that is started if need be; raises `NativeGone`."""

    def stop(self) -> None:
        """End the server, and with it whatever it does, if it is ours to end."""

    def close(self) -> None:
        """End the server for good."""

    def post_mortem(self) -> str:
        """Return a sentence on how the server ended; empty if that is not known."""


class OwnServer:
    """A server process that is started when it is needed, again after it ended or was stopped.

    It ends with this process, however this one ends (see `keeper`).
    """

    def __init__(self, launch: Launch, folder: Path | None = None) -> None:
        """Start nothing yet; `folder`, if given, is the socket's alone and goes with it."""
        self._launch = launch
        self._folder = folder
        self._kept: Kept | None = None
        self._starts = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    @property
    def name(self) -> str:
        """The program's name."""
        return self._launch.name

    @property
    def starts(self) -> int:
        """How often the process was started: more than once, and it had ended or was stopped."""
        return self._starts

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self._launch.socket

    @property
    def pid(self) -> int | None:
        """The process' id; None if none runs."""
        kept = self._kept
        return None if kept is None or kept.ended else kept.pid

    def connect(self, seconds: float = START_SECONDS) -> Client:
        """Start the server if it does not run, and connect to it once it listens.

        Raises:
            NativeGone: it cannot be started, ended, was stopped, or did not listen in time.
        """
        kept = self._running()
        until = time.monotonic() + seconds
        while (client := _reach(self._launch.socket, kept.pid)) is None:
            if self._stopping.is_set():
                raise NativeGone(f"{self.name} was stopped.")
            if kept.ended and kept.talk.hushed:
                # It served others until just now.
                kept = self._running()
            elif kept.ended:
                raise NativeGone(
                    f"{self.name} {kept.ending} before it listened.{kept.talk.last_words()}",
                    advice="Start the program by hand to see all that it says.",
                )
            elif time.monotonic() > until:
                self.stop()
                raise NativeGone(f"{self.name} opened no socket within {seconds:.0f} s.")
            else:
                self._stopping.wait(_POLL_SECONDS)
        # From now on it may see inputs.
        kept.talk.hush()
        return client

    def stop(self) -> None:
        """End the process and its children, and wait until they are gone."""
        self._stopping.set()
        with self._lock:
            if self._kept is None:
                return
            self._kept.end()
            self._kept = None
            self._launch.socket.unlink(missing_ok=True)

    def close(self) -> None:
        """End the server for good."""
        self.stop()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def post_mortem(self) -> str:
        """Return how the process ended, and where it panicked; empty while it runs."""
        kept = self._kept
        if kept is None:
            return ""
        # A hang-up may be seen before the end that caused it.
        kept.wait(_END_SECONDS)
        return f"{self.name} {kept.ending}." if kept.failed else ""

    def _running(self) -> Kept:
        with self._lock:
            self._stopping.clear()
            if self._kept is None or self._kept.ended:
                self._kept = Kept(self._launch, self._folder)
                self._starts += 1
            return self._kept


class ForeignServer:
    """A server that somebody else starts and ends, at a socket that the operator names."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stopping = threading.Event()

    @property
    def name(self) -> str:
        """Where it listens."""
        return f"the server at {self._path}"

    @property
    def starts(self) -> int:
        """None: somebody else starts it."""
        return 0

    def connect(self, seconds: float = START_SECONDS) -> Client:
        """Connect, and wait for the server to come if it is not there yet.

        Raises:
            NativeGone: it did not come in time, or it is not waited for any more.
        """
        until = time.monotonic() + seconds
        self._stopping.clear()
        while True:
            try:
                return Client.connect(self._path)
            except NativeGone:
                if time.monotonic() > until or self._stopping.wait(_POLL_SECONDS):
                    raise

    def stop(self) -> None:
        """Wait for it no longer; its process is not ours."""
        self._stopping.set()

    def close(self) -> None:
        """Wait for it no longer."""
        self.stop()

    def post_mortem(self) -> str:
        """Nothing is known about its process."""
        return ""


def _reach(path: Path, pid: int) -> Client | None:
    """Connect, if it is this very process that listens; another one may have been first."""
    try:
        client = Client.connect(path)
    except NativeGone:
        return None
    if client.peer() == pid:
        return client
    client.close()
    return None
