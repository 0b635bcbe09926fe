"""What becomes of a request, told by what arrives at the server."""

import asyncio
import hashlib
import time
from dataclasses import replace
from typing import Any

import pytest
from support.fulfilling import (
    CLEAN_RUN,
    ScriptedExecutor,
    ScriptedProver,
    crash,
    failed_run,
    sample_work,
    working,
)
from support.wire_data import SAMPLE_PUBLIC_VALUES, SAMPLE_VK_HASH, real_proof
from support.worker_listener import Work, WorkerListener

from sp1tee.fulfill.executors import Cause, Execution
from sp1tee.fulfill.tools import Tools
from sp1tee.wire.claims import check_claims
from sp1tee.wire.mock_proof import is_mock, mock_proof
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.proof import decode_proof
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import parse_version

pytestmark = pytest.mark.anyio


async def outcome(
    listener: WorkerListener, work: Work, *provers: ScriptedProver, **changes: Any
) -> Work:
    listener.offer(work)
    async with working(listener, *provers, **changes):
        await listener.eventually(lambda: not work.open)
    return work


@pytest.mark.parametrize("mode", [Mode.CORE, Mode.PLONK, Mode.GROTH16])
@pytest.mark.parametrize("version", ["sp1-v5.0.0", "sp1-v6.0.0", "sp1-v6.1.0"])
async def test_a_mock_proof_with_the_real_public_values_is_handed_in(
    listener: WorkerListener, mode: Mode, version: str
):
    work = await outcome(listener, sample_work(mode=mode, version=version))
    proof = decode_proof(work.proof)
    check_claims(proof, vk_hash=SAMPLE_VK_HASH, public_values=SAMPLE_PUBLIC_VALUES)
    assert is_mock(proof)
    assert (proof.mode, f"sp1-{proof.sp1_version}") == (mode, version)


async def test_what_the_run_showed_is_reported_with_the_proof(listener: WorkerListener):
    [finish] = (await outcome(listener, sample_work())).finishes
    assert finish.mock
    assert finish.execution.cycles == CLEAN_RUN.cycles
    assert not finish.execution.HasField("gas")
    assert finish.execution.public_values_hash == hashlib.sha256(SAMPLE_PUBLIC_VALUES).digest()


@pytest.mark.parametrize("mode", ["core", "compressed"])
async def test_a_real_proof_passes_the_self_check_and_is_not_called_mock(
    listener: WorkerListener, mode: str
):
    prover = ScriptedProver(lambda _: real_proof(mode), mock=False).open()
    work = await outcome(listener, sample_work(mode=Mode.parse(mode)), prover)
    assert work.proof == real_proof(mode)
    assert not work.finishes[0].mock


async def test_the_executor_gets_program_input_limits_and_tenant(listener: WorkerListener):
    executor = ScriptedExecutor()
    work = sample_work(cycle_limit=1000, tenant="somebody")
    await outcome(listener, work, executor=executor, max_cycles=5000)
    [(elf, buffers, limits, tenant)] = executor.runs
    assert elf == work.elf
    assert buffers
    assert (limits.cycles, tenant) == (1000, "somebody")


@pytest.mark.parametrize("unlimited", [0, (1 << 64) - 1])
async def test_no_cycle_limit_means_the_operators(listener: WorkerListener, unlimited: int):
    executor = ScriptedExecutor()
    await outcome(listener, sample_work(cycle_limit=unlimited), executor=executor, max_cycles=77)
    assert executor.runs[0][2].cycles == 77


# --- executions that fail --------------------------------------------------------------------


@pytest.mark.parametrize("cause", [cause for cause in Cause if cause])
async def test_a_failed_run_ends_the_request_with_its_cause_and_a_text(
    listener: WorkerListener, cause: Cause
):
    executor = ScriptedExecutor(failed_run(cause, "This is why."))
    failure = (await outcome(listener, sample_work(), executor=executor)).failure
    assert failure.error == types_pb2.EXECUTION_FAILURE
    assert failure.cause == cause
    assert "This is why." in failure.text
    assert not failure.retryable


