"""`sp1tee verify proof`."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.commands import Ran, Run
from support.verifier_stand_in import (
    FAULTS,
    NAME,
    REFUTED,
    SAID,
    SETUP,
    VERIFY,
    VerifierStandIn,
    verifier_stand_in,
)
from support.wire_data import SAMPLE_PUBLIC_VALUES, SAMPLE_VK_HASH, real_proof, sample

from sp1tee import guests
from sp1tee.wire.keys import bytes32
from sp1tee.wire.mock_proof import mock_proof
from sp1tee.wire.modes import Mode
from sp1tee.wire.versions import Family

KEY = "0x" + bytes32(SAMPLE_VK_HASH).hex()
VALUES = SAMPLE_PUBLIC_VALUES.hex()


@pytest.fixture
def proof(tmp_path: Path) -> Path:
    path = tmp_path / "proof.bin"
    path.write_bytes(real_proof("compressed"))
    return path


def statuses(ran: Ran) -> dict[str, str]:
    report: dict[str, Any] = json.loads(ran.out)
    return {check["id"]: check["status"] for check in report["checks"]}


def test_a_proof_that_cannot_be_verified_here_leaves_the_verdict_open(sp1tee: Run, proof: Path):
    ran = sp1tee(
        *("verify", "proof", proof, "--vkey", KEY, "--public-values", VALUES, "--format", "json")
    )

    assert (ran.code, ran.err) == (3, "")
    assert statuses(ran)["proof.program"] == "pass"
    assert statuses(ran)["proof.public-values"] == "pass"
    assert statuses(ran)["proof.cryptography"] == "unevaluable"


class TestVerifier:
    """With SP1's verifier, or what passes for it here."""

    def verify(self, sp1tee: Run, proof: Path, *arguments: object) -> Ran:
        return sp1tee("verify", "proof", proof, *arguments, "--format", "json")

    @pytest.fixture
    def verifier(self, tmp_path: Path) -> VerifierStandIn:
        return verifier_stand_in(tmp_path / "bin")

    @pytest.fixture
    def vk(self, tmp_path: Path) -> str:
        path = tmp_path / "app.elf.vk"
        path.write_bytes(sample("-vk.bin"))
        return f"@{path}"

    @pytest.mark.parametrize("mode", ["core", "compressed"])
    def test_a_proof_that_it_accepts_is_0(
        self, sp1tee: Run, tmp_path: Path, verifier: VerifierStandIn, vk: str, mode: str
    ):
        path = tmp_path / "any.bin"
        path.write_bytes(real_proof(mode))

        ran = self.verify(
            *(sp1tee, path, "--vkey", vk, "--public-values", VALUES),
            *("--prover-program", verifier.path),
        )

        assert (ran.code, ran.err) == (0, "")
        assert set(statuses(ran).values()) <= {"pass", "skipped"}
        assert statuses(ran)["proof.program"] == "pass"
        report = json.loads(ran.out)
        assert (
            NAME in next(c for c in report["checks"] if c["id"] == "proof.cryptography")["anchors"]
        )
        assert report["facts"]["proof.vk_hash"]["basis"] == "attested"
        assert {given["name"] for given in report["inputs"]} == {
            *("proof", "public-values", "verifying-key")
        }

    def test_it_is_found_where_the_environment_says(
        self,
        sp1tee: Run,
        proof: Path,
        verifier: VerifierStandIn,
        vk: str,
        monkeypatch: pytest.MonkeyPatch,
    ):
        monkeypatch.setenv("SP1TEE_PROVER", str(verifier.path))

        assert self.verify(sp1tee, proof, "--vkey", vk).code == 0

    def test_a_key_may_be_typed_whole(self, sp1tee: Run, proof: Path, verifier: VerifierStandIn):
        key = sample("-vk.bin").hex()

        ran = self.verify(sp1tee, proof, "--vkey", key, "--prover-program", verifier.path)

        assert ran.code == 0

    def test_the_program_itself_names_its_key(
        self, sp1tee: Run, proof: Path, elf: Path, verifier: VerifierStandIn
    ):
        ran = self.verify(sp1tee, proof, "--program", elf, "--prover-program", verifier.path)

        assert ran.code == 0
        assert {given["name"] for given in json.loads(ran.out)["inputs"]} == {"proof", "program"}
        assert len(verifier.asked(SETUP)) == len(verifier.asked(VERIFY)) == 1

    def test_a_proof_that_it_refutes_is_1_with_its_reason(
        self, sp1tee: Run, tmp_path: Path, verifier: VerifierStandIn, vk: str
    ):
        damaged = bytearray(real_proof("core"))
        damaged[1_000_000] ^= 1
        path = tmp_path / "damaged.bin"
        path.write_bytes(damaged)

        ran = self.verify(sp1tee, path, "--vkey", vk, "--prover-program", verifier.path)

        assert ran.code == 1
        assert REFUTED in ran.out
        assert statuses(ran)["proof.cryptography"] == "fail"
        assert statuses(ran)["proof.program"] == "unevaluable"

    @pytest.mark.parametrize("fault", FAULTS)
    def test_where_it_breaks_the_verdict_stays_open(
        self, sp1tee: Run, proof: Path, tmp_path: Path, vk: str, fault: str
    ):
        broken = verifier_stand_in(tmp_path / "bin", fault=fault)

        ran = self.verify(sp1tee, proof, "--vkey", vk, "--prover-program", broken.path)

        assert (ran.code, ran.err) == (3, "")
        assert statuses(ran)["proof.cryptography"] == "unevaluable"
        [check] = [c for c in json.loads(ran.out)["checks"] if c["id"] == "proof.cryptography"]
        assert check["reason"].startswith("SP1TEE-E")
        assert (SAID in ran.out) is (fault == "fails")

    def test_a_hash_alone_leaves_the_verdict_open_and_starts_nothing(
        self, sp1tee: Run, proof: Path, verifier: VerifierStandIn
    ):
        ran = self.verify(sp1tee, proof, "--vkey", KEY, "--prover-program", verifier.path)

        assert ran.code == 3
        assert "only its hash was given" in ran.out
        assert verifier.asked(VERIFY) == []

    def test_a_mock_is_refused_and_not_shown_to_it(
        self, sp1tee: Run, tmp_path: Path, verifier: VerifierStandIn, vk: str
    ):
        path = tmp_path / "mock.bin"
        path.write_bytes(mock_proof(Mode.CORE, Family.V6, SAMPLE_VK_HASH, b"x").encode_saved())

        ran = self.verify(sp1tee, path, "--vkey", vk, "--prover-program", verifier.path)

        assert ran.code == 4
        assert verifier.asked(VERIFY) == []

    def test_a_long_proof_is_read_only_for_it(
        self, sp1tee: Run, tmp_path: Path, verifier: VerifierStandIn, vk: str
    ):
        real = real_proof("core")
        path = tmp_path / "long.bin"
        path.write_bytes(real[:12] + bytes(16 << 20) + real[12:])

        without = self.verify(sp1tee, path, "--vkey", vk)
        with_it = self.verify(sp1tee, path, "--vkey", vk, "--prover-program", verifier.path)

        assert without.code == 3
        assert "sp1tee-prover" in without.out
        assert statuses(without) == {"proof.form": "unevaluable"}
        assert with_it.code == 1
        assert statuses(with_it)["proof.cryptography"] == "fail"

    @pytest.mark.parametrize("cut", [slice(-1, 2_000_000), slice(100_000), slice(None)])
    def test_a_file_that_was_cut_or_goes_on_is_no_pass(
        self, sp1tee: Run, tmp_path: Path, verifier: VerifierStandIn, vk: str, cut: slice
    ):
        path = tmp_path / "cut.bin"
        path.write_bytes(real_proof("core")[cut] + b"\1")

        ran = self.verify(sp1tee, path, "--vkey", vk, "--prover-program", verifier.path)

        assert ran.code == 3
        assert statuses(ran) == {"proof.form": "unevaluable"}


