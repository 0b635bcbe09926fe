"""Our own commands as real processes on this machine: for the demo, tests and benchmarks.

A process tells that it is ready by writing one JSON object into a pipe (`--ready-file /dev/fd/N`),
so nobody polls, and a process that dies first is noticed at once because the pipe closes.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from sp1tee.errors import Sp1teeError

START_SECONDS = 30.0
STOP_SECONDS = 30.0
LOG_TAIL_BYTES = 4000


class ProcessDiedError(Sp1teeError):
    """A process ended, or said nothing, before it was ready."""

    code = "SP1TEE-X001"


@dataclass(slots=True)
class Process:
    """One running `sp1tee` command.

    Attributes:
        name: what people call it.
        arguments: the command line behind `sp1tee`.
        log: where its standard error goes.
        facts: what it wrote when it was ready; empty for commands that write nothing.
    """

    name: str
    arguments: tuple[str, ...]
    log: Path
    popen: subprocess.Popen[bytes] = field(repr=False)
    facts: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def start(
        cls,
        name: str,
        arguments: Sequence[str],
        log: Path,
        *,
        ready: bool = True,
        environment: Mapping[str, str] | None = None,
    ) -> Self:
        """Start `sp1tee <arguments>` and, with `ready`, wait until it says so.

        Raises:
            ProcessDiedError: it ended or said nothing within `START_SECONDS`; the text has the end
                of its log.
        """
        reader, writer = os.pipe()
        told = ["--ready-file", f"/dev/fd/{writer}"] if ready else []
        with log.open("ab") as sink:
            popen = subprocess.Popen(  # noqa: S603 - our own interpreter, our own arguments
                [sys.executable, "-m", "sp1tee", *arguments, *told],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                env={**_clean_environment(), **(environment or {})},
                pass_fds=(writer,),
                start_new_session=True,
            )
        os.close(writer)
        process = cls(name, tuple(arguments), log, popen)
        with os.fdopen(reader, "rb") as pipe:
            try:
                process.facts = process._read_facts(pipe.fileno()) if ready else {}
            except BaseException:
                # Nobody knows of it yet who would stop it: Ctrl-C while it starts, for example.
                process.kill()
                raise
        return process

    @property
    def public_url(self) -> str:
        """Base URL of a server's public listener."""
        return str(self.facts["public"])

    @property
    def worker_url(self) -> str:
        """Base URL of a server's worker listener."""
        return str(self.facts["worker"])

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.popen.poll() is None

    def stop(self) -> int:
        """SIGTERM, wait, and only after `STOP_SECONDS` SIGKILL; returns the exit code."""
        if self.alive:
            self.popen.send_signal(signal.SIGTERM)
        try:
            return self.popen.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """SIGKILL to it and everything it started; returns the exit code."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        return self.popen.wait()

    def log_tail(self) -> str:
        """The end of its log."""
        return self.log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")

    def _read_facts(self, pipe: int) -> Mapping[str, object]:
        said = b""
        deadline = time.monotonic() + START_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([pipe], [], [], left)[0]:
                break
            chunk = os.read(pipe, 65536)
            if not chunk:
                break
            said += chunk
            if said.endswith(b"\n"):
                facts: Mapping[str, object] = json.loads(said)
                return facts
        self.kill()
        raise ProcessDiedError(
            f"`sp1tee {self.arguments[0]}` did not get ready", advice=self.log_tail()
        )


@dataclass(slots=True)
class LocalService:
    """A private proving service on this machine: one server, fulfillers, maybe a network.

    Everything lives below `folder`; leaving the context stops every process.
    """

    folder: Path
    processes: list[Process] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in reversed(self.processes):
            process.stop()

    def serve(self, *flags: str, name: str = "server") -> Process:
        """Start `sp1tee serve` on free loopback ports, data below `folder/<name>`."""
        return self._start(
            name,
            "serve",
            *("--listen", "127.0.0.1:0", "--worker-listen", "127.0.0.1:0"),
            *("--data-dir", str(self.folder / name)),
            *flags,
        )

    def fulfill(self, server: Process, *flags: str, name: str = "fulfiller") -> Process:
        """Start `sp1tee fulfill` against a server started here."""
        token = self.folder / server.name / "worker.token"
        return self._start(
            name,
            "fulfill",
            *("--server", server.worker_url, "--token-file", str(token), "--name", name),
            *flags,
            ready=False,
        )

    def network(self, *flags: str, name: str = "network") -> Process:
        """Start `sp1tee sim network` on free loopback ports."""
        return self._start(name, "sim", "network", "--listen", "127.0.0.1:0", *flags)

    def _start(self, name: str, *arguments: str, ready: bool = True) -> Process:
        self.folder.mkdir(parents=True, exist_ok=True)
        process = Process.start(name, arguments, self.folder / f"{name}.log", ready=ready)
        self.processes.append(process)
        return process


def _clean_environment() -> dict[str, str]:
    """This environment without settings of ours: a run must not depend on who starts it."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SP1TEE_") and name not in {"HOSTNAME", "NETWORK_RPC_URL"}
    }