async def test_a_run_that_came_to_its_end_is_reported_with_the_failure(listener: WorkerListener):
    run = Execution(b"seen", 3, 99, 7, Cause.HALT_WITH_NON_ZERO_EXIT_CODE, "Exit code 3.")
    failure = (await outcome(listener, sample_work(), executor=ScriptedExecutor(run))).failure
    assert (failure.execution.cycles, failure.execution.gas) == (99, 7)
    assert failure.execution.public_values_hash == hashlib.sha256(b"seen").digest()


async def test_a_run_that_was_cut_off_reports_nothing(listener: WorkerListener):
    run = failed_run(Cause.EXCEEDED_CYCLE_LIMIT)
    failure = (await outcome(listener, sample_work(), executor=ScriptedExecutor(run))).failure
    assert not failure.HasField("execution")


async def test_a_nonzero_exit_code_alone_is_a_failure(listener: WorkerListener):
    run = Execution(b"", 2, 99, None, None, "")
    failure = (await outcome(listener, sample_work(), executor=ScriptedExecutor(run))).failure
    assert failure.cause == Cause.HALT_WITH_NON_ZERO_EXIT_CODE


async def test_gas_over_the_limit_is_a_failure(listener: WorkerListener):
    run = Execution(b"", 0, 99, 1001, None, "")
    work = sample_work(gas_limit=1000)
    failure = (await outcome(listener, work, executor=ScriptedExecutor(run))).failure
    assert failure.cause == Cause.EXCEEDED_GAS_LIMIT


@pytest.mark.parametrize(("gas", "limit"), [(1000, 1000), (1001, 0), (None, 1)])
async def test_gas_is_compared_only_where_both_are_known(
    listener: WorkerListener, gas: int | None, limit: int
):
    run = Execution(SAMPLE_PUBLIC_VALUES, 0, 99, gas, None, "")
    work = sample_work(gas_limit=limit)
    assert (await outcome(listener, work, executor=ScriptedExecutor(run))).proof


async def test_an_executor_that_crashes_once_is_asked_again(listener: WorkerListener):
    executor = ScriptedExecutor(crashes=1)
    assert (await outcome(listener, sample_work(), executor=executor)).proof
    assert len(executor.runs) == 2


@pytest.mark.parametrize(("attempt", "retryable"), [(1, True), (2, True), (3, False)])
async def test_an_executor_that_crashes_twice_gives_the_request_back_at_most_twice(
    listener: WorkerListener, attempt: int, retryable: bool
):
    work = sample_work(attempt=attempt)
    failure = (await outcome(listener, work, executor=ScriptedExecutor(crashes=2))).failure
    assert failure.error == types_pb2.EXECUTION_FAILURE
    assert failure.retryable is retryable


# --- inputs and programs that cannot be used -------------------------------------------------


async def failure_of(listener: WorkerListener, work: Work, **changes: Any):
    executor = ScriptedExecutor()
    failure = (await outcome(listener, work, executor=executor, **changes)).failure
    assert not executor.runs
    return failure


async def test_a_truncated_input_is_said_to_be_one(listener: WorkerListener):
    work = sample_work()
    work.stdin = work.stdin[:-3]
    failure = await failure_of(listener, work)
    assert failure.error == types_pb2.UNKNOWN_FAILURE
    assert "The input cannot be read." in failure.text
    assert not failure.retryable


async def test_a_zstd_bomb_is_stopped_at_the_limit(listener: WorkerListener):
    bomb = Work.of(sample_work().elf, Stdin.of(bytes(64 << 20)))
    assert len(bomb.stdin) < 1 << 20
    failure = await failure_of(listener, bomb, max_stdin_bytes=1 << 20)
    assert "more than 1048576 bytes" in failure.text


async def test_an_input_over_the_limit_is_not_even_fetched(listener: WorkerListener):
    failure = await failure_of(listener, sample_work(stdin_size=4097), max_stdin_bytes=4096)
    assert "at most 4096" in failure.text
    assert not listener.happened("get stdin")


