"""SP1's verifier as Python asks it: a program in its place, and the real one where it was built."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from native.peer import program
from support import snarks
from support.verifier_stand_in import (
    FAULTS,
    NAME,
    REFUTED,
    SAID,
    SETUP,
    VERIFY,
    verifier_stand_in,
)
from support.wire_data import SAMPLE_PUBLIC_VALUES, real_proof, sample

from sp1tee import guests
from sp1tee.errors import NativeError, NativeFailed, NativeGone
from sp1tee.native.judge import Judge
from sp1tee.wire.mock_proof import mock_proof
from sp1tee.wire.modes import Mode
from sp1tee.wire.versions import Family

VK = sample("-vk.bin")
MODES = ("core", "compressed")


def judge_at(path: Path) -> Judge:
    found = Judge.find(path)
    assert found is not None
    return found


class TestStandIn:
    def test_it_is_found_where_it_is_named_set_or_installed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = verifier_stand_in(tmp_path / "bin")
        monkeypatch.delenv("SP1TEE_PROVER", raising=False)
        monkeypatch.setenv("PATH", str(tmp_path))
        assert Judge.find() is None
        assert Judge.find(made.path) is not None
        monkeypatch.setenv("SP1TEE_PROVER", str(made.path))
        assert Judge.find() is not None
        monkeypatch.delenv("SP1TEE_PROVER")
        monkeypatch.setenv("PATH", str(made.folder))
        assert Judge.find() is not None

    @pytest.mark.parametrize(
        ("says", "match"),
        [("6.10.0", "sp1-gpu-server, which verifies nothing"), ("cat 9.1", "another program")],
    )
    def test_what_is_named_and_is_no_verifier_is_refused(
        self, tmp_path: Path, says: str, match: str
    ) -> None:
        path = tmp_path / "program"
        path.write_text(f"#!/bin/sh\necho '{says}'\n")
        path.chmod(0o755)
        with pytest.raises(NativeGone, match=match):
            Judge.find(path)

    def test_nothing_starts_before_it_is_asked(self, tmp_path: Path) -> None:
        made = verifier_stand_in(tmp_path / "bin", fault="never listens")
        with judge_at(made.path):
            pass

    def test_it_says_who_it_is_and_what_holds(self, tmp_path: Path) -> None:
        made = verifier_stand_in(tmp_path / "bin")
        with judge_at(made.path) as judge:
            assert judge.verify(VK, SAMPLE_PUBLIC_VALUES, real_proof("core")) == ""
            assert judge.verify(VK, b"other", real_proof("core")) == REFUTED
            assert (judge.name, judge.circuit) == (NAME, "v6.1.0")
            assert judge.key_of(sample(".elf")) == VK

    def test_it_makes_no_proofs_and_takes_no_circuits_but_the_released_ones(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SP1_CIRCUIT_MODE", "dev")
        made = verifier_stand_in(tmp_path / "bin")
        with judge_at(made.path) as judge:
            judge.verify(VK, SAMPLE_PUBLIC_VALUES, real_proof("core"))
        [asked] = made.asked(VERIFY)
        assert "--no-proofs" in asked["flags"]
        assert "--set SP1_CIRCUIT_MODE=release" in asked["flags"]

    def test_a_program_that_sp1_does_not_take_is_told(self, tmp_path: Path) -> None:
        made = verifier_stand_in(tmp_path / "bin")
        with judge_at(made.path) as judge:
            with pytest.raises(NativeFailed) as caught:
                judge.key_of(b"no program")
            assert caught.value.text == "invalid ELF"
            # What one question broke, the next one does not suffer from.
            assert judge.key_of(sample(".elf")) == VK
        assert len(made.asked(SETUP)) == 2

    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_verifier_that_breaks_is_an_error_and_no_answer(
        self, tmp_path: Path, fault: str
    ) -> None:
        made = verifier_stand_in(tmp_path / "bin", fault=fault)
        with judge_at(made.path) as judge:
            for _ in range(2):
                with pytest.raises(NativeError) as caught:
                    judge.verify(VK, SAMPLE_PUBLIC_VALUES, real_proof("core"))
        assert fault != "fails" or getattr(caught.value, "text", "") == SAID


# --- the real one ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(built: None) -> Iterator[Judge]:
    with judge_at(Path(program() or "")) as judge:
        yield judge


@pytest.mark.native
class TestReal:
    def test_it_says_who_it_is(self, real: Judge) -> None:
        assert real.name.startswith("sp1tee-prover ")
        assert real.name.endswith(" (SP1 6.10.0)")
        assert real.circuit == "v6.1.0"

    @pytest.mark.parametrize("mode", MODES)
    def test_a_real_proof_holds_in_both_encodings(self, real: Judge, mode: str) -> None:
        assert real.verify(VK, SAMPLE_PUBLIC_VALUES, real_proof(mode)) == ""
        assert real.verify(VK, SAMPLE_PUBLIC_VALUES, real_proof(mode)[:-1]) == ""

    def test_a_key_is_the_one_its_program_came_with(self, real: Judge) -> None:
        assert real.key_of(sample(".elf")) == VK

    def test_what_is_no_program_has_no_key(self, real: Judge) -> None:
        with pytest.raises(NativeFailed):
            real.key_of(sample(".elf")[:64])

    @pytest.mark.parametrize("mode", MODES)
    def test_a_proof_of_something_else_does_not_hold(self, real: Judge, mode: str) -> None:
        proof, other = real_proof(mode), guests.load("fibonacci", Family.V6).vk
        assert other is not None
        assert real.verify(other, SAMPLE_PUBLIC_VALUES, proof)
        assert real.verify(VK, bytes(9), proof)
        assert real.verify(VK, bytes(9), proof.replace(SAMPLE_PUBLIC_VALUES, bytes(9)))
        assert real.verify(VK, SAMPLE_PUBLIC_VALUES, proof.replace(b"v6.1.0", b"v6.0.0"))

    @pytest.mark.parametrize("mode", MODES)
    @pytest.mark.parametrize("size", [0, 3, 4, 100, 100_000, -40])
    def test_a_cut_proof_does_not_hold(self, real: Judge, mode: str, size: int) -> None:
        assert real.verify(VK, SAMPLE_PUBLIC_VALUES, real_proof(mode)[:size])

    @pytest.mark.parametrize("mode", [Mode.CORE, Mode.PLONK, Mode.GROTH16])
    def test_a_mock_does_not_hold(self, real: Judge, mode: Mode) -> None:
        mock = mock_proof(mode, Family.V6, snarks.VK_HASH, b"x").encode_saved()
        assert real.verify(VK, b"x", mock)

    @pytest.mark.parametrize("mode", [Mode.PLONK, Mode.GROTH16])
    def test_an_on_chain_proof_under_a_circuit_of_ones_own_does_not_hold(
        self, real: Judge, mode: Mode
    ) -> None:
        # Its claims are right, and its points prove them: under another key than SP1's.
        forged = snarks.proof(mode=mode)
        reason = real.verify(VK, forged.public_values, forged.encode_saved())
        assert f"{mode} verification error".casefold() in reason.casefold()

    def test_a_proof_that_kills_its_verifier_is_an_error_and_not_the_end(self, real: Judge) -> None:
        # No hex digits where the on-chain form is read.
        odd = snarks.proof(body=b"")
        assert _holds(real, odd.encode_saved(), odd.public_values) is False
        assert real.verify(VK, SAMPLE_PUBLIC_VALUES, real_proof("compressed")) == ""

    @pytest.mark.parametrize("mode", MODES)
    def test_a_flipped_bit_anywhere_is_noticed(self, real: Judge, mode: str) -> None:
        original = real_proof(mode)

        @settings(max_examples=60, database=None)
        @given(st.floats(0, 1, exclude_max=True), st.integers(0, 7))
        @example(0.0, 0)
        @example(0.9999999, 0)
        def flip(place: float, bit: int) -> None:
            # The last byte is the SDK's mark of a co-signer, and not part of what is proved.
            index = int(place * (len(original) - 1))
            damaged = bytearray(original)
            damaged[index] ^= 1 << bit
            assert not _holds(real, bytes(damaged))

        flip()


def _holds(judge: Judge, proof: bytes, public_values: bytes = SAMPLE_PUBLIC_VALUES) -> bool:
    try:
        return judge.verify(VK, public_values, proof) == ""
    except NativeError:
        return False
