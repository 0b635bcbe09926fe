"""Real programs on the executor that ships, from the lease to what the server is told."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from support.fulfilling import ScriptedProver, sample_work, working
from support.wire_data import DATA, SAMPLE_PUBLIC_VALUES, real_proof
from support.worker_listener import Work, WorkerListener

from sp1tee import guests
from sp1tee.fulfill.executors import Cause
from sp1tee.fulfill.executors.unicorn import UnicornExecutor
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.proof import decode_proof
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family, latest

pytestmark = pytest.mark.anyio

# What tests/data/guests/hostile-*.elf does, by the number it is given.
EXIT_WITH_SEVEN, NEVER_END, READ_NULL, BREAKPOINT, UNKNOWN_CALL = 0, 1, 7, 18, 23


@pytest.fixture
async def executor() -> AsyncIterator[UnicornExecutor]:
    executor = UnicornExecutor()
    yield executor
    await executor.aclose()


async def outcome(
    listener: WorkerListener, work: Work, executor: UnicornExecutor, *provers: Any, **changes: Any
) -> Work:
    listener.offer(work)
    async with working(listener, *provers, executor=executor, **changes):
        await listener.eventually(lambda: not work.open)
    return work


def hostile(family: Family, deed: int, **changes: Any) -> Work:
    elf = (DATA / "guests" / f"hostile-{family}.elf").read_bytes()
    stdin = Stdin.of(deed.to_bytes(4, "little"))
    return Work.of(elf, stdin, latest(family).text, **changes)


@pytest.mark.parametrize("mode", [Mode.CORE, Mode.COMPRESSED])
async def test_the_sample_program_runs_to_what_its_real_proof_proves(
    listener: WorkerListener, executor: UnicornExecutor, mode: Mode
):
    prover = ScriptedProver(lambda _: real_proof(str(mode)), mock=False).open()
    work = await outcome(listener, sample_work(mode=mode), executor, prover)
    assert work.proof == real_proof(str(mode))


async def test_the_sample_programs_mock_proof_carries_its_real_public_values(
    listener: WorkerListener, executor: UnicornExecutor
):
    work = await outcome(listener, sample_work(), executor)
    assert decode_proof(work.proof).public_values == SAMPLE_PUBLIC_VALUES
    assert work.finishes[0].execution.cycles > 0


@pytest.mark.parametrize("family", Family)
async def test_a_fibonacci_number_is_proved_for_both_generations(
    listener: WorkerListener, executor: UnicornExecutor, family: Family
):
    elf, stdin = guests.load("fibonacci", family).elf, guests.fibonacci_input(10)
    work = await outcome(listener, Work.of(elf, stdin, latest(family).text), executor)
    values = decode_proof(work.proof).public_values
    assert values == b"".join(n.to_bytes(4, "little") for n in (10, 55, 89))


@pytest.mark.parametrize("family", Family)
async def test_private_balances_stay_out_of_the_proof(
    listener: WorkerListener, executor: UnicornExecutor, family: Family
):
    stdin = guests.solvency_input(1000, [999, 0x1122334455667788])
    work = Work.of(guests.load("solvency", family).elf, stdin, latest(family).text)
    proof = (await outcome(listener, work, executor)).proof
    assert (0x1122334455667788).to_bytes(8, "little") not in proof
    assert decode_proof(proof).public_values == (1000).to_bytes(8, "little") + b"\1"


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize(
    ("deed", "cause"),
    [
        (EXIT_WITH_SEVEN, Cause.HALT_WITH_NON_ZERO_EXIT_CODE),
        (NEVER_END, Cause.EXCEEDED_CYCLE_LIMIT),
        (READ_NULL, Cause.INVALID_MEMORY_ACCESS),
        (BREAKPOINT, Cause.BREAKPOINT),
        (UNKNOWN_CALL, Cause.UNSUPPORTED_SYSCALL),
    ],
)
async def test_a_program_that_misbehaves_is_reported_with_its_cause(
    listener: WorkerListener, executor: UnicornExecutor, family: Family, deed: int, cause: Cause
):
    work = hostile(family, deed, cycle_limit=100_000)
    failure = (await outcome(listener, work, executor)).failure
    assert (failure.error, failure.cause) == (types_pb2.EXECUTION_FAILURE, cause)
    assert failure.text
    assert not failure.retryable


async def test_a_program_without_end_and_limit_is_ended_by_the_operators_time(
    listener: WorkerListener, executor: UnicornExecutor
):
    work = hostile(Family.V6, NEVER_END)
    failure = (await outcome(listener, work, executor, execute_seconds=0.2)).failure
    assert failure.error == types_pb2.EXECUTION_FAILURE


async def test_a_program_that_sp1_would_not_load_is_an_execution_failure(
    listener: WorkerListener, executor: UnicornExecutor
):
    work = sample_work(elf=b"#!/bin/sh", vk=b"")
    failure = (await outcome(listener, work, executor)).failure
    assert failure.error == types_pb2.EXECUTION_FAILURE
    assert "SP1 cannot load this program." in failure.text


async def test_an_input_the_program_does_not_expect_makes_it_fail(
    listener: WorkerListener, executor: UnicornExecutor
):
    elf = guests.load("fibonacci", Family.V6).elf
    failure = (await outcome(listener, Work.of(elf, Stdin.of()), executor)).failure
    assert failure.cause == Cause.HALT_WITH_NON_ZERO_EXIT_CODE
