"""The executor that comes with sp1tee: guests on the unicorn emulator, each in its own process.

Every guest runs in a process that is forked for it, confined (`sandbox`), limited in memory and
time, and killed when the guest has ended, whatever the outcome. The process that it is forked from
sees no guest (`zygote`). It reports SP1's cycles exactly and no gas, which is left to SP1's own
executor, as are most precompiles (all but SHA-256, Keccak and 256-bit multiplication), hooks, and
programs that verify proofs.
"""

import asyncio
import math
from importlib.util import find_spec
from typing import Final

from sp1tee.errors import ElfError, ExecutorUnavailable, MissingExtraError
from sp1tee.fulfill.executors import Execution, Limits, in_one_line, sandbox
from sp1tee.fulfill.executors.frames import Allowance, Job, OutOfMemory, Refused, Result
from sp1tee.fulfill.executors.outcome import Outcome, Reason
from sp1tee.fulfill.executors.pool import Pool
from sp1tee.fulfill.executors.process import GuestProcess
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family

if find_spec("unicorn") is None:
    raise MissingExtraError(
        "Running guest programs needs the emulator unicorn, which is not installed.",
        advice="pip install 'sp1tee[fulfill]'",
    )

_OWN_MEMORY: Final = 1 << 30  # address space of the interpreter and the emulator
_COPIES: Final = 4  # of a job, while it is taken apart


class UnicornExecutor:
    """Runs guests; as many at once as it is asked to.

    Attributes:
        name: what logs and reports call it.
        verifies: none; programs that verify proofs are for SP1's own executor.
    """

    name = "unicorn"
    verifies: frozenset[Family] = frozenset()

    def __init__(self, *, warm: int = 1) -> None:
        """Keep `warm` processes forked ahead from the first execution on.

        Raises:
            ExecutorUnavailable: guests cannot be confined on this kind of machine.
        """
        if not sandbox.SUPPORTED:
            raise ExecutorUnavailable("Guest programs cannot be confined on this kind of machine.")
        self._pool = Pool(warm)

    async def start(self) -> None:
        """Load what guests need before there is a guest.

        Raises:
            ExecutorUnavailable: it cannot be.
        """
        await self._pool.warm_up()

    async def execute(
        self, elf: bytes, stdin: Stdin, *, family: Family, limits: Limits, tenant: str
    ) -> Execution:
        """Run one guest in a process of its own. See `sp1tee.fulfill.executors.Executor`."""
        del tenant  # no process runs a second guest, of whichever tenant
        job = Job(family, limits.cycles, limits.memory_bytes, elf, stdin.buffers[stdin.ptr :])
        async with self._pool.process(_allowance(job, limits.seconds)) as process:
            result = await _run(process, job, limits.seconds)
        return _execution(result, limits)

    async def aclose(self) -> None:
        """End all processes. Guests that run are broken off: see `ExecutorCrashed`."""
        await self._pool.aclose()


def _allowance(job: Job, seconds: float) -> Allowance:
    size = len(job.elf) + sum(map(len, job.stdin))
    memory = _OWN_MEMORY + job.memory_bytes + _COPIES * size
    # the CPU limit is a second one, should the event loop not get to act on the first
    return Allowance(memory, math.ceil(seconds) + 1)


async def _run(process: GuestProcess, job: Job, seconds: float) -> Result:
    try:
        async with asyncio.timeout(seconds):
            return await process.run(job)
    except TimeoutError:
        return Outcome(Reason.TIME, math.ceil(seconds), None, 0, b"")


def _execution(result: Result, limits: Limits) -> Execution:
    match result:
        case Refused():
            raise ElfError(result.text)
        case OutOfMemory():
            result = Outcome(Reason.MEMORY, limits.memory_bytes, None, 0, b"")
    return Execution(
        public_values=result.public_values,
        exit_code=result.exit_code,
        cycles=result.cycles,
        gas=None,
        cause=result.cause,
        text=result.text,
        printed=in_one_line(result.printed.decode(errors="replace")),
    )
