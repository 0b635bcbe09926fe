"""The programs that come with the package: what they say, and that they come from their sources."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.guest_programs import DATA, ROOT, run_here

from sp1tee import guests
from sp1tee.errors import ConfigError
from sp1tee.fulfill.executors import Cause, elf
from sp1tee.guests import fibonacci_input, solvency_input
from sp1tee.wire.keys import parse_vk_v6, vk_hash_v6
from sp1tee.wire.versions import Family

V5, V6 = Family.V5, Family.V6
U64 = st.integers(0, (1 << 64) - 1)
SLOW = settings(max_examples=15, deadline=None)

VK_HASHES = {  # from SP1's own setup, sp1-sdk 6.10.0
    "fibonacci": "7d7123d91719cfd8496bbfec3b15df5c1bad37703497de536317638b4ff679f2",
    "solvency": "331c1d255200e8d90110f62640f0307d61e7cedd75685b0c74b037547d4e9bf1",
}


@pytest.mark.parametrize("name", guests.NAMES)
def test_the_verifying_key_belongs_to_the_program(name: str):
    guest = guests.load(name, V6)
    assert guest.vk is not None

    key = parse_vk_v6(guest.vk)
    entry = sum(limb << 16 * place for place, limb in enumerate(key.pc_start))

    assert vk_hash_v6(guest.vk).hex() == VK_HASHES[name]
    assert entry == elf.load(guest.elf, V6).entry


@pytest.mark.parametrize("name", guests.NAMES)
def test_there_is_no_v5_key_because_no_setup_made_one(name: str):
    assert guests.load(name, V5).vk is None


def test_another_name_is_refused():
    with pytest.raises(ConfigError, match="fibonacci, solvency"):
        guests.load("../../secret", V6)


def test_a_program_shows_in_no_repr():
    assert repr(guests.load("solvency", V6)) == "Guest(name='solvency', family=<Family.V6: 'v6'>)"


@pytest.mark.parametrize("family", Family)
@SLOW
@given(n=st.integers(0, 3000))
def test_fibonacci_is_right(family: Family, n: int):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, (a + b) % 7919

    outcome = run_here(guests.load("fibonacci", family).elf, family, fibonacci_input(n).buffers)

    expected = b"".join(value.to_bytes(4, "little") for value in (n, a, b))
    assert (outcome.reason, outcome.public_values) == (None, expected)


@pytest.mark.parametrize("family", Family)
@SLOW
@given(amount=U64, balances=st.lists(U64 | st.integers(0, 1000), max_size=20), by=st.integers(1, 5))
def test_solvency_is_right_however_balances_are_packed(
    family: Family, amount: int, balances: list[int], by: int
):
    parts = [balances[at : at + by] for at in range(0, len(balances), by)]
    stdin = [
        amount.to_bytes(8, "little"),
        *(b"".join(balance.to_bytes(8, "little") for balance in part) for part in parts),
    ]

    outcome = run_here(guests.load("solvency", family).elf, family, stdin)

    covered = sum(balances) >= amount
    assert outcome.reason is None
    assert outcome.public_values == amount.to_bytes(8, "little") + bytes([covered])


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize(
    ("name", "stdin"),
    [
        pytest.param("fibonacci", [], id="fibonacci without input"),
        pytest.param("fibonacci", [b"abc"], id="fibonacci with three bytes"),
        pytest.param("fibonacci", [bytes(4), bytes(4)], id="fibonacci with two numbers"),
        pytest.param("solvency", [], id="solvency without input"),
        pytest.param("solvency", [bytes(7)], id="solvency with seven bytes of amount"),
        pytest.param("solvency", [bytes(8), bytes(12)], id="solvency with half a balance"),
    ],
)
def test_malformed_input_ends_with_exit_code_1(name: str, stdin: list[bytes], family: Family):
    outcome = run_here(guests.load(name, family).elf, family, stdin)

    assert outcome.cause is Cause.HALT_WITH_NON_ZERO_EXIT_CODE
    assert (outcome.exit_code, outcome.public_values) == (1, b"")


def test_the_inputs_are_what_the_sdk_would_write():
    assert fibonacci_input(1000).buffers == (b"\xe8\x03\x00\x00",)
    assert solvency_input(1, [2, 3]).buffers == (
        b"\x01" + bytes(7),
        b"\x02" + bytes(7) + b"\x03" + bytes(7),
    )


def test_the_checked_in_programs_are_what_their_sources_give():
    build = [sys.executable, str(ROOT / "guests" / "build.py"), "--check"]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    if done.returncode == 2:
        pytest.skip("clang and lld 14 are not installed")

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    "path",
    [*DATA.glob("*.elf"), *(ROOT / "src/sp1tee/guests").glob("*.elf")],
    ids=lambda path: path.name,
)
def test_no_path_and_no_compiler_is_named_in_a_program(path: Path):
    assert not re.search(rb"/[a-z]+/|clang|LLD", path.read_bytes())
