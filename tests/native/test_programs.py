"""Which program is started, and the real one where it was built."""

import os
import shutil
from pathlib import Path

import pytest
from support.wire_data import SAMPLE_PUBLIC_VALUES, real_proof, sample

from sp1tee.errors import NativeGone
from sp1tee.native.frames import RunOutcome
from sp1tee.native.preflight import missing_circuits, obstacles
from sp1tee.native.programs import NativeProgram, find_program, find_verifier
from sp1tee.wire.modes import Mode

OWN = "sp1tee-prover 0.1.0 (SP1 6.10.0, circuits v6.1.0)"


def program(folder: Path, says: str, name: str = "program") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(("says", "gpu"), [(OWN, False), ("6.10.0", True), ("6.0.2", True)])
def test_a_program_says_what_it_is(tmp_path: Path, says: str, gpu: bool):
    found = NativeProgram.at(program(tmp_path, says))
    assert found.gpu is gpu
    assert found.sp1_version in says


@pytest.mark.parametrize(
    ("says", "match"),
    [
        ("5.2.4", r"says that it is '5\.2\.4', not sp1-gpu-server 6"),
        ("7.0.0", r"says that it is '7\.0\.0'"),
        ("GNU bash, version 5.2.15", "is another program"),
        ("", "is another program"),
    ],
)
def test_another_version_or_program_is_named(tmp_path: Path, says: str, match: str):
    with pytest.raises(NativeGone, match=match):
        NativeProgram.at(program(tmp_path, says))


def test_a_file_that_is_no_program_is_named(tmp_path: Path):
    path = tmp_path / "text"
    path.write_text("text")
    with pytest.raises(NativeGone, match="cannot be run: Permission denied"):
        NativeProgram.at(path)
    with pytest.raises(NativeGone, match="cannot be run: No such file"):
        NativeProgram.at(tmp_path / "nothing")


def test_what_is_named_goes_before_what_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    named, variable = Path("/named"), {"SP1TEE_PROVER": "/variable"}
    assert find_program(named, variable) == named
    assert find_program(None, variable) == Path("/variable")
    assert find_program(None, {}) is None
    own = program(tmp_path, OWN, "sp1tee-prover")
    assert find_program(None, {}) == own
    gpu = program(tmp_path, "6.10.0", "sp1-gpu-server")
    assert find_program(None, {}) == gpu


def test_a_verifier_is_found_beside_a_gpu_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    gpu = {"SP1TEE_PROVER": str(program(tmp_path, "6.10.0"))}
    assert find_verifier(environment=gpu) is None
    own = program(tmp_path, OWN, "sp1tee-prover")
    found = find_verifier(environment=gpu)
    assert found is not None
    assert found.path == own
    assert find_verifier(environment={"SP1TEE_PROVER": str(tmp_path / "nothing")}) == found


def test_a_gpu_server_listens_where_sp1_says_and_ours_in_a_folder_of_its_own(tmp_path: Path):
    gpu = NativeProgram(tmp_path, gpu=True, sp1_version="6.10.0").server(3)
    assert gpu.socket == Path("/tmp/sp1-cuda-3.sock")
    own = NativeProgram(tmp_path, gpu=False, sp1_version="6.10.0").server(0)
    assert own.socket.parent.stat().st_mode & 0o777 == 0o700
    own.close()
    assert not own.socket.parent.exists()


def test_what_a_machine_lacks_is_said(tmp_path: Path):
    driver = tmp_path / "version"
    lacks = list(obstacles(tmp_path / "shm", driver))
    assert any("no NVIDIA driver" in text for text in lacks)
    assert any("no shared memory" in text for text in lacks)
    driver.touch()
    assert not any("driver" in text or "shared" in text for text in obstacles(tmp_path, driver))


def test_little_shared_memory_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(64, 0, 64))
    assert any("--shm-size" in text for text in obstacles(tmp_path))


def test_circuits_that_would_have_to_be_downloaded_are_known(tmp_path: Path):
    paths = {f"SP1_{name}_CIRCUIT_PATH": str(tmp_path / name) for name in ("PLONK", "GROTH16")}
    assert missing_circuits("v6.1.0", paths) == (Mode.GROTH16, Mode.PLONK)
    (tmp_path / "PLONK" / "v6.1.0").mkdir(parents=True)
    assert missing_circuits("v6.1.0", paths) == (Mode.GROTH16,)
    assert missing_circuits("v6.0.0", paths) == (Mode.GROTH16, Mode.PLONK)


# --- the real program ------------------------------------------------------------------------


@pytest.fixture
def real() -> NativeProgram:
    path = os.environ.get("SP1TEE_PROVER") or shutil.which("sp1tee-prover")
    if path is None:
        pytest.skip("no sp1tee-prover on PATH and SP1TEE_PROVER names none (just native builds it)")
    return NativeProgram.at(Path(path))


def test_the_real_server_sets_up_runs_and_verifies(real: NativeProgram):
    server = real.server(0, "--no-proofs")
    try:
        with server.connect() as client:
            info = client.info(60)
            assert (info.name, info.circuit, info.modes) == ("sp1tee-prover", "v6.1.0", frozenset())
            made = client.setup(sample(".elf"), 120)
            assert made.vk == sample("-vk.bin")
            ran = client.execute(sample(".elf"), sample(".stdin"), seconds=120)
            assert ran.outcome is RunOutcome.COMPLETED
            assert ran.public_values == SAMPLE_PUBLIC_VALUES
            for mode in ("core", "compressed"):
                assert client.verify(made.vk, ran.public_values, real_proof(mode), 120) == ""
            assert client.verify(made.vk, b"others", real_proof("core"), 120)
    finally:
        server.close()
    assert server.pid is None
