"""Different executors for the programs of SP1 v5 and of v6."""

import asyncio
from collections.abc import Mapping
from typing import Final

from sp1tee.fulfill.executors import Execution, Executor, Limits
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family


class ByFamily:
    """Hands each program to the executor that is there for its generation of SP1.

    Attributes:
        verifies: whose programs may verify proofs.
    """

    def __init__(self, executors: Mapping[Family, Executor]) -> None:
        """Take over `executors`, one for every family."""
        self._executors: Final = dict(executors)
        self.verifies = frozenset(
            family for family, one in executors.items() if family in one.verifies
        )

    @property
    def name(self) -> str:
        """Who runs what."""
        return ", ".join(f"{one.name} for {family}" for family, one in self._executors.items())

    async def execute(
        self, elf: bytes, stdin: Stdin, *, family: Family, limits: Limits, tenant: str
    ) -> Execution:
        """Run a program where its family is run. See `sp1tee.fulfill.executors.Executor`."""
        executor = self._executors[family]
        return await executor.execute(elf, stdin, family=family, limits=limits, tenant=tenant)

    async def aclose(self) -> None:
        """Close them all."""
        await asyncio.gather(*(executor.aclose() for executor in self._executors.values()))