async def test_a_program_over_the_limit_is_not_even_fetched(listener: WorkerListener):
    failure = await failure_of(listener, sample_work(), max_program_bytes=100)
    assert "at most 100" in failure.text
    assert not listener.happened("get program")


async def test_an_input_with_proofs_to_verify_is_refused_in_words(listener: WorkerListener):
    work = sample_work()
    work.stdin = Stdin((b"input",), proof_count=1, proofs=b"proof and key").encode()
    assert "proofs for the program to verify" in (await failure_of(listener, work)).text


async def test_a_program_other_than_the_lease_names_is_given_back(listener: WorkerListener):
    failure = await failure_of(listener, sample_work(program_sha256=bytes(32)))
    assert failure.retryable
    assert "not the one the lease names" in failure.text


async def test_a_key_of_another_hash_is_a_key_mismatch(listener: WorkerListener):
    failure = await failure_of(listener, sample_work(vk_hash=bytes(32)))
    assert failure.error == types_pb2.VERIFICATION_KEY_MISMATCH
    assert not failure.retryable


async def test_a_program_that_starts_elsewhere_is_a_key_mismatch(listener: WorkerListener):
    work = sample_work()
    work.elf = work.elf[:24] + (0x78001234).to_bytes(8, "little") + work.elf[32:]
    failure = await failure_of(listener, work)
    assert failure.error == types_pb2.VERIFICATION_KEY_MISMATCH
    assert "0x78001234" in failure.text


async def test_a_program_that_is_no_elf_is_a_key_mismatch(listener: WorkerListener):
    failure = await failure_of(listener, sample_work(elf=b"#!/bin/sh"))
    assert failure.error == types_pb2.VERIFICATION_KEY_MISMATCH


# --- provers that fail or lie ----------------------------------------------------------------


@pytest.mark.parametrize(("attempt", "retryable"), [(1, True), (2, True), (3, False)])
async def test_a_prover_that_crashes_gives_the_request_back_at_most_twice(
    listener: WorkerListener, attempt: int, retryable: bool
):
    prover = ScriptedProver(crash).open()
    failure = (await outcome(listener, sample_work(attempt=attempt), prover)).failure
    assert failure.error == types_pb2.PROVING_FAILURE
    assert failure.retryable is retryable
    assert "signal 9" in failure.text


def mock_of(mode: Mode = Mode.GROTH16, version: str = "sp1-v6.1.0", **changes: Any):
    facts = {"vk_hash": SAMPLE_VK_HASH, "public_values": SAMPLE_PUBLIC_VALUES, **changes}
    parsed = parse_version(version)
    return mock_proof(mode, parsed.family, version=parsed, **facts)


def with_exit_code(code: str) -> bytes:
    proof = mock_of()
    inputs = (*proof.public_inputs[:2], code, *proof.public_inputs[3:])
    return replace(proof, public_inputs=inputs).encode_network()


