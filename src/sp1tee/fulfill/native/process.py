"""The process behind a socket: one that this worker starts and owns, or one that is there.

Everything blocks, and is meant for threads; `stop` may be called while `connect` waits.
"""

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from sp1tee.errors import NativeGone
from sp1tee.fulfill.native.client import Client
from sp1tee.fulfill.native.talk import Talk

START_SECONDS: Final = 60.0
"""How long a socket is waited for: a GPU server opens its own seconds after it starts."""

_POLL_SECONDS: Final = 0.05
_END_SECONDS: Final = 5.0


class NativeServer(Protocol):
    """Where connections to a native server come from."""

    @property
    def name(self) -> str:
        """What it is called in messages."""

    def connect(self, seconds: float = START_SECONDS) -> Client:
        """Connect, to a server that is started if need be; raises `NativeGone`."""

    def stop(self) -> None:
        """End the server, and with it whatever it does, if it is ours to end."""

    def close(self) -> None:
        """End the server for good."""

    def post_mortem(self) -> str:
        """Return a sentence on how the server ended; empty if that is not known."""


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


class OwnServer:
    """A server process that is started when it is needed, again after it ended or was stopped.

    It gets none of this project's variables, which may hold secrets, and its log level is `warn`
    unless ``RUST_LOG`` says otherwise: below that SP1 logs public values.
    """

    def __init__(self, launch: Launch, folder: Path | None = None) -> None:
        """Start nothing yet; `folder`, if given, is the socket's alone and goes with it."""
        self._launch = launch
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._talk: Talk | None = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    @property
    def name(self) -> str:
        """The program's name."""
        return Path(self._launch.command[0]).name

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self._launch.socket

    @property
    def pid(self) -> int | None:
        """The process' id; None if none runs."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    def connect(self, seconds: float = START_SECONDS) -> Client:
        """Start the server if it does not run, and connect to it once it listens.

        Raises:
            NativeGone: it cannot be started, ended, was stopped, or did not listen in time.
        """
        process, talk = self._running()
        until = time.monotonic() + seconds
        while (client := _reach(self._launch.socket, process.pid)) is None:
            if process.poll() is not None:
                raise NativeGone(
                    f"{self.name} {_ending(process)} before it listened.{talk.last_words()}",
                    advice="Start the program by hand to see all that it says.",
                )
            if time.monotonic() > until:
                self.stop()
                raise NativeGone(f"{self.name} opened no socket within {seconds:.0f} s.")
            if self._stopping.wait(_POLL_SECONDS):
                raise NativeGone(f"{self.name} was stopped.")
        # From now on it may see inputs.
        talk.hush()
        return client

    def stop(self) -> None:
        """End the process and its children, and wait until they are gone."""
        self._stopping.set()
        with self._lock:
            process = self._process
            if process is None:
                return
            for number in (signal.SIGTERM, signal.SIGKILL):
                _signal(process, number)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_END_SECONDS)
            # Its number may become another process', which is not to be ended the next time.
            self._process = None
            self._launch.socket.unlink(missing_ok=True)

    def close(self) -> None:
        """End the server for good."""
        self.stop()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def post_mortem(self) -> str:
        """Return how the process ended, and where it panicked; empty while it runs."""
        process, talk = self._process, self._talk
        if process is None or talk is None:
            return ""
        # A hang-up may be seen before the end that caused it.
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_SECONDS)
        return f"{self.name} {_ending(process)}{talk.place()}." if process.returncode else ""

    def _running(self) -> tuple[subprocess.Popen[bytes], Talk]:
        with self._lock:
            self._stopping.clear()
            process, talk = self._process, self._talk
            if process is None or talk is None or process.poll() is not None:
                process = self._process = self._start()
                assert process.stderr is not None
                talk = self._talk = Talk(process.stderr)
            return process, talk

    def _start(self) -> subprocess.Popen[bytes]:
        ours = {key: value for key, value in os.environ.items() if not key.startswith("SP1TEE_")}
        try:
            return subprocess.Popen(  # noqa: S603 - the operator names the program
                self._launch.command,
                env={"RUST_LOG": "warn", **ours, **self._launch.environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
                umask=0o077,
            )
        except OSError as error:
            raise NativeGone(
                f"{self._launch.command[0]} cannot be started: {error.strerror}.",
                advice="Name the program, built for this machine; `just native` builds one.",
            ) from None


class ForeignServer:
    """A server that somebody else starts and ends, at a socket that the operator names."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stopping = threading.Event()

    @property
    def name(self) -> str:
        """Where it listens."""
        return f"the server at {self._path}"

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


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _ending(process: subprocess.Popen[bytes]) -> str:
    code = process.returncode
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
