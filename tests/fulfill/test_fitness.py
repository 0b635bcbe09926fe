"""A worker whose machine breaks: no request pays for it, and no queue is burnt."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs
from support.fulfilling import (
    ScriptedExecutor,
    ScriptedProver,
    sample_work,
    settings_for,
    within,
    working,
)
from support.worker_listener import WorkerListener

from sp1tee.errors import CheckupFailed, ExecutorUnavailable, ProverUnavailable
from sp1tee.fulfill.check import Check
from sp1tee.fulfill.checkup import check_machine
from sp1tee.fulfill.executors.fork_server import ForkServer
from sp1tee.fulfill.executors.process import GuestProcess
from sp1tee.fulfill.executors.unicorn import UnicornExecutor
from sp1tee.fulfill.fitness import CHECKS, LONGEST_SECONDS, Fitness, Rest
from sp1tee.fulfill.provers import ProveTask
from sp1tee.fulfill.tools import Tools

pytestmark = pytest.mark.anyio

BROKEN = Check("executor", ok=False, text="No process starts.", advice="Add memory.")
BOTHERSOME = Check("swap", ok=False, text="2 GiB.", needed=False)
ALWAYS = 1 << 30


@dataclass
class Machine:
    """Looks broken so many times, and then fit; `gate` holds every look but the first one back."""

    broken: int = 0
    looks: int = 0
    gate: asyncio.Event | None = None

    async def look(self) -> list[Check]:
        self.looks += 1
        if self.gate is not None and self.looks > 1:
            await self.gate.wait()
        return [BROKEN] if self.looks <= self.broken else [BOTHERSOME]

    def fitness(self) -> Fitness:
        return Fitness(self.look, first_wait=0.001)

    def put_in(self, tools: Tools) -> Tools:
        return replace(tools, fitness=self.fitness())


def resting(seconds: float) -> Callable[[Tools], Tools]:
    return lambda tools: replace(tools, rest=Rest(first=seconds))


# --- what is known of the machine ------------------------------------------------------------


async def test_a_doubt_that_the_check_does_not_confirm_changes_nothing():
    fitness = Machine().fitness()
    await fitness.confirm()
    assert fitness.fit
    await within(fitness.until_fit())


async def test_a_broken_machine_is_checked_until_it_is_fit_and_said_to_be_broken_once():
    machine = Machine(broken=4)
    fitness = machine.fitness()
    with capture_logs() as lines:
        for _ in range(2):
            with pytest.raises(CheckupFailed, match="No process starts"):
                await fitness.confirm()
        assert not fitness.fit
        await within(fitness.until_unfit())
        await within(fitness.recover())
    assert fitness.fit
    assert machine.looks == 5
    [broken] = [line for line in lines if line["log_level"] == "error"]
    assert broken["advice"] == "Add memory."


async def test_a_machine_that_stays_broken_is_given_up():
    machine = Machine(broken=ALWAYS)
    with pytest.raises(CheckupFailed, match="No process starts"):
        await within(machine.fitness().recover())
    assert machine.looks == CHECKS


# --- resting ---------------------------------------------------------------------------------


def test_each_rest_is_twice_as_long_up_to_half_a_minute_until_something_succeeds():
    now = [100.0]
    rest = Rest(clock=lambda: now[0])
    lengths = []
    for _ in range(7):
        rest.lengthen()
        lengths.append(rest.left)
        now[0] += rest.left
        assert rest.left == 0
    assert lengths == [1, 2, 4, 8, 16, LONGEST_SECONDS, LONGEST_SECONDS]
    rest.end()
    rest.lengthen()
    assert rest.left == 1
    rest.end()
    assert rest.left == 0


async def test_a_worker_that_fails_leaves_the_queue_to_others(listener: WorkerListener):
    broken = ScriptedExecutor()
    broken.outcome = None
    first, *others = works = [sample_work() for _ in range(4)]
    listener.offer(*works)
    async with working(listener, executor=broken, prefetch=0, change=resting(1000)):
        await listener.eventually(lambda: first.failure)
        async with working(listener):
            await listener.eventually(lambda: all(work.proof for work in others))
    assert first.failure.retryable


async def test_what_is_leased_to_a_worker_that_has_just_failed_is_given_back(
    listener: WorkerListener,
):
    class Breaking(ScriptedExecutor):
        gate = asyncio.Event()

        async def execute(self, *_args: Any, **_rest: Any) -> None:
            await self.gate.wait()

    breaking = Breaking()
    first, second = sample_work(), sample_work()
    provers = [ScriptedProver(), ScriptedProver()]
    listener.offer(first)
    async with working(listener, *provers, executor=breaking, change=resting(1000)):
        # Its second prover is idle, so it waits for work while the first request fails.
        await listener.eventually(lambda: listener.happened("waiting") == 2)
        breaking.gate.set()
        await listener.eventually(lambda: first.failure)
        listener.offer(second)
        await listener.eventually(lambda: second.released)
    assert second.failure is None


async def test_a_failure_that_is_the_requests_own_makes_nobody_rest(listener: WorkerListener):
    own, fine = sample_work(elf=b"#!/bin/sh"), sample_work()
    listener.offer(own, fine)
    async with working(listener, prefetch=0, change=resting(1000)):
        await listener.eventually(lambda: fine.proof)
    assert not own.failure.retryable


# --- requests on a machine that breaks -------------------------------------------------------


async def test_a_machine_that_cannot_execute_gives_back_all_and_the_worker_ends(
    listener: WorkerListener,
):
    machine, executor = Machine(broken=ALWAYS), ScriptedExecutor(unavailable=ALWAYS)
    works = [sample_work() for _ in range(5)]
    listener.offer(*works)
    async with working(listener, executor=executor, change=machine.put_in) as worker:
        with pytest.raises(CheckupFailed, match="No process starts"):
            await within(worker.task)
    held = [work for work in works if work.held]
    assert 1 <= len(held) <= 2
    assert all(work.released and work.failure is None for work in held)


async def test_what_was_prepared_ahead_is_given_back_when_the_machine_breaks(
    listener: WorkerListener,
):
    machine = Machine(broken=ALWAYS, gate=asyncio.Event())
    prover, executor = ScriptedProver(), ScriptedExecutor()
    proving, ahead, breaking = sample_work(), sample_work(), sample_work()
    listener.offer(proving)
    async with working(
        listener, prover, executor=executor, prefetch=2, change=machine.put_in
    ) as worker:
        await within(prover.started.wait())
        listener.offer(ahead)
        await listener.eventually(lambda: len(executor.runs) == 2)
        executor.unavailable = ALWAYS
        listener.offer(breaking)
        await listener.eventually(lambda: ahead.released and breaking.released)
        assert proving.open
        prover.open()
        await listener.eventually(lambda: proving.proof)
        machine.gate.set()
        with pytest.raises(CheckupFailed):
            await within(worker.task)
    assert ahead.failure is None
    assert breaking.failure is None


async def test_a_proof_in_progress_is_finished_before_a_broken_machine_ends_the_worker(
    listener: WorkerListener,
):
    machine, executor = Machine(broken=ALWAYS), ScriptedExecutor()
    prover = ScriptedProver()
    proving, breaking = sample_work(), sample_work()
    listener.offer(proving)
    async with working(listener, prover, executor=executor, change=machine.put_in) as worker:
        await within(prover.started.wait())
        executor.unavailable = ALWAYS
        listener.offer(breaking)
        await listener.eventually(lambda: machine.looks == 1 + CHECKS)
        prover.open()
        with pytest.raises(CheckupFailed):
            await within(worker.task)
    assert proving.proof
    assert breaking.released


async def test_a_machine_that_recovers_works_on(listener: WorkerListener):
    machine, executor = Machine(broken=3), ScriptedExecutor(unavailable=1)
    broken, fine = sample_work(), sample_work()
    listener.offer(broken)
    async with working(listener, executor=executor, change=machine.put_in):
        await listener.eventually(lambda: broken.released)
        listener.offer(fine)
        await listener.eventually(lambda: fine.proof)
    assert machine.looks == 4


async def test_a_worker_told_to_stop_while_its_machine_is_broken_ends_in_order(
    listener: WorkerListener,
):
    machine = Machine(broken=ALWAYS, gate=asyncio.Event())
    work = sample_work()
    listener.offer(work)
    executor = ScriptedExecutor(unavailable=ALWAYS)
    async with working(listener, executor=executor, change=machine.put_in) as worker:
        await listener.eventually(lambda: work.released)
        worker.stop.set()
        await within(worker.task)


async def test_a_machine_that_is_fit_after_all_tries_again(listener: WorkerListener):
    machine, executor = Machine(), ScriptedExecutor(unavailable=1)
    work = sample_work()
    listener.offer(work)
    async with working(listener, executor=executor, change=machine.put_in):
        await listener.eventually(lambda: work.proof)
    assert machine.looks == 1


async def test_a_request_that_a_fit_machine_cannot_run_counts_as_failed(listener: WorkerListener):
    machine, executor = Machine(), ScriptedExecutor(unavailable=2)
    work, fine = sample_work(), sample_work()
    listener.offer(work)
    async with working(listener, executor=executor, change=machine.put_in):
        await listener.eventually(lambda: work.failure)
        listener.offer(fine)
        await listener.eventually(lambda: fine.proof)
    assert work.failure.retryable
    assert not work.released


async def test_a_prover_that_does_not_start_gives_the_request_back(listener: WorkerListener):
    def down(_: ProveTask) -> bytes:
        raise ProverUnavailable("The device is gone.")

    prover = ScriptedProver(down).open()
    work = sample_work()
    listener.offer(work)
    async with working(listener, prover, change=Machine(broken=ALWAYS).put_in) as worker:
        with pytest.raises(CheckupFailed):
            await within(worker.task)
    assert work.released
    assert work.failure is None


async def test_the_executor_that_ships_gives_back_what_it_cannot_start_a_process_for(
    listener: WorkerListener, monkeypatch: pytest.MonkeyPatch
):
    async def no_memory(_: ForkServer) -> GuestProcess:
        raise ExecutorUnavailable("The process for guests cannot start: Cannot allocate memory.")

    monkeypatch.setattr(GuestProcess, "start", no_memory)
    executor, settings = UnicornExecutor(), settings_for(listener)

    def really_checked(tools: Tools) -> Tools:
        look = partial(check_machine, settings, executor, tools.slots)
        return replace(tools, fitness=Fitness(look, first_wait=0.001))

    listener.offer(work := sample_work())
    async with working(listener, executor=executor, change=really_checked) as worker:
        with pytest.raises(CheckupFailed, match=r"executor: .* Cannot allocate memory"):
            await within(worker.task)
    await executor.aclose()
    assert work.released
    assert work.failure is None
