"""The whole service on one machine, once: a private input goes in, a checked proof comes out.

Everything that runs is the real thing, in processes of its own: the server with its database and
vault, the fulfiller with its executor, the requester's library. Only the proving may be a mock, as
its `Backing` says. What is shown on the way is up to a `Stages`, so that the same run serves a
terminal and a test.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import grpc
import requests

from sp1tee.client import (
    Order,
    Program,
    Received,
    Requester,
    Status,
    Ticket,
    new_key,
)
from sp1tee.client.progress import Silent
from sp1tee.errors import ConfigError
from sp1tee.sim import canary
from sp1tee.sim.backing import Backing
from sp1tee.sim.processes import LocalService, Process
from sp1tee.sim.tasks import Task
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.pb.network_pb2_grpc import ProverNetworkStub
from sp1tee.wire.signing import Signer

HTTP_SECONDS = 10


class Stages(Protocol):
    """Is told where the run is."""

    def begin(self, text: str) -> None:
        """A stage begins, and the one before has ended."""

    def note(self, text: str) -> None:
        """This is to be said of the stage that runs; it replaces what was."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the run showed.

    Attributes:
        received: the proof: verified if it can be, else its claims are checked.
        waited: seconds from the request to its proof, as the requester saw it.
        saved: the file of the proof, below the run's folder.
        program: the program's file.
        disk: what a search of everything that was written found.
        public: answers of the public port in which the input stood; must be empty.
        asked: how many answers were looked at.
        server: the server, still running.
    """

    received: Received
    waited: float
    saved: Path
    program: Path
    disk: canary.Report
    public: tuple[str, ...]
    asked: int
    server: Process

    @property
    def private(self) -> bool:
        """The input was found nowhere, and the search works."""
        return self.disk.clean and not self.public


@contextmanager
def run(
    folder: Path, chosen: Callable[[Path], Task], mode: Mode, backing: Backing, stages: Stages
) -> Iterator[Outcome]:
    """Start everything below `folder`, prove, check, search; stop everything afterwards.

    Raises:
        ConfigError: the folder is in use, or the prover does not take the program.
        Sp1teeError: whatever a requester can meet, or a process that did not start.
    """
    given = _fresh(folder)
    task = chosen(given)
    program = Program.read(task.program)
    backing.accept(program.family)
    # What is left in there is searched too: SP1's programs are not ours.
    with TemporaryDirectory(prefix="sp1tee-") as scratch:
        environment = {"TMPDIR": scratch, **backing.environment}
        service = LocalService(folder / "service", environment=environment)
        with service, _telling_of_the_stop(stages):
            server, fulfiller = _start(service, backing, stages)
            steps = _Steps(stages, fulfiller)
            with _requester(server, new_key(given / "requester.key"), backing, steps) as requester:
                ticket = requester.request(program, task.stdin, Order(mode=mode))
                received = requester.wait(ticket)
            received.save(folder / "proof.bin")
            disk = _search_disk([service.folder, Path(scratch)], task, ticket, stages)
            answers, hits = _ask_the_port(server, task, ticket, stages)
            yield Outcome(
                received=received,
                waited=steps.waited,
                saved=folder / "proof.bin",
                program=task.program,
                disk=disk,
                public=hits,
                asked=answers,
                server=server,
            )


@contextmanager
def _telling_of_the_stop(stages: Stages) -> Iterator[None]:
    """Say that everything stops if something ends the run before its end: it may take a moment."""
    try:
        yield
    except BaseException:
        stages.begin("stopping everything")
        raise


def _fresh(folder: Path) -> Path:
    """Make a place for what is the requester's alone, in a folder that is used for nothing else."""
    given = folder / "requester"
    try:
        if folder.exists() and any(folder.iterdir()):
            raise ConfigError(
                f"The folder {folder} is not empty.",
                advice="Name one that is, or that is not there.",
            )
        given.mkdir(parents=True)
    except OSError as error:
        raise ConfigError(f"The folder {folder} cannot be used: {error.strerror}.") from None
    return given


@contextmanager
def _requester(
    server: Process, signer: Signer, backing: Backing, steps: "_Steps"
) -> Iterator[Requester]:
    with (
        backing.judge() as judge,
        Requester.at(server.public_url, signer, progress=steps, judge=judge) as requester,
    ):
        yield requester


def _start(service: LocalService, backing: Backing, stages: Stages) -> tuple[Process, Process]:
    stages.begin("starting the server")
    server = service.serve(*backing.serve)
    stages.note(server.public_url)
    stages.begin("starting a fulfiller")
    # When it is stopped, nobody wants the proof that it is at.
    fulfiller = service.fulfill(server, "--drain-s", "0", *backing.fulfill)
    stages.note(f"process {fulfiller.popen.pid}")
    service.wait_for(fulfiller, server)
    return server, fulfiller


def _search_disk(
    folders: Sequence[Path], task: Task, ticket: Ticket, stages: Stages
) -> canary.Report:
    stages.begin("searching disk and logs for the input")
    # What must be found, or the search itself is broken: the id stands in the database.
    report = canary.search(folders, task.watched, controls=[ticket.request_id])
    stages.note(f"{len(report.hits)} hits in {report.files} files")
    return report


def _ask_the_port(
    server: Process, task: Task, ticket: Ticket, stages: Stages
) -> tuple[int, tuple[str, ...]]:
    stages.begin("asking the public port for the input")
    answers = public_answers(server.public_url, ticket.request_id)
    hits = canary.found_in(answers, task.watched)
    stages.note(f"{len(hits)} hits in {len(answers)} answers")
    return len(answers), hits


def public_answers(url: str, request_id: bytes) -> list[tuple[str, bytes]]:
    """What the public port says to somebody who knows everything public about a request."""
    with grpc.insecure_channel(url.partition("://")[2]) as channel:
        stub = ProverNetworkStub(channel)
        details = stub.GetProofRequestDetails(
            types_pb2.GetProofRequestDetailsRequest(request_id=request_id)
        ).request
        status = stub.GetProofRequestStatus(
            types_pb2.GetProofRequestStatusRequest(request_id=request_id)
        )
    uri = types_pb2.ProofRequest.FromString(details).stdin_uri
    blob = uri.rpartition("/")[2]
    asked = [
        uri,
        *(f"{url}{path}" for path in ("/", "/health", f"/blobs/stdin/{blob}", "/metrics")),
    ]
    pages = [(page, requests.get(page, timeout=HTTP_SECONDS).content) for page in asked]
    return [("details", details), ("status", status.SerializeToString()), *pages]


class _Steps(Silent):
    """Makes stages of what the requester's library tells; ends the wait if nobody proves any more.

    Attributes:
        waited: seconds since the server was first asked how far the request is.
    """

    def __init__(self, stages: Stages, fulfiller: Process) -> None:
        self.waited = 0.0
        self._stages = stages
        self._fulfiller = fulfiller
        self._asked: float | None = None

    def step(self, text: str) -> None:
        """A step is a stage."""
        self._stages.begin(text)

    def transfer(self, text: str, size: int | None) -> None:
        """So is an upload or a download."""
        self._stages.begin(text)
        if size is not None:
            self._stages.note(f"{size:,} bytes")

    def status(self, status: Status) -> None:
        """The request moved on; raises `ProcessDiedError` if it cannot any more."""
        now = time.monotonic()
        self._asked = self._asked or now
        self.waited = now - self._asked
        self._stages.note("" if status.ended else "executing and proving")
        if not status.ended:
            self._fulfiller.require()
