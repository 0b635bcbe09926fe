"""What guests must not do, deed by deed: see guests/hostile/hostile.c."""

import re

import pytest
from support.guest_programs import ROOT, feature, hostile, program, run_here

from sp1tee.fulfill.executors import Cause, syscalls
from sp1tee.fulfill.executors.outcome import Reason
from sp1tee.wire.versions import Family

V5, V6 = Family.V5, Family.V6
USAGE, MEMORY = Cause.INVALID_SYSCALL_USAGE, Cause.INVALID_MEMORY_ACCESS
LIMIT = 100_000
BUDGET = 64 << 20

DEEDS = {
    "exit_with_seven": (Cause.HALT_WITH_NON_ZERO_EXIT_CODE, "exit code 7;"),
    "never_end": (Cause.EXCEEDED_CYCLE_LIMIT, "more than 100000 cycles"),
    "commit_nothing": (Cause.UNSPECIFIED, "without committing"),
    "commit_other_digest": (Cause.UNSPECIFIED, "not the SHA-256 of its public values"),
    "commit_some_words": (Cause.UNSPECIFIED, "without committing"),
    "commit_deferred_proofs": (Cause.UNSPECIFIED, "committed to proofs"),
    "commit_ninth_word": (USAGE, "digest word 8"),
    "read_null": (MEMORY, "address 0x10,"),
    "write_null": (MEMORY, "address 0x10,"),
    "read_too_high": (MEMORY, "outside a guest's memory"),
    "write_too_high": (MEMORY, "outside a guest's memory"),
    "load_unaligned": (MEMORY, "accessed 4 bytes at an address that is not a multiple of 4"),
    "store_unaligned": (MEMORY, "accessed 2 bytes at an address that is not a multiple of 2"),
    "write_code": (MEMORY, "wrote to its own code"),
    "use_all_memory": (Cause.UNSPECIFIED, "more memory than the 67108864 bytes"),
    "jump_outside": (MEMORY, "where it has no instruction"),
    "jump_into_half": (MEMORY, "where it has no instruction"),
    "jump_far_away": (MEMORY, "jumped to address 0x20000000"),
    "breakpoint": (Cause.BREAKPOINT, "breakpoint"),
    "fence": (Cause.UNIMPLEMENTED, "does not implement"),
    "read_cycle_counter": (Cause.UNIMPLEMENTED, "does not implement"),
    "trap_of_compilers": (Cause.UNIMPLEMENTED, "does not implement"),
    "wait_for_interrupt": (Cause.UNIMPLEMENTED, "does not implement"),
    "unknown_call": (Cause.UNSUPPORTED_SYSCALL, "0x00000077, which SP1 does not have"),
    "precompile": (Cause.UNSUPPORTED_SYSCALL, "SECP256K1_DOUBLE (0x0000010b)"),
    "ask_hook": (Cause.UNSUPPORTED_SYSCALL, "hook at file descriptor 15"),
    "verify_proof": (Cause.UNSUPPORTED_SYSCALL, "VERIFY_SP1_PROOF"),
    "read_no_input": (USAGE, "more input buffers than it was given"),
    "read_wrong_length": (USAGE, "asked for 8 bytes"),
    "read_unaligned": (USAGE, "not a multiple of SP1's word"),
    "read_over_program": (USAGE, "fresh memory only"),
    "read_over_input": (USAGE, "fresh memory only"),
    "read_over_used_memory": (USAGE, "fresh memory only"),
    "publish_without_end": (Cause.EXCEEDED_CYCLE_LIMIT, "100000 cycles"),
    "print_without_end": (Cause.EXCEEDED_CYCLE_LIMIT, "100000 cycles"),
    "hint_without_end": (Cause.UNSPECIFIED, "more memory than the 67108864 bytes"),
    "sha_unaligned": (USAGE, "SHA_EXTEND (0x00300105) with arguments"),
    "permute_code": (MEMORY, "wrote to its own code"),
    "permute_with_argument": (USAGE, "KECCAK_PERMUTE (0x00010109) with arguments"),
    "halt_unconstrained": (USAGE, "system call 0x00000000 inside an unconstrained block"),
    "enter_twice": (USAGE, "inside another one"),
    "jump_away_unconstrained": (Cause.END_IN_UNCONSTRAINED, "inside an unconstrained block"),
}

