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

import requests

from sp1tee.errors import Sp1teeError

START_SECONDS = 30.0
STOP_SECONDS = 30.0
LOG_TAIL_BYTES = 4000
_READY_SECONDS = 120.0
_LOOK_SECONDS = 0.1
_HTTP_SECONDS = 10.0


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
            ProcessDiedError: it ended or said nothing within `START_SECONDS`.
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

    def require(self) -> None:
        """See that it runs; raises `ProcessDiedError` if it does not."""
        if not self.alive:
            raise self.died(f"ended with exit code {self.popen.returncode}")

    def died(self, how: str) -> ProcessDiedError:
        """Make an error of how it ended, with its last words."""
        lines = self.log_tail().splitlines()
        # What it says to people, unless there is nothing but its log.
        said = [line for line in lines if not line.startswith("{")]
        advice = "\n".join(said or lines)
        return ProcessDiedError(f"`sp1tee {self.arguments[0]}` {how}.", advice=advice)

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
        raise self.died("did not get ready")


@dataclass(slots=True)
class LocalService:
    """A private proving service on this machine: one server, fulfillers, maybe a network.

    Everything lives below `folder`; leaving the context stops every process. `environment` holds
    variables for all of them.
    """

    folder: Path
    processes: list[Process] = field(default_factory=list)
    environment: Mapping[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            for process in reversed(self.processes):
                process.stop()
        finally:
            # Whoever is interrupted while it waits for an orderly end still leaves nothing behind.
            for process in self.processes:
                if process.alive:
                    process.kill()

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
        token = str(self._token_file(server))
        return self._start(
            name,
            "fulfill",
            *("--server", server.worker_url, "--token-file", token, "--name", name),
            *flags,
            ready=False,
        )

    def wait_for(self, fulfiller: Process, server: Process) -> None:
        """Wait until a fulfiller that was started here asks the server for work.

        Raises:
            ProcessDiedError: it ended, or does not ask.
        """
        token = self._token_file(server).read_text().strip()
        deadline = time.monotonic() + _READY_SECONDS
        while fulfiller.name not in _workers(server.worker_url, token):
            for process in (server, fulfiller):
                process.require()
            if time.monotonic() > deadline:
                raise fulfiller.died("did not ask for work")
            time.sleep(_LOOK_SECONDS)

    def network(self, *flags: str, name: str = "network") -> Process:
        """Start `sp1tee sim network` on free loopback ports."""
        return self._start(name, "sim", "network", "--listen", "127.0.0.1:0", *flags)

    def _token_file(self, server: Process) -> Path:
        return self.folder / server.name / "worker.token"

    def _start(self, name: str, *arguments: str, ready: bool = True) -> Process:
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / f"{name}.log"
        process = Process.start(name, arguments, log, ready=ready, environment=self.environment)
        self.processes.append(process)
        return process


def _workers(url: str, token: str) -> tuple[str, ...]:
    """Return the names of those who ask a server for work; none while it does not answer."""
    headers = {"authorization": f"Bearer {token}"}
    try:
        answer = requests.get(f"{url}/health/ready", headers=headers, timeout=_HTTP_SECONDS)
    except requests.RequestException:
        return ()
    return tuple(worker["name"] for worker in answer.json()["workers"])


def _clean_environment() -> dict[str, str]:
    """This environment without settings of ours: a run must not depend on who starts it."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SP1TEE_") and name not in {"HOSTNAME", "NETWORK_RPC_URL"}
    }
