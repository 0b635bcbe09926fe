"""A proof that was received: verified if that can be, and saved as the SDK saves it."""

import stat
from dataclasses import replace
from pathlib import Path

import pytest
from support.oracle import Oracle
from support.wire_data import SAMPLE_PUBLIC_VALUES, SAMPLE_VK_HASH, real_proof, sample

from sp1tee.client.received import Expected, Received, check_writable, examine
from sp1tee.client.transfer import Download
from sp1tee.errors import (
    NativeGone,
    OutputFileError,
    ProofRefuted,
    VerifyingKeyError,
    VerifyingKeyMismatch,
)
from sp1tee.wire.mock_proof import mock_proof
from sp1tee.wire.modes import Mode
from sp1tee.wire.proof import SnarkProof
from sp1tee.wire.versions import Family

VK = sample("-vk.bin")
WHOLE = Expected(SAMPLE_VK_HASH, vk=VK)


@pytest.fixture
def received() -> Received:
    return examine(bytes(32), Download(real_proof("compressed"), mock=False), Expected())


def test_a_saved_proof_is_what_the_sdk_saved(received: Received, tmp_path: Path) -> None:
    path = tmp_path / "proof.bin"
    assert received.save(path) == path.stat().st_size
    assert path.read_bytes() == real_proof("compressed")


def test_saving_replaces_an_older_proof_and_leaves_nothing_beside_it(
    received: Received, tmp_path: Path
) -> None:
    path = tmp_path / "proof.bin"
    path.write_bytes(b"old")
    received.save(path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == real_proof("compressed")


def test_a_saved_proof_can_be_read_like_any_new_file(received: Received, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.touch()
    received.save(tmp_path / "proof.bin")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_saving_to_nowhere_says_so_and_leaves_nothing(received: Received, tmp_path: Path) -> None:
    with pytest.raises(OutputFileError, match="No such file"):
        received.save(tmp_path / "missing" / "proof.bin")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputFileError):
        received.save(tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("name", [".", "missing/proof.bin"])
def test_an_impossible_output_is_found_out_early(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputFileError):
        check_writable(tmp_path / name)


def test_a_possible_output_passes(tmp_path: Path) -> None:
    check_writable(tmp_path / "proof.bin")


class TestVerification:
    def received(
        self, judge: Oracle | None, expected: Expected = WHOLE, *, mode: str = "core"
    ) -> Received:
        return examine(bytes(32), Download(real_proof(mode), mock=False), expected, judge)

    @pytest.mark.parametrize("mode", ["core", "compressed"])
    def test_a_proof_that_the_verifier_accepts_is_verified(self, mode: str) -> None:
        judge = Oracle()
        received = self.received(judge, mode=mode)
        assert received.verified is True
        assert received.program_checked
        assert received.verification == f"verified by {judge.name}"
        assert judge.asked == [(VK, SAMPLE_PUBLIC_VALUES, real_proof(mode))]

    def test_a_proof_that_the_verifier_refutes_is_an_error(self) -> None:
        with pytest.raises(ProofRefuted, match=r"refutes the proof: bad \[31m shard\.$") as caught:
            self.received(Oracle("bad\n\x1b[31m shard."))
        assert caught.value.exit_code == 1

    def test_a_verifier_that_breaks_leaves_it_open(self) -> None:
        received = self.received(Oracle(error=NativeGone("It hung up.")))
        assert received.verified is None
        assert received.verification.endswith("SP1's verifier broke. It hung up.")

    @pytest.mark.parametrize(
        ("judge", "expected", "why"),
        [
            (None, WHOLE, "no sp1tee-prover here"),
            (Oracle(), Expected(SAMPLE_VK_HASH), "the program's key is not known here"),
            (Oracle(circuit="v6.2.0"), WHOLE, "the verifier is for v6.2.0, not for v6.1.0"),
        ],
    )
    def test_what_nobody_verified_says_why(
        self, judge: Oracle | None, expected: Expected, why: str
    ) -> None:
        received = self.received(judge, expected)
        assert received.verified is False
        assert received.verification == f"claims checked, not verified: {why}"
        assert not received.program_checked
        assert judge is None or not judge.asked

    @pytest.mark.parametrize("marked", [True, False])
    def test_a_mock_is_not_shown_to_the_verifier(self, marked: bool) -> None:
        judge = Oracle()
        mock = mock_proof(Mode.CORE, Family.V6, SAMPLE_VK_HASH, b"x").encode_network()
        download = Download(real_proof("core") if marked else mock, mock=marked)
        received = examine(bytes(32), download, WHOLE, judge)
        assert received.mock
        assert received.verified is False
        assert not judge.asked

    def test_a_proof_of_v5_is_not_shown_to_the_verifier(self) -> None:
        judge = Oracle()
        mock = mock_proof(Mode.GROTH16, Family.V5, SAMPLE_VK_HASH, b"x")
        assert isinstance(mock, SnarkProof)
        data = replace(mock, encoded_proof="00").encode_network()
        received = examine(bytes(32), Download(data, mock=False), Expected(), judge)
        assert received.verification.endswith("proofs of SP1 v5 take its own SDK")
        assert not judge.asked

    def test_a_key_of_another_program_is_not_taken(self) -> None:
        with pytest.raises(VerifyingKeyMismatch):
            Expected(bytes(32), vk=VK)
        with pytest.raises(VerifyingKeyMismatch):
            Expected(vk=VK)
        with pytest.raises(VerifyingKeyError):
            Expected(SAMPLE_VK_HASH, vk=VK[:-1])


def test_a_received_proof_shows_nothing_of_itself(received: Received) -> None:
    assert len(repr(received)) < 300