LIES = {
    "other public values": mock_of(public_values=b"others").encode_network(),
    "another program": mock_of(vk_hash=bytes(32)).encode_network(),
    "another mode": mock_of(Mode.PLONK).encode_network(),
    "another version": mock_of(version="sp1-v6.0.0").encode_network(),
    "a failed run": with_exit_code("1"),
    "nothing": b"",
    "garbage": b"\x03\0\0\0" + bytes(40),
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_prover_that_lies_is_caught_and_nothing_is_handed_in(
    listener: WorkerListener, lie: str
):
    work = await outcome(listener, sample_work(), ScriptedProver(lambda _: LIES[lie]).open())
    assert work.failure.error == types_pb2.PROVING_FAILURE
    assert not listener.happened("put")
    assert work.proof is None


async def test_a_proof_with_the_wrong_claims_is_not_even_verified(listener: WorkerListener):
    prover = ScriptedProver(lambda _: LIES["another program"]).open()
    await outcome(listener, sample_work(), prover)
    assert prover.judged == []


@pytest.mark.parametrize(("attempt", "retryable"), [(1, True), (3, False)])
async def test_a_proof_that_does_not_verify_is_never_handed_in(
    listener: WorkerListener, attempt: int, retryable: bool
):
    prover = ScriptedProver(refuted="SP1's verifier refuses it.").open()
    work = await outcome(listener, sample_work(attempt=attempt), prover)
    assert work.failure is not None
    assert work.failure.error == types_pb2.PROVING_FAILURE
    assert work.failure.retryable is retryable
    assert work.failure.text == "The prover failed: SP1's verifier refuses it."
    assert not listener.happened("put")


async def test_a_verifier_that_takes_too_long_is_left_at_the_deadline(listener: WorkerListener):
    work = sample_work(deadline=int(time.time()) + 1000)

    def nearly_over(tools: Tools) -> Tools:
        return replace(tools, clock=lambda: work.deadline - 0.5)

    prover = ScriptedProver(judging=asyncio.Event()).open()
    await outcome(listener, work, prover, change=nearly_over)
    assert "The deadline passed before the proof was done." in work.failure.text
    assert len(prover.judged) == 1


async def test_a_mock_from_a_prover_that_calls_itself_real_is_caught(listener: WorkerListener):
    prover = ScriptedProver(lambda _: mock_of().encode_network(), mock=False).open()
    assert "proves nothing" in (await outcome(listener, sample_work(), prover)).failure.text


async def test_a_real_proof_of_another_run_is_caught(listener: WorkerListener):
    prover = ScriptedProver(lambda _: real_proof("compressed"), mock=False).open()
    executor = ScriptedExecutor(Execution(b"other public values", 0, 1, None, None, ""))
    work = sample_work(mode=Mode.COMPRESSED)
    failure = (await outcome(listener, work, prover, executor=executor)).failure
    assert failure.error == types_pb2.PROVING_FAILURE
    assert not listener.happened("put")


async def test_a_mode_that_is_not_offered_is_given_back_in_words(listener: WorkerListener):
    listener.careless = True
    failure = await failure_of(listener, sample_work(mode=Mode.COMPRESSED))
    assert failure.retryable
    assert "compressed proofs of sp1-v6.1.0 are not made here." in failure.text
    assert "This worker proves sp1-" in failure.text


async def test_an_unknown_circuit_version_is_told_what_is_proved_here(listener: WorkerListener):
    listener.careless = True
    failure = await failure_of(listener, sample_work(version="sp1-v7.0.0"))
    assert failure.retryable
    assert "not one this release knows" in failure.text
    assert "This worker proves sp1-" in failure.text


# --- deadlines -------------------------------------------------------------------------------


async def test_what_is_past_its_deadline_is_not_begun(listener: WorkerListener):
    work = await outcome(listener, sample_work(deadline=int(time.time()) - 1))
    assert "deadline passed" in work.failure.text
    assert not listener.happened("get program")


async def test_a_proof_is_aborted_at_its_deadline(listener: WorkerListener):
    work = sample_work(deadline=int(time.time()) + 1000)

    def nearly_over(tools: Tools) -> Tools:
        return replace(tools, clock=lambda: work.deadline - 0.5)

    prover = ScriptedProver()
    await outcome(listener, work, prover, change=nearly_over)
    assert "The deadline passed before the proof was done." in work.failure.text
    assert prover.cancelled == len(prover.tasks)


async def test_what_cannot_be_done_in_time_is_given_back_unstarted(listener: WorkerListener):
    def slow(tools: Tools) -> Tools:
        tools.pace.note("sp1-v6.1.0", Mode.GROTH16, 1000.0)
        return tools

    prover = ScriptedProver().open()
    work = sample_work(deadline=int(time.time()) + 100)
    failure = (await outcome(listener, work, prover, change=slow)).failure
    assert failure.retryable
    assert "took 1000 s" in failure.text
    assert not prover.tasks
