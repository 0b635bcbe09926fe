"""Running the program before it is proved: a run that fails costs a second, its proof hours."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sp1tee.errors import ElfError, ExecutorCrashed, ExecutorUnavailable, JobFailed
from sp1tee.fulfill.executors import Cause, Execution, Executor, Limits
from sp1tee.fulfill.executors.trial import try_out
from sp1tee.fulfill.lease import Lease
from sp1tee.logs import get
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family

# Machines hiccup; a guest that breaks the executor twice does it every time.
_TRIES = 2
_NO_VERIFYING = (
    "The input holds proofs for the program to verify, which only SP1's own executor can run; this "
    "worker has none for this version."
)

_log = get(__name__)


@dataclass(frozen=True, slots=True)
class Guests:
    """Runs guests within what the requester and the operator allow.

    Attributes:
        executor: runs them.
        limits: what the operator allows.
        tell_output: whether requesters are told what their programs printed before they failed.
        executed: told of every run; of None where what runs programs crashed.
    """

    executor: Executor
    limits: Limits
    tell_output: bool = False
    executed: Callable[[Execution | None], object] = lambda _: None

    async def run(self, lease: Lease, family: Family, elf: bytes, stdin: Stdin) -> Execution:
        """Run a lease's program on its input; how that ended is for `judge` to say.

        Raises:
            JobFailed: nothing here can run it, SP1 would not load it, or it breaks what runs it.
            ExecutorUnavailable: nothing here can run any program.
        """
        if stdin.proof_count and family not in self.executor.verifies:
            raise JobFailed(
                _NO_VERIFYING, error=types_pb2.UNKNOWN_FAILURE, retryable=lease.attempts_left
            )
        why = ""
        for _ in range(_TRIES):
            try:
                ended = await self._execute(lease, family, elf, stdin)
            except ExecutorCrashed as error:
                _log.error("executor crashed", reason=error.message)
                why = error.message
                self.executed(None)
            else:
                self.executed(ended)
                return ended if self.tell_output else replace(ended, printed="")
        await self._require_sound(family)
        raise JobFailed(
            f"The program broke the process that ran it, twice. {why}",
            error=types_pb2.EXECUTION_FAILURE,
            retryable=lease.attempts_left,
        )

    async def _execute(self, lease: Lease, family: Family, elf: bytes, stdin: Stdin) -> Execution:
        limits, tenant = self._limits_for(lease), lease.tenant
        try:
            return await self.executor.execute(
                elf, stdin, family=family, limits=limits, tenant=tenant
            )
        except ElfError as error:
            raise JobFailed(
                f"SP1 cannot load this program. {error.message}",
                error=types_pb2.EXECUTION_FAILURE,
            ) from None

    def _limits_for(self, lease: Lease) -> Limits:
        return replace(
            self.limits,
            cycles=_least(lease.cycle_limit, self.limits.cycles),
            gas=_least(lease.gas_limit, self.limits.gas),
        )

    async def _require_sound(self, family: Family) -> None:
        """Make sure that it was the program that broke the executor: others still run.

        Raises:
            ExecutorUnavailable: they do not.
        """
        try:
            await try_out(self.executor, family)
        except ExecutorCrashed as error:
            raise ExecutorUnavailable(error.message) from None


def judge(lease: Lease, execution: Execution) -> None:
    """Tell from how a run ended whether it can be proved.

    Raises:
        JobFailed: it cannot; with the network's cause and a text for the requester.
    """
    found = _objection(lease, execution)
    if found is not None:
        cause, text = found
        raise JobFailed(
            text, error=types_pb2.EXECUTION_FAILURE, cause=cause, printed=execution.printed
        )


def _objection(lease: Lease, execution: Execution) -> tuple[Cause, str] | None:
    if execution.cause is not None:
        return execution.cause, f"The program cannot be proved: {execution.text}"
    if execution.exit_code != 0:
        text = f"The program ended with exit code {execution.exit_code}."
        return Cause.HALT_WITH_NON_ZERO_EXIT_CODE, text
    gas, limit = execution.gas, lease.gas_limit
    if gas is not None and limit is not None and gas > limit:
        text = f"The program used {gas} gas; the request allows {limit}."
        return Cause.EXCEEDED_GAS_LIMIT, text
    return None


def _least(requested: int | None, own: int | None) -> int | None:
    return min((limit for limit in (requested, own) if limit is not None), default=None)
