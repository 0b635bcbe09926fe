"""`sp1tee verify proof`."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.commands import Ran, Run
from support.wire_data import SAMPLE_PUBLIC_VALUES, SAMPLE_VK_HASH, real_proof

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
