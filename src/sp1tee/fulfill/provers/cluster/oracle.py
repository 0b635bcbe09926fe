"""An sp1-cluster that only executes, asked for what the emulator cannot count: prover gas."""

import asyncio
import time
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from sp1tee.errors import ExecutorUnavailable, FulfillError
from sp1tee.fulfill.executors import Cause, Execution, Executor, Limits
from sp1tee.fulfill.provers.cluster.desk import Desk, Lost
from sp1tee.fulfill.provers.cluster.errand import Errand
from sp1tee.fulfill.provers.cluster.replies import Report, read_report
from sp1tee.logs import get
from sp1tee.wire.modes import Mode
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family

_log = get(__name__)

_ADVICE: Final = "Check --cluster-oracle-url and its cluster, or remove it and every limit to gas."


class Oracle:
    """A coordinator in execute-only mode, behind an API of its own."""

    def __init__(self, desk: Desk) -> None:
        """Ask nothing yet; `desk` is its API's."""
        self._desk = desk

    async def report(self, elf: bytes, stdin: bytes, seconds: float) -> Report | None:
        """Have a program run; None if what came of it cannot be read.

        Raises:
            FulfillError: it did not run within so many seconds, or not to its end.
        """
        errand, ended = Errand.new(), False
        await self._desk.settle()
        try:
            async with asyncio.timeout(seconds):
                await self._desk.submit(errand, elf, stdin, Mode.CORE, time.time() + seconds)
                row = await self._desk.finished(errand, elf)
                ended = True
                return read_report(row)
        except (Lost, TimeoutError) as error:
            reason = str(error) or "it took too long"
            raise ExecutorUnavailable(f"The oracle gave no answer: {reason}.") from None
        finally:
            await self._desk.tidy(errand, ended=ended)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._desk.aclose()


@dataclass(frozen=True, slots=True)
class CountsGas:
    """An executor that has an oracle count the gas of programs of SP1 v6 that ran to their end.

    Attributes:
        inner: runs the programs.
        oracle: runs them once more, where `inner` did not count.
    """

    inner: Executor
    oracle: Oracle

    @property
    def name(self) -> str:
        """Who runs programs, and who counts."""
        return f"{self.inner.name}, gas by the cluster's oracle"

    @property
    def verifies(self) -> frozenset[Family]:
        """Whose programs may verify proofs."""
        return self.inner.verifies

    async def execute(
        self, elf: bytes, stdin: Stdin, *, family: Family, limits: Limits, tenant: str
    ) -> Execution:
        """Run a program, and know its gas. See `sp1tee.fulfill.executors.Executor`.

        Raises:
            ExecutorUnavailable: there is a limit to gas, and the oracle does not count it.
        """
        run = await self.inner.execute(elf, stdin, family=family, limits=limits, tenant=tenant)
        if run.gas is not None or run.cause is not None or run.exit_code or family is Family.V5:
            return run
        gas = await self._gas(elf, stdin, run, limits)
        if gas is None and limits.gas is not None:
            text = "There is a limit to gas, and the oracle that counts it does not."
            raise ExecutorUnavailable(text, advice=_ADVICE)
        return _limited(replace(run, gas=gas), limits)

    async def aclose(self) -> None:
        """Close the executor and the oracle."""
        await self.inner.aclose()
        await self.oracle.aclose()

    async def _gas(self, elf: bytes, stdin: Stdin, run: Execution, limits: Limits) -> int | None:
        encoded = await asyncio.to_thread(stdin.encode)
        try:
            report = await self.oracle.report(elf, encoded, limits.seconds)
        except FulfillError as error:
            _log.warning("gas not counted", reason=error.message)
            return None
        if report is None or not _agrees(report, run):
            _log.error("the oracle ran another program, or another SP1: its gas does not count")
            return None
        return report.gas


def _agrees(report: Report, run: Execution) -> bool:
    told = (report.cycles, report.public_values_hash)
    return report.succeeded and told == (run.cycles, sha256(run.public_values).digest())


def _limited(run: Execution, limits: Limits) -> Execution:
    if run.gas is None or limits.gas is None or run.gas <= limits.gas:
        return run
    text = f"It used {run.gas} gas; {limits.gas} are allowed."
    return replace(run, cause=Cause.EXCEEDED_GAS_LIMIT, text=text)
