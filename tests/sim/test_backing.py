"""What makes a demo's proofs, and what is refused before anything starts."""

from pathlib import Path

import pytest
from support.cpu_prover import install

from sp1tee.errors import ConfigError, ModeError
from sp1tee.sim.backing import MOCK, cpu
from sp1tee.wire.modes import Mode
from sp1tee.wire.versions import Family


@pytest.fixture(autouse=True)
def nothing_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SP1TEE_PROVER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))


@pytest.fixture
def prover(tmp_path: Path) -> Path:
    return install(tmp_path / "prover")


def gpu_server(folder: Path) -> Path:
    path = folder / "sp1-gpu-server"
    path.write_text("#!/bin/sh\necho 6.10.0\n")
    path.chmod(0o755)
    return path


def test_each_makes_a_kind_of_proof_by_itself(prover: Path) -> None:
    assert MOCK.choose(None) is Mode.GROTH16
    assert cpu(prover).choose(None) is Mode.CORE


@pytest.mark.parametrize("name", ["core", "compressed", "Compressed"])
def test_the_cpu_prover_makes_what_needs_no_circuits(prover: Path, name: str) -> None:
    assert cpu(prover).choose(name) is Mode.parse(name)


@pytest.mark.parametrize("name", ["plonk", "groth16"])
def test_the_cpu_prover_makes_no_proofs_for_chains(prover: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=f"CPU prover makes no {name} proofs") as caught:
        cpu(prover).choose(name)
    assert caught.value.advice == "Take core or compressed."


def test_there_are_no_compressed_mock_proofs() -> None:
    with pytest.raises(ConfigError, match="mock prover makes no compressed") as caught:
        MOCK.choose("compressed")
    assert caught.value.advice == "Take groth16, core or plonk."


def test_a_kind_of_proof_that_does_not_exist_is_named(prover: Path) -> None:
    with pytest.raises(ModeError):
        cpu(prover).choose("shrunk")


def test_only_programs_of_sp1_v6_are_proved_for_real(prover: Path) -> None:
    MOCK.accept(Family.V5)
    cpu(prover).accept(Family.V6)
    with pytest.raises(ConfigError, match="no programs of SP1 v5"):
        cpu(prover).accept(Family.V5)


def test_mocks_are_taken_for_mocks_alone(prover: Path) -> None:
    assert "--allow-mock" in MOCK.serve
    assert "--allow-mock" not in cpu(prover).serve


def test_the_prover_is_found_as_everywhere(prover: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SP1TEE_PROVER", str(prover))
    found = cpu(None)
    assert found.environment == {"SP1TEE_PROVER": str(prover)}
    assert found.native is not None
    assert found.native.sp1_version == "6.10.0"


def test_a_prover_that_is_not_here_can_be_built() -> None:
    with pytest.raises(ConfigError, match="neither in SP1TEE_PROVER nor on PATH") as caught:
        cpu(None)
    assert "just native" in caught.value.advice


def test_a_gpu_server_is_not_the_cpu_prover(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is SP1's GPU server"):
        cpu(gpu_server(tmp_path))


def test_a_program_that_is_named_and_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none cannot be run"):
        cpu(tmp_path / "none")


def test_mocks_have_no_judge(prover: Path) -> None:
    with MOCK.judge() as nobody:
        assert nobody is None
    with cpu(prover).judge() as judge:
        assert judge is not None
        assert "SP1 6.10.0" in judge.name