# Where SP1 v5 and v6 differ: one of them minds, the other goes on to exit code 99.
MINDED_BY = {
    "print_no_text": (V5, USAGE, "not UTF-8"),
    "write_reserved": (V5, USAGE, "file descriptor 3"),
    "leave_without_entering": (V6, USAGE, "had not entered"),
}

ENDED_BY_TIME_ALONE = {"never_leave"}
TAKES_MORE = {"print_input_and_panic"}


@pytest.mark.parametrize("native", [None, False], ids=["fast", "slow"])
@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("deed", DEEDS)
def test_a_deed_ends_the_run_for_its_own_reason(deed: str, family: Family, native: bool | None):
    cause, words = DEEDS[deed]
    elf, stdin = program("hostile", family), hostile(deed)

    outcome = run_here(elf, family, stdin, cycles=LIMIT, memory=BUDGET, native_guard=native)

    assert outcome.cause is cause
    assert words in outcome.text
    assert outcome.cycles <= LIMIT


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("deed", MINDED_BY)
def test_what_only_one_generation_minds(deed: str, family: Family):
    minding, cause, words = MINDED_BY[deed]

    outcome = run_here(program("hostile", family), family, hostile(deed))

    if family is minding:
        assert (outcome.cause, words in outcome.text) == (cause, True)
    else:
        assert outcome.exit_code == 99


def test_every_deed_of_the_source_is_tested():
    source = (ROOT / "guests" / "hostile" / "hostile.c").read_text()
    table = re.search(r"DEEDS\[\]\)\(void\) = \{(.*?)\}", source, re.DOTALL)
    assert table

    assert {*DEEDS, *MINDED_BY, *ENDED_BY_TIME_ALONE, *TAKES_MORE} == set(
        re.findall(r"\w+", table[1])
    )


@pytest.mark.parametrize("family", Family)
def test_of_what_a_guest_prints_the_end_of_standard_error_is_kept(family: Family):
    elf = program("hostile", family)

    short = run_here(elf, family, hostile("print_input_and_panic", b"so much"))
    long = run_here(elf, family, hostile("print_input_and_panic", b"a" * 5000 + b"the end"))

    assert short.reason is Reason.EXIT_CODE
    assert short.printed == b"panicked:\nso much"
    assert long.printed == (b"a" * 5000 + b"the end")[-2048:]


def test_public_values_have_a_cap(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(syscalls, "MAX_PUBLIC_VALUES", 1000)

    outcome = run_here(program("hostile", V6), V6, hostile("publish_without_end"))

    assert outcome.reason is Reason.PUBLIC_VALUES
    assert len(outcome.public_values) == 768


def test_public_values_written_before_a_failure_are_kept():
    outcome = run_here(program("hostile", V6), V6, hostile("commit_other_digest"))

    assert (outcome.exit_code, outcome.public_values) == (0, b"x")


def test_a_program_that_does_not_fit_into_its_memory():
    outcome = run_here(program("hostile", V6), V6, memory=4096)

    assert outcome.reason is Reason.MEMORY
    assert outcome.cycles == 0


def test_memory_in_many_far_places_fits_while_it_is_under_the_cap():
    elf, stdin = program("features", V6), feature("far_memory")

    assert run_here(elf, V6, stdin, memory=80 << 20).reason is None
    assert run_here(elf, V6, stdin, memory=60 << 20).reason is Reason.MEMORY


def test_unconstrained_cycles_do_not_count_against_the_limit():
    elf, stdin = program("features", V6), feature("unconstrained", b"seed")

    outcome = run_here(elf, V6, stdin, cycles=7636)

    assert (outcome.reason, outcome.cycles) == (None, 7636)
