"""One lease's way: fetch, check, execute, prove, verify, hand in.

Whatever ends it is told to the server at once, with a reason that the requester can act on.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import structlog

from sp1tee.errors import (
    CheckupFailed,
    ExecutorUnavailable,
    FulfillError,
    JobFailed,
    LeaseGone,
    ModeError,
    ProverFailed,
    ProverUnavailable,
    VersionError,
    WireError,
    WorkerTokenRefused,
)
from sp1tee.fulfill.guest import judge
from sp1tee.fulfill.heartbeat import Stage
from sp1tee.fulfill.inputs import check_key
from sp1tee.fulfill.lease import Lease
from sp1tee.fulfill.patience import persist
from sp1tee.fulfill.provers import Made, Prover, ProveTask
from sp1tee.fulfill.selfcheck import check_proof
from sp1tee.fulfill.telling import give_back, tell_failure
from sp1tee.fulfill.tools import Tools
from sp1tee.logs import get
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.versions import CircuitVersion, parse_version

if TYPE_CHECKING:
    from sp1tee.fulfill.executors import Execution
    from sp1tee.fulfill.figures import Result

# How long the reason for a failure is offered once the deadline has passed anyway.
_LAST_WORD_SECONDS = 10.0

_T = TypeVar("_T")
_log = get(__name__)


class Job:
    """One leased request, from its lease to its end.

    Attributes:
        lease: what was leased.
        stage: where it stands.
        result: what came of it, once it is over.
    """

    def __init__(self, lease: Lease, tools: Tools, on_proved: Callable[[], object]) -> None:
        self.lease = lease
        self.stage = Stage.FETCHING
        self.result: Result = "given_back"
        self._tools = tools
        self._on_proved = on_proved
        self._execution: Execution | None = None
        self._over = False

    @property
    def started(self) -> bool:
        """Whether a prover has begun, or only the server is left to be told how it ended."""
        return self.stage >= Stage.PROVING or self._over

    @property
    def proved(self) -> bool:
        """Whether there is a proof, which is too dear to be given up."""
        return self.stage >= Stage.CHECKING

    async def run(self) -> None:
        """Do it all; raises `WorkerTokenRefused` only, everything else ends the job alone."""
        structlog.contextvars.bind_contextvars(**self.lease.names)
        self._tools.enters(self.lease, self.stage)
        try:
            failure = await self._attempt()
        except CheckupFailed:
            self._over = True
            self._tools.rest.lengthen()
            await give_back(self._tools.server, self.lease)
        else:
            if failure is not None:
                await self._fail(failure)

    async def _attempt(self) -> JobFailed | None:
        """Return why there is no proof; None if it was handed in or nobody wants it.

        Raises:
            CheckupFailed: this machine cannot work, whatever the request.
            WorkerTokenRefused: the server takes nothing of this worker.
        """
        try:
            async with asyncio.timeout(max(self._left, 0.0)) as deadline:
                await self._work()
        except (WorkerTokenRefused, CheckupFailed):
            raise
        except LeaseGone as gone:
            self.result = "lost"
            _log.info("lease gone", reason=gone.message)
        except JobFailed as failure:
            return failure
        except FulfillError as error:
            return _not_here(error.message)
        except Exception as error:  # noqa: BLE001 - one request must not take the worker down
            if deadline.expired():
                return _too_late("The deadline passed before the proof was done.")
            _log.error("unexpected", kind=type(error).__name__)
            return _not_here("The worker failed in a way that it should not.")
        return None

    async def _work(self) -> None:
        proof, mock = await self._make()
        execution = self._execution
        assert execution is not None
        self._enter(Stage.HANDING_IN)
        digest = (await asyncio.to_thread(hashlib.sha256, proof)).digest()

        async def offer() -> None:
            # Both steps each time: a server that restarted may have lost the first.
            await self._tools.transfers.hand_in(self.lease, proof)
            await self._tools.server.finish(self.lease, execution, digest, mock=mock)

        await persist("handing in a proof", offer)
        self.result = "handed_in"
        self._tools.rest.end()
        _log.info("proof handed in", mock=mock, cycles=execution.cycles, size=len(proof))

    async def _make(self) -> tuple[bytes, bool]:
        """Return a checked proof and whether it is a mock; let go of program and input."""
        task = await self._prepare()
        self._enter(Stage.WAITING)
        async with self._tools.slots.take() as prover:
            self._enter(Stage.PROVING)
            made = await self._prove(prover, task)
        # The prover is free for the next request: what is left needs no device.
        self._enter(Stage.CHECKING)
        self._on_proved()
        await self._check(prover, task, made)
        return made.proof, prover.mock

    async def _prepare(self) -> ProveTask:
        """Do all that can be done while the prover is busy with something else."""
        version, mode = self._accept()
        program = await self._tools.inputs.program(self.lease)
        stdin = await self._tools.inputs.stdin(self.lease)
        check_key(self.lease, version, program)
        self._enter(Stage.EXECUTING)
        execution = await self._able(
            lambda: self._tools.guests.run(self.lease, version.family, program, stdin)
        )
        if execution.exit_code is not None:
            self._execution = execution
        judge(self.lease, execution)
        return ProveTask(
            elf=program,
            elf_sha256=self.lease.program_sha256,
            stdin=await asyncio.to_thread(stdin.encode),
            deferred_proofs=stdin.proof_count,
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
            raise _not_here(f"{error.message} {self._offer}") from None
        if not self._tools.slots.offers(version.text, mode):
            raise _not_here(f"{mode} proofs of {version} are not made here. {self._offer}")
        self._check_time(version, mode)
        return version, mode

    async def _prove(self, prover: Prover, task: ProveTask) -> Made:
        self._check_time(task.version, task.mode)
        _log.info("proving", mode=str(task.mode), prover=prover.name, mock=prover.mock)
        began = time.monotonic()
        try:
            made = await self._able(lambda: prover.prove(task, self.lease.deadline))
        except (ProverFailed, WireError) as error:
            raise self._proving_failed(f"The prover failed: {error.message}") from None
        self._tools.pace.note(task.version.text, task.mode, time.monotonic() - began)
        return made

    async def _able(self, do: Callable[[], Awaitable[_T]]) -> _T:
        """Do what this machine should be able to: once more if it could not, yet is fit.

        Raises:
            CheckupFailed: it is unfit.
        """
        try:
            return await do()
        except (ExecutorUnavailable, ProverUnavailable) as error:
            await self._tools.fitness.confirm()
            _log.warning("trying again, as this machine is fit", reason=error.message)
        return await do()

    async def _check(self, prover: Prover, task: ProveTask, made: Made) -> None:
        try:
            await asyncio.to_thread(check_proof, made.proof, task, mock=prover.mock)
            await prover.verify(task, made)
        except WireError as error:
            _log.error("the prover made a wrong proof", reason=error.message)
            raise self._proving_failed(f"The prover made a wrong proof. {error.message}") from None
        except ProverFailed as error:
            _log.error("the proof does not pass", reason=error.message)
            raise self._proving_failed(f"The prover failed: {error.message}") from None

    def _check_time(self, version: CircuitVersion, mode: Mode) -> None:
        if self._left <= 0:
            raise _too_late("The deadline passed before the proof was begun.")
        least = self._tools.pace.least(version.text, mode)
        if self._left < least:
            raise _not_here(
                f"{self._left:.0f} s are left until the deadline; the quickest {mode} proof of "
                f"this prover took {least:.0f} s."
            )

    def _proving_failed(self, text: str) -> JobFailed:
        return JobFailed(text, error=types_pb2.PROVING_FAILURE, retryable=self.lease.attempts_left)

    async def _fail(self, failure: JobFailed) -> None:
        self._over = True
        self.result = "passed_on" if failure.retryable else "failed"
        if failure.retryable:
            # Before the server knows: from then on the request may be leased again, by us too.
            self._tools.rest.lengthen()
        seconds = max(self._left, _LAST_WORD_SECONDS)
        await tell_failure(self._tools.server, self.lease, failure, self._execution, seconds)

    def _enter(self, stage: Stage) -> None:
        self.stage = stage
        self._tools.heart.tell(self.lease, stage)
        self._tools.enters(self.lease, stage)

    @property
    def _offer(self) -> str:
        return f"This worker proves {self._tools.slots.offer}."

    @property
    def _left(self) -> float:
        return self.lease.deadline - self._tools.clock()


def _not_here(text: str) -> JobFailed:
    """Somebody else may succeed."""
    return JobFailed(text, error=types_pb2.UNKNOWN_FAILURE, retryable=True)


def _too_late(text: str) -> JobFailed:
    return JobFailed(text, error=types_pb2.UNKNOWN_FAILURE)
