"""The whole service on one machine, once: a private input goes in, a checked proof comes out.

Everything that runs is the real thing, in processes of its own: the server with its database and
vault, the fulfiller with its executor, the requester's library. Only the proving is a mock. What
is shown on the way is up to a `Stages`, so that the same run serves a terminal and a test.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import grpc
import requests

from sp1tee import guests
from sp1tee.client import Order, Program, Received, Requester, Source, Status, Ticket, new_key
from sp1tee.client.inputs import MemorySource
from sp1tee.client.progress import Silent
from sp1tee.sim import canary
from sp1tee.sim.processes import LocalService, Process
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.pb.network_pb2_grpc import ProverNetworkStub
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family

BALANCES = 12
AMOUNT = 1_000_000
HTTP_SECONDS = 10


class Stages(Protocol):
    """Is told where the run is."""

    def begin(self, text: str) -> None:
        """A stage begins, and the one before has ended."""

    def end(self, text: str) -> None:
        """The stage that runs has ended, with this to say."""


@dataclass(frozen=True, slots=True)
class Input:
    """What is proved.

    Attributes:
        program: an ELF file with its verifying key beside it.
        stdin: the private input.
        watched: the bytes that must be found nowhere.
    """

    program: Path
    stdin: Source = field(repr=False)
    watched: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the run showed.

    Attributes:
        received: the proof, its claims checked.
        disk: what a search of everything that was written found.
        public: answers of the public port in which the input stood; must be empty.
        asked: how many answers were looked at.
        server: the server, still running.
    """

    received: Received
    disk: canary.Report
    public: tuple[str, ...]
    asked: int
    server: Process

    @property
    def private(self) -> bool:
        """The input was found nowhere, and the search works."""
        return self.disk.clean and not self.public


def solvency(folder: Path) -> Input:
    """A bank with random balances that add up to more than a public amount."""
    guest = guests.load("solvency", Family.V6)
    program = folder / "solvency.elf"
    program.write_bytes(guest.elf)
    if guest.vk is not None:
        program.with_name("solvency.elf.vk").write_bytes(guest.vk)
    balances = [AMOUNT + secrets.randbits(63) // BALANCES for _ in range(BALANCES)]
    stdin = guests.solvency_input(AMOUNT, balances)
    return Input(program, MemorySource(stdin.encode()), stdin.buffers[1:])


def own(program: Path, stdin: Stdin) -> Input:
    """A program and an input of the reader's own."""
    return Input(program, MemorySource(stdin.encode()), stdin.buffers)


@contextmanager
def run(
    folder: Path, chosen: Callable[[Path], Input], mode: Mode, stages: Stages
) -> Iterator[Outcome]:
    """Start everything below `folder`, prove, check, search; stop everything afterwards.

    Raises:
        Sp1teeError: whatever a requester can meet, or a process that did not start.
    """
    folder.mkdir(parents=True, exist_ok=True)
    given = folder / "requester"
    given.mkdir()
    task = chosen(given)
    with LocalService(folder / "service") as service:
        stages.begin("starting the server")
        server = service.serve("--allow-mock")
        stages.end(server.public_url)
        stages.begin("starting a fulfiller")
        fulfiller = service.fulfill(server, "--prover", "mock")
        stages.end(f"process {fulfiller.popen.pid}")
        signer = new_key(given / "requester.key")
        with Requester.at(server.public_url, signer, progress=_Steps(stages)) as requester:
            ticket = requester.request(Program.read(task.program), task.stdin, Order(mode=mode))
            received = requester.wait(ticket)
        disk = _search_disk(service.folder, task, ticket, stages)
        answers, hits = _ask_the_port(server, task, ticket, stages)
        yield Outcome(received, disk, hits, answers, server)


def _search_disk(folder: Path, task: Input, ticket: Ticket, stages: Stages) -> canary.Report:
    stages.begin("searching disk and logs for the input")
    # What must be found, or the search itself is broken: the id stands in the database.
    report = canary.search([folder], task.watched, controls=[ticket.request_id])
    stages.end(f"{len(report.hits)} hits in {report.files} files")
    return report


def _ask_the_port(
    server: Process, task: Input, ticket: Ticket, stages: Stages
) -> tuple[int, tuple[str, ...]]:
    stages.begin("asking the public port for the input")
    answers = public_answers(server.public_url, ticket.request_id)
    hits = canary.found_in(answers, task.watched)
    stages.end(f"{len(hits)} hits in {len(answers)} answers")
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
    """Makes stages of what the requester's library tells."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages
        self._seen = ""

    def step(self, text: str) -> None:
        """A step is a stage."""
        self._stages.begin(text)

    def transfer(self, text: str, size: int | None) -> None:
        """So is an upload or a download."""
        self._stages.begin(text)
        if size is not None:
            self._stages.end(f"{size:,} bytes")

    def status(self, status: Status) -> None:
        """The request moved on."""
        if status.fulfillment != self._seen:
            self._seen = status.fulfillment
            self._stages.begin(f"the request is {self._seen}")
