"""Running a request's program: within which limits, and what its requester learns of its end."""

from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs
from support.fulfilling import CLEAN_RUN, ScriptedExecutor, failed_run, sample_work, working
from support.worker_listener import Work, WorkerListener

from sp1tee.errors import CheckupFailed, ExecutorCrashed
from sp1tee.fulfill.executors import Cause, Execution, Limits
from sp1tee.fulfill.fitness import Fitness
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family

pytestmark = pytest.mark.anyio

SECRET = "panicked at src/main.rs: the balance is 4711"
PANICKED = replace(failed_run(Cause.HALT_WITH_NON_ZERO_EXIT_CODE, exit_code=1), printed=SECRET)


async def ended(listener: WorkerListener, executor: Any, **changes: Any) -> Work:
    work = changes.pop("work", None) or sample_work()
    listener.offer(work)
    async with working(listener, executor=executor, **changes):
        await listener.eventually(lambda: not work.open)
    return work


# --- limits ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "allowed", "given"),
    [(0, None, None), (7, None, 7), (0, 9, 9), (7, 9, 7), (9, 7, 7)],
)
async def test_the_tighter_limit_holds_for_cycles_and_for_gas(
    listener: WorkerListener, asked: int, allowed: int | None, given: int | None
):
    executor = ScriptedExecutor()
    work = sample_work(cycle_limit=asked, gas_limit=asked)
    await ended(listener, executor, work=work, max_cycles=allowed, max_gas=allowed)
    [(_, _, limits, _)] = executor.runs
    assert (limits.cycles, limits.gas) == (given, given)


@pytest.mark.parametrize("cause", [Cause.EXCEEDED_CYCLE_LIMIT, Cause.EXCEEDED_GAS_LIMIT])
async def test_a_limit_that_was_exceeded_is_told_at_once_in_the_networks_word(
    listener: WorkerListener, cause: Cause
):
    executor = ScriptedExecutor(failed_run(cause, "The program needs more than that."))
    failure = (await ended(listener, executor)).failure
    assert (failure.error, failure.cause) == (types_pb2.EXECUTION_FAILURE, cause)
    assert failure.text == "The program cannot be proved: The program needs more than that."
    assert not failure.retryable
    assert len(executor.runs) == 1


# --- what a program prints -------------------------------------------------------------------


async def test_what_a_program_prints_stays_here_unless_the_operator_says_otherwise(
    listener: WorkerListener,
):
    with capture_logs() as lines:
        failure = (await ended(listener, ScriptedExecutor(PANICKED))).failure
    assert failure.cause == Cause.HALT_WITH_NON_ZERO_EXIT_CODE
    assert "4711" not in f"{failure} {lines}"


async def test_what_a_failed_program_printed_is_told_apart_and_logged_nowhere(
    listener: WorkerListener,
):
    with capture_logs() as lines:
        executor = ScriptedExecutor(PANICKED)
        failure = (await ended(listener, executor, tell_guest_output=True)).failure
    assert failure.printed == SECRET
    assert "4711" not in failure.text
    assert "4711" not in str(lines)


async def test_the_words_of_a_program_that_ends_well_are_told_to_nobody(listener: WorkerListener):
    executor = ScriptedExecutor(replace(CLEAN_RUN, printed=SECRET))
    with capture_logs() as lines:
        work = await ended(listener, executor, tell_guest_output=True)
    assert work.proof
    assert "4711" not in f"{work.finishes} {lines}"


# --- proofs in the input ---------------------------------------------------------------------


def with_proofs(**changes: Any) -> Work:
    work = sample_work(**changes)
    work.stdin = Stdin((b"input",), proof_count=1, proofs=b"proof and key").encode()
    return work


@pytest.mark.parametrize(("attempt", "retryable"), [(1, True), (3, False)])
async def test_an_input_with_proofs_is_left_to_workers_that_can_run_it(
    listener: WorkerListener, attempt: int, retryable: bool
):
    executor = ScriptedExecutor()
    failure = (await ended(listener, executor, work=with_proofs(attempt=attempt))).failure
    assert "proofs for the program to verify" in failure.text
    assert failure.retryable is retryable
    assert not executor.runs


async def test_an_executor_that_verifies_gets_the_proofs(listener: WorkerListener):
    executor = ScriptedExecutor(verifies=frozenset({Family.V6}))
    assert (await ended(listener, executor, work=with_proofs())).proof
    [(_, stdin, _, _)] = executor.runs
    assert (stdin.proof_count, stdin.proofs) == (1, b"proof and key")


async def test_only_programs_of_its_own_generation_may_verify(listener: WorkerListener):
    executor = ScriptedExecutor(verifies=frozenset({Family.V6}))
    failure = (await ended(listener, executor, work=with_proofs(version="sp1-v5.0.0"))).failure
    assert "proofs for the program to verify" in failure.text


# --- machines that break under a program -----------------------------------------------------


class Breaking(ScriptedExecutor):
    """Every run breaks it, as a full disk does; `sound` are those of a program that is known."""

    sound = False

    async def execute(
        self, elf: bytes, stdin: Stdin, *, family: Family, limits: Limits, tenant: str
    ) -> Execution:
        await super().execute(elf, stdin, family=family, limits=limits, tenant=tenant)
        if self.sound and not tenant:
            return Execution(bytes.fromhex("0a0000003700000059000000"), 0, 1, None, None, "")
        raise ExecutorCrashed("It was ended by signal 7.")


async def test_a_machine_that_runs_nothing_gives_the_request_back_instead_of_failing_it(
    listener: WorkerListener,
):
    async def look() -> list[Any]:
        raise CheckupFailed("executor: It runs no program.")

    work = sample_work()
    listener.offer(work)
    fitness = Fitness(look, first_wait=0.001)
    async with working(
        listener, executor=Breaking(), change=lambda tools: replace(tools, fitness=fitness)
    ) as worker:
        await listener.eventually(lambda: work.released)
        with pytest.raises(CheckupFailed):
            await worker.task
    assert work.failure is None


async def test_a_program_that_breaks_what_runs_others_is_at_fault_itself(listener: WorkerListener):
    executor = Breaking()
    executor.sound = True
    failure = (await ended(listener, executor)).failure
    assert "broke the process that ran it, twice. It was ended by signal 7." in failure.text
    assert len(executor.runs) == 3
