"""A private input goes into a service; nothing that it wrote, says or shows may give it away.

Looked at are, while the processes run: arguments and environment of each and of its children, what
operators see, and what the public port answers to whoever asks for an input by its name. And when
they have ended as well as before: every file below the service's folder, which is the data with
SQLite's freed pages and its log, logs at the highest verbosity, and what a simulated network heard;
and what was left where temporary files go.
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
import pytest
import requests

from sp1tee import guests
from sp1tee.sim import canary
from sp1tee.sim.processes import LocalService, Process
from sp1tee.wire.stdin import Stdin
from support.people import metrics

LOUD = "SP1TEE_LOG_LEVEL"
NAMED = re.compile(rb"artifact_[0-9a-z]{26}")
MOST_NAMES = 8

PUBLIC = ("/health", "/metrics", "/admin/requests", "/evidences/", "/artifacts/stdin/", "/proofs/")
BY_NAME = ("/artifacts/stdin/{}", "/artifacts/program/{}", "/blobs/stdin/{}", "/artifacts/{}")


@dataclass
class Lookout:
    """What is watched of one service.

    Attributes:
        service: the service.
        secrets: inputs that went into it.
        shown: what its processes showed of themselves, by name.
        temporary: where they put temporary files.
        elsewhere: where else they keep what they know.
    """

    service: LocalService
    secrets: list[bytes] = field(default_factory=list)
    shown: dict[str, bytes] = field(default_factory=dict)
    temporary: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="w-")))
    elsewhere: list[Path] = field(default_factory=list)

    def note(self, process: Process) -> None:
        """Remember how a process can be seen from outside."""
        for each in _family(process):
            name = f"{process.name} {each.pid}"
            for file in ("cmdline", "environ"):
                self.shown[f"{file} of {name}"] = _read(Path(f"/proc/{each.pid}/{file}"))

    def look(self) -> None:
        """Look at what runs."""
        running = [process for process in self.service.processes if process.alive]
        for process in running:
            self.note(process)
        answers = [answer for process in running for answer in _answers(self.service, process)]
        assert canary.found_in(answers, self.secrets) == ()
        self.search()

    def search(self) -> None:
        """Look at what is on the disk."""
        folders = [self.service.folder, self.temporary, *self.elsewhere]
        report = canary.search(folders, self.secrets, controls=self._controls)
        assert report.hits == ()
        assert report.missed_controls == ()
        assert canary.found_in(self.shown.items(), self.secrets) == ()

    def close(self) -> None:
        """Look a last time, at what is left when all processes have ended."""
        try:
            self.search()
            self._check_controls()
        finally:
            shutil.rmtree(self.temporary, ignore_errors=True)

    @property
    def _served(self) -> bool:
        names = [process.arguments[0] for process in self.service.processes if process.facts]
        return "serve" in names and bool(self.secrets)

    @property
    def _controls(self) -> Sequence[bytes]:
        """What must be found on the disk of a server that took an input."""
        # With a database elsewhere, ids that stand in it.
        database = b"artifact_" if self.elsewhere else b"SQLite format 3"
        return (b"serving", database) if self._served else ()

    def _check_controls(self) -> None:
        """See that arguments and environments were read, where this user may read them."""
        if self._served and any(self.shown.values()):
            for control in (b"--data-dir", LOUD.encode()):
                assert any(control in shown for shown in self.shown.values())


_watched: dict[int, Lookout] = {}


def lookout_of(service: LocalService) -> Lookout:
    return _watched[id(service)]


@contextmanager
def looking_out() -> Iterator[None]:
    """Watch every service that is entered in the block, until it is left.

    For a module of tests at most: tests of the services themselves are not to run in it.
    """
    assert LocalService.__enter__.__module__ != __name__, "one lookout is enough"
    entering, leaving, start = LocalService.__enter__, LocalService.__exit__, Process.start.__func__

    def enter(service: LocalService) -> LocalService:
        _watched[id(service)] = Lookout(service)
        return entering(service)

    def leave(
        service: LocalService,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        lookout = _watched[id(service)]
        try:
            if kind is None:
                lookout.look()
        finally:
            leaving(service, kind, error, trace)
            del _watched[id(service)]
        if kind is None:
            lookout.close()

    def begin(
        cls: type[Process], name: str, arguments: Sequence[str], log: Path, **rest: Any
    ) -> Process:
        lookout = next(
            (each for each in _watched.values() if each.service.folder == log.parent), None
        )
        if lookout is None:
            return start(cls, name, arguments, log, **rest)
        if tuple(arguments[:2]) == ("sim", "network"):
            arguments = (*arguments, "--record", str(log.parent / f"{name}.heard"))
        rest["environment"] = _loud(lookout, rest.get("environment") or {})
        process = start(cls, name, arguments, log, **rest)
        lookout.note(process)
        return process

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalService, "__enter__", enter)
        patch.setattr(LocalService, "__exit__", leave)
        patch.setattr(Process, "start", classmethod(begin))
        patch.setattr(guests, "solvency_input", _told(guests.solvency_input))
        yield


def _told(make: Callable[[int, Sequence[int]], Stdin]) -> Callable[[int, Sequence[int]], Stdin]:
    """Watch for every such input in whatever services are there when it is made."""

    def made(amount: int, balances: Sequence[int]) -> Stdin:
        stdin = make(amount, balances)
        for lookout in _watched.values():
            lookout.secrets.append(stdin.buffers[1])
        return stdin

    return made


def _loud(lookout: Lookout, environment: Mapping[str, str]) -> dict[str, str]:
    return {LOUD: "debug", "TMPDIR": str(lookout.temporary), **environment}


def _family(process: Process) -> list[psutil.Process]:
    try:
        own = psutil.Process(process.popen.pid)
        return [own, *own.children(recursive=True)]
    except psutil.Error:
        return []


def _read(path: Path) -> bytes:
    """Read a file of /proc, if it is there still and for us to read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _answers(service: LocalService, process: Process) -> Iterator[tuple[str, bytes]]:
    """What a server tells its operators, and what everybody; what came in at a network."""
    token = service.folder / process.name / "worker.token"
    if "worker" in process.facts and process.worker_url.startswith("http:") and token.exists():
        yield f"metrics of {process.name}", metrics(service, process).encode()
    if "worker" in process.facts:
        yield from _public(service, process)
    if "artifacts" in process.facts:
        ledger = f"{process.facts['artifacts']}/ledger"
        yield f"ledger of {process.name}", requests.get(ledger, timeout=60).content


def _public(service: LocalService, process: Process) -> Iterator[tuple[str, bytes]]:
    files = (service.folder / process.name).glob("store.db*")
    names = sorted({name.decode() for file in files for name in NAMED.findall(_read(file))})
    asked = [path.format(name) for name in names[:MOST_NAMES] for path in BY_NAME]
    for path in (*PUBLIC, *asked):
        # What a test has left behind may refuse to answer; then it gives nothing away.
        with suppress(requests.RequestException):
            answer = requests.get(process.public_url + path, timeout=60)
            yield f"{process.name}{path}", answer.content
