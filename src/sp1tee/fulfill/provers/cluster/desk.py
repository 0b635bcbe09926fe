"""Asking a cluster, waiting for it, and clearing up afterwards, whatever became of it.

A request may get lost: a store evicts its input, a coordinator that was restarted forgets it, a
database is made anew. `Lost` says so, and whoever asked asks once more, under new names.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import stamina

from sp1tee.errors import FulfillError, ProverFailed, ProverUnavailable, ServerAway
from sp1tee.fulfill.patience import Grumble
from sp1tee.fulfill.provers.cluster.artifacts import Artifacts, Kind, packed
from sp1tee.fulfill.provers.cluster.errand import Errand, program_name
from sp1tee.fulfill.provers.cluster.line import PAGE, Api, Coordinator
from sp1tee.fulfill.provers.cluster.orphans import LOOK_SECONDS, ORPHAN_SECONDS, OrphanWatch
from sp1tee.fulfill.provers.cluster.replies import is_complete
from sp1tee.logs import get
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import cluster_pb2 as pb
from sp1tee.wire.program import encode_program

PATIENCE_SECONDS: Final = 120.0
"""How long a part of the cluster may be away before it is taken for gone; it may restart."""

_TIDY_SECONDS: Final = 10.0
_FIRST_POLL: Final = 0.1
_SLOWEST_POLL: Final = 2.0
_SLOWER: Final = 1.25
# What may be left in the store for the cluster to be late.
_MARGIN_SECONDS: Final = 300

_T = TypeVar("_T")
_log = get(__name__)


class Lost(Exception):  # noqa: N818 - it names what became of a request
    """A request got lost in the cluster; says where."""


@dataclass(frozen=True, slots=True)
class Waits:
    """How long is waited, for tests to be quicker.

    Attributes:
        patience: seconds for which a part of the cluster may be away.
        orphan: seconds for which nobody may work on a pending request.
        look: seconds between two questions to the coordinator.
    """

    patience: float = PATIENCE_SECONDS
    orphan: float = ORPHAN_SECONDS
    look: float = LOOK_SECONDS


class Desk:
    """Where one cluster is asked, by all slots of a worker."""

    def __init__(
        self,
        api: Api,
        artifacts: Artifacts,
        instance: str,
        *,
        coordinator: Coordinator | None = None,
        waits: Waits | None = None,
    ) -> None:
        """Ask nothing yet.

        Args:
            api: takes the requests.
            artifacts: the store that the cluster's workers use.
            instance: who asks; the same after a restart, and nobody else's.
            coordinator: tells what is worked on, where it can be asked.
            waits: how long is waited.
        """
        self.api, self.artifacts, self.coordinator = api, artifacts, coordinator
        self._instance = instance
        self._waits = waits or Waits()
        self._open: set[str] = set()
        self._settling = asyncio.Lock()
        self._unsettled = True
        self._again = stamina.AsyncRetryingCaller(
            attempts=None,
            timeout=self._waits.patience,
            wait_initial=0.05,
            wait_max=3.0,
            wait_jitter=0.1,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self.artifacts.aclose()
        await self.api.aclose()
        if self.coordinator is not None:
            await self.coordinator.aclose()

    async def patiently(self, what: str, call: Callable[[], Awaitable[_T]]) -> _T:
        """Try again while the cluster is away; raises `ProverUnavailable` if it stays away."""
        try:
            return await self._again(Grumble(f"{what} (cluster)"), call)
        except ServerAway as away:
            raise ProverUnavailable(away.message, advice=away.advice) from None

    async def submit(
        self, errand: Errand, elf: bytes, stdin: bytes, mode: Mode, deadline: float
    ) -> None:
        """Upload what is to be proved, and ask for the proof.

        Raises:
            ProverUnavailable: the cluster stays away.
            ProverFailed: it does not want this.
        """
        self._open.add(errand.proof_id)
        program = await self._provide(elf)
        seconds = max(int(deadline - time.time()), 0) + _MARGIN_SECONDS
        content = await asyncio.to_thread(packed, stdin)
        put = partial(self.artifacts.put, Kind.STDIN, errand.stdin, content, seconds)
        await self.patiently("uploading the input", put)
        row = errand.row(program, mode, deadline, self._instance)
        await self.patiently("request", partial(self.api.create, row))

    async def finished(self, errand: Errand, elf: bytes) -> pb.ProofRequest:
        """Wait until a request is complete.

        Raises:
            Lost: nobody works on it, or what it needs is gone.
            ProverFailed: the cluster failed.
            ProverUnavailable: the cluster stays away.
        """
        pause, look = _FIRST_POLL, partial(self.api.look, errand.proof_id)
        watch = OrphanWatch(self._waits.orphan, self._waits.look)
        while True:
            row = await self.patiently("waiting for the proof", look)
            if row is None:
                raise Lost("the cluster's database no longer has it")
            if await self._is_complete(row, errand, elf):
                return row
            if watch.due and await self._is_orphan(errand, watch):
                raise Lost("no coordinator works on it")
            await asyncio.sleep(pause)
            pause = min(pause * _SLOWER, _SLOWEST_POLL)

    async def tidy(self, errand: Errand, *, ended: bool) -> None:
        """Stop a request unless it has ended, and remove what lies in the store.

        What cannot be done soon is done before the next request, or after the next start.
        """
        self._open.discard(errand.proof_id)
        try:
            async with asyncio.timeout(_TIDY_SECONDS):
                await self._clear(errand, ended=ended)
        except (FulfillError, TimeoutError) as error:
            self._unsettled = True
            _log.warning("the cluster still has an input; removed later", reason=str(error))

    async def settle(self) -> None:
        """Clear up what an earlier life of this worker, or a failed `tidy`, left behind."""
        async with self._settling:
            if not self._unsettled:
                return
            try:
                async with asyncio.timeout(self._waits.patience):
                    await self._settle()
            except (FulfillError, TimeoutError) as error:
                _log.warning("what was left in the cluster is still there", reason=str(error))

    async def _settle(self) -> None:
        rows = await self.api.unhandled(self._instance)
        left = [row for row in rows if row.id not in self._open]
        errors = [error for row in left if (error := await _error_of(self._clearing(row)))]
        if errors:
            raise errors[0]
        self._unsettled = len(rows) >= PAGE
        if left:
            _log.info("cleared up in the cluster", requests=len(left))

    def _clearing(self, row: pb.ProofRequest) -> Callable[[], Awaitable[None]]:
        ended = row.proof_status != pb.PROOF_REQUEST_STATUS_PENDING
        return partial(self._clear, Errand.of(row), ended=ended)

    async def _clear(self, errand: Errand, *, ended: bool) -> None:
        """Do all of it that can be done; raises the first error."""
        steps = [
            partial(self.artifacts.delete, Kind.STDIN, errand.stdin),
            partial(self.artifacts.delete, Kind.PROOF, errand.proof),
        ]
        if not ended:
            steps.insert(0, partial(self._stop, errand))
        errors = [error for step in steps if (error := await _error_of(step))]
        if errors:
            raise errors[0]
        # There is no row if the request did not get so far.
        with suppress(ProverFailed):
            await self.api.handled(errand.proof_id)

    async def _stop(self, errand: Errand) -> None:
        await self.api.cancel(errand.proof_id)
        if self.coordinator is not None:
            # It would notice by itself, only later.
            with suppress(FulfillError):
                await self.coordinator.stop(errand.proof_id)

    async def _provide(self, elf: bytes) -> str:
        """Have the program in the store; return its name."""
        name = await asyncio.to_thread(program_name, elf)
        holds = partial(self.artifacts.holds, Kind.PROGRAM, name)
        if not await self.patiently("looking the program up", holds):
            content = await asyncio.to_thread(lambda: packed(encode_program(elf)))
            put = partial(self.artifacts.put, Kind.PROGRAM, name, content, None)
            await self.patiently("uploading the program", put)
        return name

    async def _is_complete(self, row: pb.ProofRequest, errand: Errand, elf: bytes) -> bool:
        try:
            return is_complete(row)
        except ProverFailed:
            # A cluster fails for want of its input, too, and does not say so.
            if row.proof_status == pb.PROOF_REQUEST_STATUS_FAILED:
                await self._require_inputs(errand, elf)
            raise

    async def _require_inputs(self, errand: Errand, elf: bytes) -> None:
        for kind, name in ((Kind.STDIN, errand.stdin), (Kind.PROGRAM, program_name(elf))):
            holds = partial(self.artifacts.holds, kind, name)
            if not await self.patiently("looking for what was uploaded", holds):
                raise Lost(f"{self.artifacts.name} no longer has what was uploaded")

    async def _is_orphan(self, errand: Errand, watch: OrphanWatch) -> bool:
        if self.coordinator is None:
            return False
        try:
            known = await self.coordinator.works_on(errand.proof_id)
        except FulfillError:
            # While it is away nobody can say what it works on.
            known = True
        return watch.note(known=known)


async def _error_of(step: Callable[[], Awaitable[None]]) -> FulfillError | None:
    try:
        await step()
    except FulfillError as error:
        return error
    return None