class TestWrongPrograms:
    @pytest.fixture
    def given(self, proof: Path, tmp_path: Path) -> tuple[object, ...]:
        verifier = verifier_stand_in(tmp_path / "bin")
        return ("verify", "proof", proof, "--prover-program", verifier.path)

    def test_what_sp1_does_not_take_is_told_in_its_words(
        self, sp1tee: Run, given: tuple[object, ...], tmp_path: Path
    ):
        path = tmp_path / "other.elf"
        path.write_bytes(sample(".elf") + b"\0")

        ran = sp1tee(*given, "--program", path)

        assert ran.code == 2
        assert "SP1 cannot set up this program: invalid ELF" in ran.err

    def test_what_is_no_elf_is_not_shown_to_sp1(
        self, sp1tee: Run, given: tuple[object, ...], tmp_path: Path
    ):
        path = tmp_path / "text"
        path.write_text("text")

        assert "no ELF file" in sp1tee(*given, "--program", path).err

    def test_a_program_of_v5_is_told_apart(
        self, sp1tee: Run, given: tuple[object, ...], tmp_path: Path
    ):
        path = tmp_path / "old.elf"
        path.write_bytes(guests.load("fibonacci", Family.V5).elf)

        ran = sp1tee(*given, "--program", path)

        assert ran.code == 2
        assert "SP1 v5" in ran.err

    def test_a_program_alone_needs_the_verifier(self, sp1tee: Run, proof: Path, elf: Path):
        ran = sp1tee("verify", "proof", proof, "--program", elf)

        assert (ran.code, ran.out) == (2, "")
        assert "--vkey" in ran.err

    def test_another_program_is_no_verifier(self, sp1tee: Run, proof: Path):
        ran = sp1tee("verify", "proof", proof, "--vkey", KEY, "--prover-program", "/bin/true")

        assert (ran.code, ran.out) == (2, "")
        assert "--prover-program: /bin/true is another program" in ran.err


