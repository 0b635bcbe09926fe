"""The loop that keeps the provers busy.

While one proof runs, the next request is leased, fetched, unpacked and executed. A worker with an
idle prover waits at the server, which answers the moment there is something. A busy one only asks
now and then whether somebody left something: new requests go to workers that can begin at once.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

from sp1tee.errors import CheckupFailed, FulfillError, Sp1teeError
from sp1tee.fulfill.job import Job
from sp1tee.fulfill.lease import Lease
from sp1tee.fulfill.patience import persist
from sp1tee.fulfill.server import Answer
from sp1tee.fulfill.telling import give_back
from sp1tee.fulfill.tools import Tools
from sp1tee.logs import get

# How long the server may hold a call of a worker that has nothing to do.
WAIT_SECONDS = 20.0
# How often a busy worker asks for something to prepare.
LOOK_AHEAD_SECONDS = 0.25
# How many proofs per slot may wait to be taken before no more are begun.
_UNTAKEN_PER_SLOT = 4

_log = get(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a worker spends its time.

    Attributes:
        prefetch: how many requests are prepared beyond those being proved.
        drain_seconds: how long a proof in progress may go on after the worker was told to stop.
    """

    prefetch: int = 1
    drain_seconds: float = 90.0


class Fulfiller:
    """Leases requests and runs a job for each, until told to stop."""

    def __init__(self, tools: Tools, plan: Plan) -> None:
        self._tools = tools
        self._plan = plan
        self._running: dict[str, tuple[Job, asyncio.Task[None]]] = {}
        self._freed = asyncio.Event()
        self._given_up: CheckupFailed | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish or give back what is under way.

        Raises:
            WorkerTokenRefused: the server no longer takes this worker's token.
            FulfillError: the server takes no calls of this worker for another reason.
            CheckupFailed: this machine became unfit, and stayed so.
        """
        refused: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            with self._heartbeats(refused):
                await self._work(stop, refused)
        except BaseExceptionGroup as group:
            raise _first_of_ours(group) from None

    async def _work(self, stop: asyncio.Event, refused: asyncio.Future[None]) -> None:
        async with asyncio.TaskGroup() as group:
            leasing = group.create_task(self._lease(group))
            tending = group.create_task(self._tend(group))
            watching = group.create_task(_outcome(refused))
            stopping = group.create_task(stop.wait())
            await asyncio.wait({stopping, tending}, return_when=asyncio.FIRST_COMPLETED)
            for task in (leasing, tending, stopping):
                task.cancel()
            await asyncio.wait({leasing, tending})
            await self._drain()
            watching.cancel()
        if self._given_up is not None:
            raise self._given_up

    async def _tend(self, group: asyncio.TaskGroup) -> None:
        """Whenever this machine becomes unfit, wait until it is fit; return if it stays unfit."""
        while True:
            await self._tools.fitness.until_unfit()
            # In a task of the group's: a worker that is told to stop meanwhile gives back as well.
            returning = group.create_task(self._give_back(lambda job: not job.started))
            await asyncio.shield(returning)
            try:
                await self._tools.fitness.recover()
            except CheckupFailed as failed:
                self._given_up = failed
                return

    async def _lease(self, group: asyncio.TaskGroup) -> None:
        while True:
            await self._until_ready()
            wait = WAIT_SECONDS if self._idle else 0.0
            answer = await persist("asking for work", partial(self._ask, wait))
            lease = answer.lease
            if lease is None:
                if not wait:
                    await self._look_ahead_later(answer.look_again_s)
            elif self._resting:
                # Something went wrong here while the server held the call.
                group.create_task(give_back(self._tools.server, lease))
            else:
                self._begin(group, lease)

    async def _until_ready(self) -> None:
        """Wait until a request that comes now could be worked on."""
        while not self._has_room or self._resting:
            await self._tools.fitness.until_fit()
            if left := self._tools.rest.left:
                _log.info("leaving the queue to others", seconds=round(left))
                await asyncio.sleep(left)
            elif not self._has_room:
                self._freed.clear()
                await self._freed.wait()

    @property
    def _resting(self) -> bool:
        return not self._tools.fitness.fit or self._tools.rest.left > 0

    async def _ask(self, wait: float) -> Answer:
        slots = self._tools.slots
        return await self._tools.server.lease(slots.capabilities, wait, slots.keys)

    def _begin(self, group: asyncio.TaskGroup, lease: Lease) -> None:
        self._tools.heart.keep(lease)
        job = Job(lease, self._tools, self._freed.set)
        task = group.create_task(job.run(), name=lease.id)
        self._running[lease.id] = job, task
        task.add_done_callback(partial(self._ended, job))

    def _ended(self, job: Job, _: asyncio.Task[None]) -> None:
        self._tools.heart.forget(job.lease)
        self._tools.ends(job.lease, job.result)
        del self._running[job.lease.id]
        self._freed.set()

    def _drop(self, lease_id: str) -> None:
        """Abort a job whose lease is lost; a proof that is there is offered nevertheless."""
        job, task = self._running.get(lease_id, (None, None))
        if job is None or task is None or job.proved:
            return
        _log.warning("dropped by the server", stage=job.stage.name.lower(), **job.lease.names)
        job.result = "lost"
        task.cancel()

    async def _drain(self) -> None:
        _log.info("stopping", jobs=len(self._running))
        await self._give_back(lambda job: not job.started)
        if proving := [task for _, task in self._running.values()]:
            await asyncio.wait(proving, timeout=self._plan.drain_seconds)
        await self._give_back(lambda _: True)

    async def _give_back(self, choose: Callable[[Job], bool]) -> None:
        chosen = [(job, task) for job, task in self._running.values() if choose(job)]
        for _, task in chosen:
            task.cancel()
        if chosen:
            await asyncio.wait([task for _, task in chosen])
        ended = [job.lease for job, task in chosen if task.cancelled()]
        await asyncio.gather(*(give_back(self._tools.server, lease) for lease in ended))

    @contextmanager
    def _heartbeats(self, refused: asyncio.Future[None]) -> Iterator[None]:
        """Beat in the background; what the heart's thread hears is dealt with in this one."""
        call = asyncio.get_running_loop().call_soon_threadsafe

        def refuse(error: FulfillError) -> None:
            if not refused.done():
                refused.set_exception(error)

        with self._tools.heart.beating(
            on_drop=lambda lease_id: call(self._drop, lease_id),
            on_refused=lambda error: call(refuse, error),
        ):
            yield

    @property
    def _ahead(self) -> int:
        return sum(not job.proved for job, _ in self._running.values())

    @property
    def _idle(self) -> bool:
        return self._ahead < len(self._tools.slots)

    @property
    def _has_room(self) -> bool:
        slots = len(self._tools.slots)
        untaken = len(self._running) - self._ahead
        return self._ahead < slots + self._plan.prefetch and untaken < slots * _UNTAKEN_PER_SLOT

    async def _look_ahead_later(self, told: float) -> None:
        """Pause before the next look, longer if the server has very many workers and says so."""
        self._freed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(min(max(told, LOOK_AHEAD_SECONDS), WAIT_SECONDS)):
                await self._freed.wait()


async def _outcome(future: asyncio.Future[None]) -> None:
    await future


def _first_of_ours(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return one error that explains itself instead of a group of them, if it holds one."""
    ours = group.subgroup(Sp1teeError)
    if ours is None:
        return group
    first = ours.exceptions[0]
    return _first_of_ours(first) if isinstance(first, BaseExceptionGroup) else first
