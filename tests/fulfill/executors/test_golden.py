"""Runs against what SP1's own executor made of the same programs and inputs."""

import pytest
from support.guest_programs import Golden, program, read_golden, run_here

from sp1tee import guests
from sp1tee.fulfill.executors import Cause
from sp1tee.wire.versions import Family

RUNS = [pytest.param(run, id=run.label) for run in read_golden()]
SHORT = [pytest.param(run, id=run.label) for run in read_golden() if run.cycles < 100_000]
NO_LIMIT = 1 << 40


@pytest.mark.parametrize("run", RUNS)
def test_cycles_exit_code_and_public_values_are_sp1s(run: Golden):
    outcome = run_here(program(run.guest, Family.V6), Family.V6, run.stdin, cycles=NO_LIMIT)

    assert outcome.cycles == run.cycles
    assert outcome.exit_code == run.exit_code
    assert outcome.public_values == run.public_values
    assert (outcome.reason is None) == (run.exit_code == 0)


@pytest.mark.parametrize("run", SHORT)
def test_the_slow_guard_counts_the_same(run: Golden):
    elf = program(run.guest, Family.V6)

    outcome = run_here(elf, Family.V6, run.stdin, native_guard=False)

    assert (outcome.cycles, outcome.exit_code) == (run.cycles, run.exit_code)
    assert outcome.public_values == run.public_values


@pytest.mark.parametrize("run", [run for run in RUNS if run.values[0].guest in guests.NAMES])
def test_the_same_source_says_the_same_in_v5(run: Golden):
    outcome = run_here(program(run.guest, Family.V5), Family.V5, run.stdin, cycles=NO_LIMIT)

    assert outcome.exit_code == run.exit_code
    assert outcome.public_values == run.public_values


@pytest.mark.parametrize("run", SHORT[:10])
def test_a_limit_of_exactly_the_cycles_is_enough_and_one_less_is_not(run: Golden):
    elf = program(run.guest, Family.V6)

    enough = run_here(elf, Family.V6, run.stdin, cycles=run.cycles)
    short = run_here(elf, Family.V6, run.stdin, cycles=run.cycles - 1)

    assert enough.exit_code == run.exit_code
    assert short.cause is Cause.EXCEEDED_CYCLE_LIMIT
    assert short.cycles < run.cycles