def test_public_values_may_come_from_a_file(sp1tee: Run, proof: Path, tmp_path: Path):
    values = tmp_path / "values.bin"
    values.write_bytes(SAMPLE_PUBLIC_VALUES)

    ran = sp1tee(
        *("verify", "proof", proof, "--vkey", KEY, "--public-values", f"@{values}"),
        *("--format", "json"),
    )

    assert statuses(ran)["proof.public-values"] == "pass"
    names = [given["name"] for given in json.loads(ran.out)["inputs"]]
    assert sorted(names) == ["proof", "public-values"]


def test_another_program_contradicts(sp1tee: Run, proof: Path):
    ran = sp1tee("verify", "proof", proof, "--vkey", "00" * 31 + "01", "--quiet")

    assert (ran.code, ran.out) == (1, "")


def test_other_public_values_contradict(sp1tee: Run, proof: Path):
    assert sp1tee("verify", "proof", proof, "--vkey", KEY, "--public-values", "00").code == 1


def test_a_mock_is_refused(sp1tee: Run, tmp_path: Path):
    path = tmp_path / "mock.bin"
    path.write_bytes(mock_proof(Mode.GROTH16, Family.V6, SAMPLE_VK_HASH, b"x").encode_saved())

    ran = sp1tee("verify", "proof", path, "--vkey", KEY)

    assert ran.code == 4
    assert "mock" in ran.out


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"not a proof", b"\x03\0\0\0"])
def test_a_file_that_holds_no_proof_is_unevaluable(sp1tee: Run, tmp_path: Path, content: bytes):
    path = tmp_path / "rubbish"
    path.write_bytes(content)

    ran = sp1tee("verify", "proof", path, "--vkey", KEY, "--format", "json")

    assert (ran.code, ran.err) == (3, "")
    assert statuses(ran) == {"proof.form": "unevaluable"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--vkey", "zz"),
        ("--vkey", "00" * 31),
        ("--vkey", KEY, "--public-values", "xyz"),
        ("--vkey", KEY, "--public-values", "@/nowhere"),
        ("--vkey", "@/nowhere"),
        ("--vkey", "@/dev/zero"),
        ("--vkey", KEY, "--program", "app.elf"),
        (),
    ],
)
def test_what_was_typed_wrongly_is_a_usage_error(
    sp1tee: Run, proof: Path, arguments: tuple[str, ...]
):
    ran = sp1tee("verify", "proof", proof, *arguments)

    assert (ran.code, ran.out) == (2, "")


def test_a_file_that_is_not_there_is_a_usage_error(sp1tee: Run, tmp_path: Path):
    assert sp1tee("verify", "proof", tmp_path / "none", "--vkey", KEY).code == 2
