"""Prover slots, one per device, and how fast they have been."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from sp1tee.fulfill.check import Check
from sp1tee.fulfill.provers import Capability, KeepsPrograms, OwnsProcess, Prover, Surveys
from sp1tee.wire.modes import Mode


class Slots:
    """The provers of this worker; each makes one proof at a time.

    All are of one kind, so a request may go to any of them.
    """

    def __init__(self, provers: Sequence[Prover]) -> None:
        self._provers = tuple(provers)
        self._free: asyncio.Queue[Prover] = asyncio.Queue()
        for prover in provers:
            self._free.put_nowait(prover)

    def __len__(self) -> int:
        return len(self._provers)

    @property
    def busy(self) -> int:
        """How many of them make a proof now."""
        return len(self._provers) - self._free.qsize()

    @property
    def starts(self) -> int:
        """How often processes of provers were started, all together."""
        return sum(prover.starts for prover in self._provers if isinstance(prover, OwnsProcess))

    @property
    def capabilities(self) -> tuple[Capability, ...]:
        """What the provers can make."""
        return self._provers[0].capabilities()

    @property
    def keys(self) -> frozenset[bytes]:
        """Hashes of the verifying keys of programs that some prover has set up."""
        return frozenset(
            key
            for prover in self._provers
            if isinstance(prover, KeepsPrograms)
            for key in prover.keys
        )

    @property
    def mock(self) -> bool:
        """Whether their proofs prove nothing."""
        return self._provers[0].mock

    def offers(self, version: str, mode: Mode) -> bool:
        """Tell whether the provers can make such a proof."""
        return any(
            offered.version == version and mode in offered.modes for offered in self.capabilities
        )

    @property
    def offer(self) -> str:
        """What the provers can make, for people: ``sp1-v6.1.0: core, compressed``."""
        return "; ".join(
            f"{one.version}: {', '.join(str(mode) for mode in sorted(one.modes))}"
            for one in self.capabilities
        )

    async def check(self) -> None:
        """Find out whether every prover could work; raises `ProverUnavailable`."""
        for prover in self._provers:
            await prover.check()

    async def survey(self) -> Sequence[Check]:
        """Look at what is around the provers; they are all at the same place."""
        first = self._provers[0]
        return await first.survey() if isinstance(first, Surveys) else ()

    @asynccontextmanager
    async def take(self) -> AsyncIterator[Prover]:
        """Wait for a free prover, first come, first served, and give it back afterwards."""
        prover = await self._free.get()
        try:
            yield prover
        finally:
            self._free.put_nowait(prover)

    async def aclose(self) -> None:
        """Close all provers."""
        for prover in self._provers:
            await prover.aclose()


class Pace:
    """The quickest proof of each kind so far: what takes longer than is left is not started."""

    def __init__(self) -> None:
        self._quickest: dict[tuple[str, Mode], float] = {}

    def note(self, version: str, mode: Mode, seconds: float) -> None:
        """Remember how long a proof took."""
        self._quickest[version, mode] = min(seconds, self.least(version, mode) or seconds)

    def least(self, version: str, mode: Mode) -> float:
        """Return the seconds that such a proof takes at least; 0 when none was made yet."""
        return self._quickest.get((version, mode), 0.0)
