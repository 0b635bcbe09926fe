"""Running the program before it is proved: a run that fails costs a second, its proof hours."""

from dataclasses import dataclass, replace

from sp1tee.errors import ElfError, ExecutorCrashed, JobFailed
from sp1tee.fulfill.executors import Cause, Execution, Executor, Limits
from sp1tee.fulfill.lease import Lease
from sp1tee.logs import get
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family

# Machines hiccup; a guest that breaks the executor twice does it every time.
_TRIES = 2

_log = get(__name__)


@dataclass(frozen=True, slots=True)
class Guests:
    """Runs guests within what the requester and the operator allow.

    Attributes:
        executor: runs them.
        limits: what the operator allows.
    """

    executor: Executor
    limits: Limits

    async def run(self, lease: Lease, family: Family, elf: bytes, stdin: Stdin) -> Execution:
        """Run a lease's program on its input; how that ended is for `judge` to say.

        Raises:
            JobFailed: SP1 would not load the program, or it breaks what runs it.
            ExecutorUnavailable: nothing here can run any program.
        """
        limits = replace(self.limits, cycles=_least(lease.cycle_limit, self.limits.cycles))
        why = ""
        for _ in range(_TRIES):
            try:
                return await self.executor.execute(
                    elf, stdin, family=family, limits=limits, tenant=lease.tenant
                )
            except ElfError as error:
                raise JobFailed(
                    f"SP1 cannot load this program. {error.message}",
                    error=types_pb2.EXECUTION_FAILURE,
                ) from None
            except ExecutorCrashed as error:
                _log.error("executor crashed", reason=error.message)
                why = error.message
        raise JobFailed(
            f"The program broke the process that ran it, twice. {why}",
            error=types_pb2.EXECUTION_FAILURE,
            retryable=lease.attempts_left,
        )


def judge(lease: Lease, execution: Execution) -> None:
    """Tell from how a run ended whether it can be proved.

    Raises:
        JobFailed: it cannot; with the network's cause and a text for the requester.
    """
    if execution.cause is not None:
        raise _failed(execution.cause, f"The program cannot be proved: {execution.text}")
    if execution.exit_code != 0:
        raise _failed(
            Cause.HALT_WITH_NON_ZERO_EXIT_CODE,
            f"The program ended with exit code {execution.exit_code}.",
        )
    gas, limit = execution.gas, lease.gas_limit
    if gas is not None and limit is not None and gas > limit:
        raise _failed(
            Cause.EXCEEDED_GAS_LIMIT,
            f"The program used {gas} gas; the request allows {limit}.",
        )


def _failed(cause: Cause, text: str) -> JobFailed:
    return JobFailed(text, error=types_pb2.EXECUTION_FAILURE, cause=cause)


def _least(requested: int | None, own: int | None) -> int | None:
    return min((limit for limit in (requested, own) if limit is not None), default=None)
