"""`sp1tee verify proof` and a requester's commands with SP1's own verifier."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from native.peer import program
from support.commands import Ran
from support.prover_stand_in import REQUEST_ID, ProverStandIn
from support.wire_data import SAMPLE_PUBLIC_VALUES, SAMPLE_VK_HASH, real_proof, sample

from sp1tee import guests
from sp1tee.cli.app import run
from sp1tee.cli.render import talk
from sp1tee.native.judge import Judge
from sp1tee.verify.proof import examine, read_program_key
from sp1tee.verify.verdict import Verdict, verdict
from sp1tee.wire.versions import Family

pytestmark = [pytest.mark.native, pytest.mark.usefixtures("built")]

KEY = read_program_key(sample("-vk.bin").hex())
VALUES = SAMPLE_PUBLIC_VALUES.hex()
MODES = ("core", "compressed")


@pytest.fixture(scope="module")
def judge(built: None) -> Iterator[Judge]:
    found = Judge.find(Path(program() or ""))
    assert found is not None
    with found:
        yield found


@pytest.fixture
def elf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "app.elf"
    path.write_bytes(sample(".elf"))
    path.with_name("app.elf.vk").write_bytes(sample("-vk.bin"))
    return path


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The verifier, to be named: nothing in the environment does."""
    path = Path(program() or "").resolve()
    monkeypatch.delenv("SP1TEE_PROVER", raising=False)
    monkeypatch.setenv("PATH", os.defpath)
    return path


def sp1tee(capsys: pytest.CaptureFixture[str], *arguments: object) -> Ran:
    talk.cache_clear()
    code = run([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return Ran(code, out, err)


def saved(folder: Path, data: bytes) -> Path:
    path = folder / "any.bin"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("how", ["--vkey", "--program"])
def test_a_real_proof_is_0(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, elf: Path, named: Path, mode: str, how: str
):
    known = f"@{elf}.vk" if how == "--vkey" else elf

    ran = sp1tee(
        *(capsys, "verify", "proof", saved(tmp_path, real_proof(mode)), how, known),
        *("--public-values", VALUES, "--prover-program", named, "--format", "json"),
    )

    assert (ran.code, ran.err) == (0, "")
    report = json.loads(ran.out)
    assert report["verdict"] == "pass"
    assert report["facts"]["proof.vk_hash"] == {
        "value": SAMPLE_VK_HASH.hex(),
        "basis": "attested",
        "anchor": f"SP1 {mode} circuit v6.1.0, verified by "
        + report["facts"]["proof.verified_by"]["value"],
    }


@pytest.mark.parametrize("mode", MODES)
def test_a_damaged_proof_is_1(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, elf: Path, named: Path, mode: str
):
    damaged = bytearray(real_proof(mode))
    damaged[len(damaged) // 2] ^= 0x10

    ran = sp1tee(
        *(capsys, "verify", "proof", saved(tmp_path, bytes(damaged)), "--vkey", f"@{elf}.vk"),
        *("--prover-program", named),
    )

    assert ran.code == 1
    assert "SP1's verifier refutes it" in ran.out


@pytest.mark.parametrize("mode", MODES)
def test_a_proof_of_another_program_is_1(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, named: Path, mode: str
):
    other = guests.load("fibonacci", Family.V6).vk or b""

    ran = sp1tee(
        *(capsys, "verify", "proof", saved(tmp_path, real_proof(mode)), "--vkey", other.hex()),
        *("--prover-program", named),
    )

    assert ran.code == 1


@pytest.mark.parametrize("mode", MODES)
def test_what_is_no_whole_proof_is_3(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, elf: Path, named: Path, mode: str
):
    for data in (real_proof(mode)[:-100], real_proof(mode) + b"\0"):
        ran = sp1tee(
            *(capsys, "verify", "proof", saved(tmp_path, data), "--vkey", f"@{elf}.vk"),
            *("--prover-program", named, "--quiet"),
        )
        assert ran.code == 3


@pytest.mark.parametrize("mode", MODES)
def test_no_flipped_bit_leaves_a_pass(judge: Judge, mode: str):
    original = real_proof(mode)

    @settings(max_examples=40, database=None)
    @given(st.floats(0, 1, exclude_max=True), st.integers(0, 7))
    @example(0.0, 1)
    @example(0.9999999, 2)
    def flip(place: float, bit: int) -> None:
        damaged = bytearray(original)
        damaged[int(place * len(original))] ^= 1 << bit
        findings = examine(bytes(damaged), KEY, SAMPLE_PUBLIC_VALUES, judge)
        assert verdict(findings.checks) is not Verdict.PASS

    flip()


@pytest.mark.parametrize("mode", MODES)
def test_a_proof_with_other_public_values_does_not_pass(judge: Judge, mode: str):
    forged = real_proof(mode).replace(SAMPLE_PUBLIC_VALUES, bytes(9))

    for values in (None, bytes(9), SAMPLE_PUBLIC_VALUES):
        assert verdict(examine(forged, KEY, values, judge).checks) is not Verdict.PASS


def test_a_requester_has_what_it_gets_verified(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    elf: Path,
    named: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("NETWORK_PRIVATE_KEY", "11" * 32)
    with ProverStandIn() as server:
        monkeypatch.setenv("SP1TEE_SERVER", server.url)
        server.fulfil(real_proof("compressed"))
        asked = sp1tee(
            *(capsys, "prove", elf, "--mode", "compressed", "--prover-program", named),
            *("--format", "json"),
        )
        damaged = bytearray(real_proof("compressed"))
        damaged[1_000_000] ^= 1
        server.fulfil(bytes(damaged))
        refuted = sp1tee(
            *(capsys, "wait", REQUEST_ID.hex(), "--program", elf, "--prover-program", named),
            *("-o", "refuted.bin"),
        )

    assert (asked.code, json.loads(asked.out)["verified"]) == (0, True)
    assert refuted.code == 1
    assert "SP1TEE-P015" in refuted.err
    assert not (tmp_path / "refuted.bin").exists()
