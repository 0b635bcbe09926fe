"""Leases stay alive whatever else the worker does."""

from collections.abc import Sequence

import pytest
from support.fulfilling import ScriptedProver, sample_work, within, working
from support.worker_listener import WorkerListener

from sp1tee.errors import FulfillError, ServerAway, WorkerTokenRefused
from sp1tee.fulfill.heartbeat import Beat, Heart, Stage
from sp1tee.fulfill.lease import Lease

pytestmark = pytest.mark.anyio


async def test_beats_go_on_while_the_event_loop_is_blocked(listener: WorkerListener):
    prover = ScriptedProver()
    work = sample_work(ttl_ms=300)
    listener.offer(work)
    async with working(listener, prover, drain_s=0):
        await within(prover.started.wait())
        before = len(work.stages)
        # This blocks the worker's event loop; only the thread can beat.
        listener.until(lambda: len(work.stages) >= before + 5)


async def test_beats_tell_the_stage(listener: WorkerListener):
    prover = ScriptedProver()
    proving, waiting = sample_work(ttl_ms=300), sample_work(ttl_ms=300)
    listener.offer(proving)
    async with working(listener, prover):
        await within(prover.started.wait())
        listener.offer(waiting)
        await listener.eventually(lambda: Stage.PROVING in proving.stages)
        await listener.eventually(lambda: Stage.WAITING in waiting.stages)
        prover.open()
        await listener.eventually(lambda: waiting.proof)


async def test_beats_end_with_their_lease(listener: WorkerListener):
    work = sample_work(ttl_ms=300)
    later = sample_work(ttl_ms=300)
    prover = ScriptedProver().open()
    listener.offer(work)
    async with working(listener, prover, drain_s=0):
        await listener.eventually(lambda: work.proof)
        prover.gate.clear()
        listener.offer(later)
        beats = len(work.stages)
        await listener.eventually(lambda: len(later.stages) >= 3)
        assert len(work.stages) == beats


async def test_beats_go_on_after_the_server_was_away(listener: WorkerListener):
    prover = ScriptedProver()
    work = sample_work(ttl_ms=300)
    listener.offer(work)
    async with working(listener, prover, drain_s=0):
        await listener.eventually(lambda: work.stages)
        listener.down()
        listener.up()
        before = len(work.stages)
        await listener.eventually(lambda: len(work.stages) > before)
    assert not prover.tasks or prover.cancelled <= 1


class ScriptedPulse:
    """Answers beats from a list, then blocks no one: every later beat succeeds."""

    def __init__(self, *answers: Exception | list[str]) -> None:
        self.answers = list(answers)
        self.closed = False

    def __call__(self, beats: Sequence[Beat], seconds: float) -> Sequence[str]:
        answer = self.answers.pop(0) if self.answers else ()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self):
        self.closed = True


@pytest.mark.parametrize("fault", [WorkerTokenRefused("No."), RuntimeError("a bug")])
def test_whatever_ends_a_heart_is_told(fault: Exception):
    import queue

    told = queue.Queue()
    pulse = ScriptedPulse(fault)
    heart = Heart(pulse)
    with heart.beating(on_drop=lambda _: None, on_refused=told.put):
        heart.keep(Lease.from_wire(sample_work(ttl_ms=30).to_wire()))
        assert isinstance(told.get(timeout=30), FulfillError)
    assert pulse.closed


def test_a_beat_that_found_nobody_is_followed_by_another():
    import queue

    dropped = queue.Queue()
    heart = Heart(ScriptedPulse(ServerAway("Gone."), ["lease_a"]))
    with heart.beating(on_drop=dropped.put, on_refused=dropped.put):
        heart.keep(Lease.from_wire(sample_work(ttl_ms=30).to_wire()))
        assert dropped.get(timeout=30) == "lease_a"
