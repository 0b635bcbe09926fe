"""How a worker spends its time: ahead, in order, and in an orderly end."""

import asyncio
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from support.fulfilling import (
    ScriptedExecutor,
    ScriptedProver,
    sample_work,
    within,
    working,
)
from support.worker_listener import WorkerListener

from sp1tee.errors import ServerRefused, WorkerTokenRefused
from sp1tee.fulfill.heartbeat import Stage

pytestmark = pytest.mark.anyio


@dataclass
class KeepingProver(ScriptedProver):
    """Keeps programs set up."""

    programs: frozenset[bytes] = frozenset()

    @property
    def keys(self) -> frozenset[bytes]:
        return self.programs


# --- ahead -----------------------------------------------------------------------------------


async def test_while_one_proof_runs_the_next_request_is_fetched_and_executed(
    listener: WorkerListener,
):
    prover, executor = ScriptedProver(), ScriptedExecutor()
    first, second, third = sample_work(), sample_work(), sample_work()
    listener.offer(first, second, third)
    async with working(listener, prover, executor=executor, drain_s=0):
        await within(prover.started.wait())
        await listener.eventually(lambda: second.held and len(executor.runs) == 2)
        assert len(prover.tasks) == 1
        assert not third.held
        prover.open()
        await listener.eventually(lambda: third.proof)
    assert first.proof
    assert second.proof


async def test_while_one_proof_is_verified_the_next_one_is_made(listener: WorkerListener):
    prover = ScriptedProver(judging=asyncio.Event()).open()
    first, second = sample_work(ttl_ms=300), sample_work()
    listener.offer(first, second)
    async with working(listener, prover):
        await listener.eventually(lambda: len(prover.judged) == 2)
        assert first.proof is second.proof is None
        await listener.eventually(lambda: Stage.CHECKING in first.stages)
        prover.judging.set()
        await listener.eventually(lambda: first.proof and second.proof)


async def test_a_worker_without_prefetch_takes_one_request_at_a_time(listener: WorkerListener):
    prover = ScriptedProver()
    first, second = sample_work(), sample_work()
    listener.offer(first, second)
    async with working(listener, prover, prefetch=0):
        await within(prover.started.wait())
        assert not second.held
        prover.open()
        await listener.eventually(lambda: second.proof)


async def test_each_device_has_a_proof_to_make(listener: WorkerListener):
    provers = [ScriptedProver(name=f"device {n}") for n in range(3)]
    listener.offer(*(sample_work() for _ in range(3)))
    async with working(listener, *provers):
        for prover in provers:
            await within(prover.started.wait())
            prover.open()


async def test_a_program_is_fetched_once_for_many_requests(listener: WorkerListener):
    works = [sample_work() for _ in range(3)]
    listener.offer(*works)
    async with working(listener):
        await listener.eventually(lambda: all(work.proof for work in works))
    assert listener.happened("get program") <= 2
    assert listener.happened("get stdin") == 3


async def test_an_idle_worker_waits_and_a_busy_one_only_looks(listener: WorkerListener):
    prover = ScriptedProver()
    async with working(listener, prover, drain_s=0):
        await listener.eventually(lambda: listener.happened("waiting"))
        assert not listener.happened("looking")
        listener.offer(sample_work())
        await listener.eventually(lambda: listener.happened("looking") >= 2)
        assert listener.happened("waiting") == 1


async def test_a_busy_worker_looks_as_seldom_as_the_server_wants(listener: WorkerListener):
    listener.look_again_ms = 60_000
    prover = ScriptedProver()
    first = sample_work(ttl_ms=300)
    listener.offer(first)
    async with working(listener, prover):
        await listener.eventually(lambda: listener.happened("looking"))
        await listener.eventually(lambda: first.stages.count(Stage.PROVING) > 10)
        assert listener.happened("looking") == 1
        # Once it is idle it waits at the server, whatever it was told when it was busy.
        listener.offer(second := sample_work())
        prover.open()
        await listener.eventually(lambda: second.proof)


async def test_a_worker_names_the_programs_that_are_set_up(listener: WorkerListener):
    prover = KeepingProver(programs=frozenset({b"k" * 32})).open()
    listener.offer(work := sample_work())
    async with working(listener, prover):
        await listener.eventually(lambda: work.proof)
    assert list(listener.keys) == [b"k" * 32]


async def test_a_worker_stops_leasing_while_its_proofs_are_not_taken(listener: WorkerListener):
    works = [sample_work() for _ in range(12)]
    listener.statuses["proofs"] = [503] * 1000
    listener.offer(*works)
    async with working(listener, drain_s=0):
        await listener.eventually(lambda: sum(work.held for work in works) >= 4)
        held = sum(work.held for work in works)
        assert held <= 6
        listener.statuses.clear()
        await listener.eventually(lambda: all(work.proof for work in works))


# --- leases that are lost --------------------------------------------------------------------


async def test_a_dropped_job_is_aborted_nothing_is_handed_in_and_the_next_one_runs(
    listener: WorkerListener,
):
    prover = ScriptedProver()
    lost, next_one = sample_work(ttl_ms=300), sample_work()
    listener.offer(lost)
    async with working(listener, prover):
        await within(prover.started.wait())
        listener.drop(lost)
        await listener.eventually(lambda: prover.cancelled)
        prover.open()
        listener.offer(next_one)
        await listener.eventually(lambda: next_one.proof)
    assert not lost.finishes
    assert lost.failure is None
    assert listener.happened("put") == 1


