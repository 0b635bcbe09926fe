"""One lease's way: fetch, check, execute, prove, check again, hand in.

Whatever ends it is told to the server at once, with a reason that the requester can act on.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from sp1tee.errors import (
    FulfillError,
    JobFailed,
    LeaseGone,
    ModeError,
    ProverFailed,
    VersionError,
    WireError,
    WorkerTokenRefused,
)
from sp1tee.fulfill.guest import Guests, judge
from sp1tee.fulfill.heartbeat import Heart, Stage
from sp1tee.fulfill.inputs import Inputs, check_key
from sp1tee.fulfill.lease import Lease
from sp1tee.fulfill.patience import persist
from sp1tee.fulfill.provers import Prover, ProveTask
from sp1tee.fulfill.selfcheck import check_proof
from sp1tee.fulfill.server import Server
from sp1tee.fulfill.slots import Pace, Slots
from sp1tee.fulfill.transfer import Transfers
from sp1tee.logs import get
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.versions import CircuitVersion, parse_version

if TYPE_CHECKING:
    from sp1tee.fulfill.executors import Execution

# How long the reason for a failure is offered once the deadline has passed anyway.
_LAST_WORD_SECONDS = 10.0

_log = get(__name__)


@dataclass(frozen=True, slots=True)
class Tools:
    """What every job of a worker works with."""

    server: Server
    transfers: Transfers
    inputs: Inputs
    guests: Guests
    slots: Slots
    heart: Heart
    pace: Pace = field(default_factory=Pace)
    clock: Callable[[], float] = time.time


class Job:
    """One leased request, from its lease to its end.

    Attributes:
        lease: what was leased.
        stage: where it stands.
    """

    def __init__(self, lease: Lease, tools: Tools, on_proved: Callable[[], object]) -> None:
        self.lease = lease
        self.stage = Stage.FETCHING
        self._tools = tools
        self._on_proved = on_proved
        self._execution: Execution | None = None

    @property
    def started(self) -> bool:
        """Whether a prover has begun, so that giving the request back would waste its work."""
        return self.stage >= Stage.PROVING

    @property
    def proved(self) -> bool:
        """Whether there is a proof, which is too dear to be given up."""
        return self.stage >= Stage.CHECKING

    @property
    def names(self) -> dict[str, str]:
        """What every line of log about it carries."""
        return {"request_id": self.lease.request_id.hex(), "lease": self.lease.id}

    async def run(self) -> None:
        """Do it all; raises `WorkerTokenRefused` only, everything else ends the job alone."""
        structlog.contextvars.bind_contextvars(**self.names)
        if failure := await self._attempt():
            await self._fail(failure)

    async def _attempt(self) -> JobFailed | None:
        """Return why there is no proof; None if it was handed in or nobody wants it."""
        try:
            async with asyncio.timeout(max(self._left, 0.0)) as deadline:
                await self._work()
        except WorkerTokenRefused:
            raise
        except LeaseGone as gone:
            _log.info("lease gone", reason=gone.message)
        except JobFailed as failure:
            return failure
        except FulfillError as error:
            return _give_back(error.message)
        except Exception as error:  # noqa: BLE001 - one request must not take the worker down
            if deadline.expired():
                return _too_late("The deadline passed before the proof was done.")
            _log.error("unexpected", kind=type(error).__name__)
            return _give_back("The worker failed in a way that it should not.")
        return None

    async def _work(self) -> None:
        proof, mock = await self._make()
        assert self._execution is not None
        execution = self._execution
        self._enter(Stage.HANDING_IN)
        digest = (await asyncio.to_thread(hashlib.sha256, proof)).digest()

        async def offer() -> None:
            # Both steps each time: a server that restarted may have lost the first.
            await self._tools.transfers.hand_in(self.lease, proof)
            await self._tools.server.finish(self.lease, execution, digest, mock=mock)

        await persist("handing in a proof", offer)
        _log.info("proof handed in", mock=mock, cycles=execution.cycles, size=len(proof))

    async def _make(self) -> tuple[bytes, bool]:
        """Return a checked proof and whether it is a mock; let go of program and input."""
        task = await self._prepare()
        self._enter(Stage.WAITING)
        async with self._tools.slots.take() as prover:
            self._enter(Stage.PROVING)
            proof = await self._prove(prover, task)
        self._enter(Stage.CHECKING)
        self._on_proved()
        await self._check(proof, task, mock=prover.mock)
        return proof, prover.mock

    async def _prepare(self) -> ProveTask:
        """Do all that can be done while the prover is busy with something else."""
        version, mode = self._accept()
        program = await self._tools.inputs.program(self.lease)
        stdin = await self._tools.inputs.stdin(self.lease)
        check_key(self.lease, version, program)
        self._enter(Stage.EXECUTING)
        execution = await self._tools.guests.run(self.lease, version.family, program, stdin)
        if execution.exit_code is not None:
            self._execution = execution
        judge(self.lease, execution)
        return ProveTask(
            elf=program,
            stdin=stdin,
            version=version,
            mode=mode,
            vk_hash=self.lease.vk_hash,
            vk=self.lease.vk,
            public_values=execution.public_values,
        )

    def _accept(self) -> tuple[CircuitVersion, Mode]:
        """Read what kind of proof is asked for, and whether it can be made at all in time."""
        try:
            version, mode = parse_version(self.lease.version), Mode.from_wire(self.lease.mode)
        except (VersionError, ModeError) as error:
            raise _give_back(f"{error.message} {error.advice}") from None
        if not self._tools.slots.offers(version.text, mode):
            raise _give_back(f"This worker cannot make {mode} proofs of {version}.")
        self._check_time(version, mode)
        return version, mode

    async def _prove(self, prover: Prover, task: ProveTask) -> bytes:
        self._check_time(task.version, task.mode)
        _log.info("proving", mode=str(task.mode), prover=prover.name, mock=prover.mock)
        began = time.monotonic()
        try:
            proof = await prover.prove(task, self.lease.deadline)
        except (ProverFailed, WireError) as error:
            raise self._proving_failed(f"The prover failed: {error.message}") from None
        self._tools.pace.note(task.version.text, task.mode, time.monotonic() - began)
        return proof

    async def _check(self, proof: bytes, task: ProveTask, *, mock: bool) -> None:
        try:
            await asyncio.to_thread(check_proof, proof, task, mock=mock)
        except WireError as error:
            _log.error("the prover made a wrong proof", reason=error.message)
            raise self._proving_failed(f"The prover made a wrong proof. {error.message}") from None

    def _check_time(self, version: CircuitVersion, mode: Mode) -> None:
        if self._left <= 0:
            raise _too_late("The deadline passed before the proof was begun.")
        least = self._tools.pace.least(version.text, mode)
        if self._left < least:
            raise _give_back(
                f"{self._left:.0f} s are left until the deadline; the quickest {mode} proof of "
                f"this prover took {least:.0f} s."
            )

    def _proving_failed(self, text: str) -> JobFailed:
        return JobFailed(text, error=types_pb2.PROVING_FAILURE, retryable=self.lease.attempts_left)

    async def _fail(self, failure: JobFailed) -> None:
        _log.warning("no proof", reason=failure.message, retryable=failure.retryable)

        async def tell() -> None:
            await self._tools.server.fail(self.lease, failure, self._execution)

        try:
            async with asyncio.timeout(max(self._left, _LAST_WORD_SECONDS)):
                await persist("telling of a failure", tell)
        except WorkerTokenRefused:
            raise
        except (FulfillError, TimeoutError) as error:
            _log.info("the failure was not taken", reason=str(error))

    def _enter(self, stage: Stage) -> None:
        self.stage = stage
        self._tools.heart.tell(self.lease, stage)

    @property
    def _left(self) -> float:
        return self.lease.deadline - self._tools.clock()


def _give_back(text: str) -> JobFailed:
    """Somebody else may succeed."""
    return JobFailed(text, error=types_pb2.UNKNOWN_FAILURE, retryable=True)


def _too_late(text: str) -> JobFailed:
    return JobFailed(text, error=types_pb2.UNKNOWN_FAILURE)
