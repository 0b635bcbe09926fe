"""`sp1tee execute` runs real guests and says what came of it."""

import json
import struct
from pathlib import Path

import pytest
from support.commands import Run

from sp1tee import guests
from sp1tee.wire.versions import Family


@pytest.fixture(params=Family)
def fibonacci(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "fibonacci.elf"
    path.write_bytes(guests.load("fibonacci", request.param).elf)
    return path


def test_a_program_that_ends_well_is_summed_up(sp1tee: Run, fibonacci: Path) -> None:
    ran = sp1tee("execute", fibonacci, "--input", "0a000000", "--format", "json")
    assert ran.code == 0, ran.err
    told = json.loads(ran.out)
    assert bytes.fromhex(told["public_values"]) == struct.pack("<3I", 10, 55, 89)
    assert told["exit_code"] == 0
    assert told["cycles"] > 100
    assert told["cause"] is None


def test_a_program_without_its_input_fails_with_a_reason(sp1tee: Run, fibonacci: Path) -> None:
    ran = sp1tee("execute", fibonacci)
    assert ran.code == 1
    assert "cause" in ran.out
    assert "reason" in ran.out


def test_a_cycle_limit_holds(sp1tee: Run, fibonacci: Path) -> None:
    ran = sp1tee("execute", fibonacci, "--input", "0a000000", "--cycle-limit", "10")
    assert ran.code == 1
    assert "exceeded_cycle_limit" in ran.out


def test_what_is_no_program_is_told_as_such(sp1tee: Run, key_file: Path) -> None:
    ran = sp1tee("execute", key_file)
    assert ran.code == 2
    assert "no ELF file" in ran.err