async def test_a_job_dropped_while_it_executes_ends_the_execution(listener: WorkerListener):
    class Endless(ScriptedExecutor):
        ended = False

        async def execute(self, *_args: Any, **_rest: Any) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                self.ended = True

    executor = Endless()
    work = sample_work(ttl_ms=300)
    listener.offer(work)
    async with working(listener, executor=executor):
        await listener.eventually(lambda: Stage.EXECUTING in work.stages)
        listener.drop(work)
        await listener.eventually(lambda: executor.ended)


async def test_a_proof_that_is_made_is_offered_though_the_lease_is_lost(listener: WorkerListener):
    work = sample_work(ttl_ms=300)
    listener.statuses["proofs"] = [503] * 1000
    listener.offer(work)
    async with working(listener, drain_s=0):
        await listener.eventually(lambda: Stage.HANDING_IN in work.stages)
        listener.drops_late = [work.lease_id]
        await listener.eventually(lambda: listener.happened("dropped"))
        listener.statuses.clear()
        await listener.eventually(lambda: work.proof)


# --- handing in ------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", ["put", "finished"])
async def test_a_proof_is_handed_in_exactly_once_though_the_server_dies_meanwhile(
    listener: WorkerListener, moment: str
):
    work, later = sample_work(), sample_work()
    listener.dies_after = moment
    listener.offer(work, later)
    async with working(listener):
        await listener.eventually(lambda: listener.happened("back"))
        await listener.eventually(lambda: work.proof and later.proof)
    assert len(work.finishes) == 1
    assert work.failure is None


async def test_a_proof_that_the_server_forgot_is_put_again(listener: WorkerListener):
    work = sample_work()
    listener.forgets_puts = 2
    listener.offer(work)
    async with working(listener):
        await listener.eventually(lambda: work.proof)
    assert listener.happened("put") == 3
    assert len(work.finishes) == 1


async def test_a_proof_that_the_server_refuses_is_given_back(listener: WorkerListener):
    work = sample_work()
    listener.statuses["proofs"] = [413]
    listener.offer(work)
    async with working(listener):
        await listener.eventually(lambda: work.failure)
    assert work.failure.retryable
    assert "413" in work.failure.text


# --- the end ---------------------------------------------------------------------------------


async def test_stopping_gives_back_the_unstarted_and_finishes_the_running(
    listener: WorkerListener,
):
    prover, executor = ScriptedProver(), ScriptedExecutor()
    running, waiting = sample_work(), sample_work()
    listener.offer(running)
    async with working(listener, prover, executor=executor) as worker:
        await within(prover.started.wait())
        listener.offer(waiting)
        await listener.eventually(lambda: len(executor.runs) == 2)
        worker.stop.set()
        await listener.eventually(lambda: waiting.released)
        assert running.open
        prover.open()
        await within(worker.task)
    assert running.proof
    assert not running.released
    assert len(prover.tasks) == 1


async def test_a_proof_that_outlasts_the_drain_time_is_given_back(listener: WorkerListener):
    prover = ScriptedProver()
    work = sample_work()
    listener.offer(work)
    async with working(listener, prover, drain_s=0.05) as worker:
        await within(prover.started.wait())
        worker.stop.set()
        await within(worker.task)
    assert work.released
    assert prover.cancelled == 1


async def test_a_stopped_worker_leases_nothing_more(listener: WorkerListener):
    async with working(listener) as worker:
        await listener.eventually(lambda: listener.happened("waiting"))
        worker.stop.set()
        await within(worker.task)
        # The call is ended here before the server hears of it; until then it may still lease.
        await listener.eventually(lambda: listener.happened("hung up"))
        listener.offer(work := sample_work())
    assert not work.held
    assert listener.happened("waiting") == 1


async def test_a_token_that_is_no_longer_accepted_ends_the_worker(listener: WorkerListener):
    listener.refuse_token = True
    async with working(listener) as worker:
        with pytest.raises(WorkerTokenRefused):
            await within(worker.task)


async def test_a_token_refused_to_a_heartbeat_ends_a_busy_worker(listener: WorkerListener):
    prover = ScriptedProver()
    listener.offer(sample_work(ttl_ms=300))
    async with working(listener, prover, prefetch=0) as worker:
        await within(prover.started.wait())
        listener.refuse_token = True
        with pytest.raises(WorkerTokenRefused):
            await within(worker.task)
    assert prover.cancelled == 1


async def test_a_server_that_does_not_want_this_worker_ends_it_with_its_reason(
    listener: WorkerListener,
):
    listener.lease_refusal = (grpc.StatusCode.FAILED_PRECONDITION, "Mock workers are not allowed.")
    async with working(listener) as worker:
        with pytest.raises(ServerRefused, match="Mock workers are not allowed"):
            await within(worker.task)


async def test_a_server_that_goes_away_is_waited_for(listener: WorkerListener):
    async with working(listener):
        await listener.eventually(lambda: listener.happened("waiting"))
        await asyncio.to_thread(listener.down)
        await asyncio.to_thread(listener.up)
        listener.offer(work := sample_work())
        await listener.eventually(lambda: work.proof)


async def test_a_bug_in_one_job_gives_the_request_back_and_the_next_one_runs(
    listener: WorkerListener,
):
    executor = ScriptedExecutor()
    executor.outcome = None
    broken, fine = sample_work(), sample_work()
    listener.offer(broken)
    async with working(listener, executor=executor):
        await listener.eventually(lambda: broken.failure)
        executor.outcome = ScriptedExecutor().outcome
        listener.offer(fine)
        await listener.eventually(lambda: fine.proof)
    assert broken.failure.retryable
