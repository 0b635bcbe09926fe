"""What a doctor says of shared memory, temporary folders, GPUs and SP1's programs."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.fulfilling import ScriptedExecutor

from sp1tee.fulfill.check import Check
from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.fulfill.surroundings import Places, check_surroundings
from sp1tee.wire.versions import Family

EMULATOR = ScriptedExecutor()
NATIVE = ScriptedExecutor(verifies=frozenset({Family.V6}))
GIB = 1 << 30


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No program is to be found but those that a test puts into this folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.delenv("SP1TEE_PROVER", raising=False)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def script(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(("#!/bin/sh", *(f"echo '{line}'" for line in lines))) + "\n")
    path.chmod(0o755)
    return path


def prover(folder: Path) -> Path:
    return script(folder / "sp1tee-prover", "sp1tee-prover 0.1.0 (SP1 6.10.0, circuits v6.1.0)")


def gpu_server(folder: Path) -> Path:
    return script(folder / "sp1-gpu-server", "6.10.0")


def found(
    executor: ScriptedExecutor, places: Places | None = None, **settings: Any
) -> Mapping[str, Check]:
    checks = check_surroundings(FulfillSettings(**settings), executor, places)
    return {check.name: check for check in checks}


# --- SP1's programs --------------------------------------------------------------------------


def test_a_worker_without_sp1s_programs_is_told_what_it_lacks() -> None:
    checks = found(EMULATOR)
    assert set(checks) == {"sp1tee-prover"}
    assert checks["sp1tee-prover"].ok
    assert "no gas" in checks["sp1tee-prover"].text


def test_a_prover_of_real_proofs_without_a_verifier_is_mentioned(nowhere: Path) -> None:
    gpu_server(nowhere)
    check = found(EMULATOR, prover="sp1")["sp1tee-prover"]
    assert (check.ok, check.needed) == (False, False)
    assert "unverified" in check.text
    assert "just native" in check.advice


def test_a_prover_that_is_not_chosen_to_run_programs_is_named(nowhere: Path) -> None:
    check = found(EMULATOR, executor_program=prover(nowhere))["sp1tee-prover"]
    assert "SP1 6.10.0" in check.text


def test_of_an_executor_of_sp1s_own_only_its_surroundings_are_checked() -> None:
    assert set(found(NATIVE)) == {"shared memory", "temporary files"}


# --- shared memory and temporary files -------------------------------------------------------


@pytest.mark.parametrize(("free", "ok"), [(GIB, True), (GIB - 1, False)])
def test_little_shared_memory_is_mentioned(
    free: int, ok: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free, total=2 * GIB))
    check = found(NATIVE)["shared memory"]
    assert (check.ok, check.needed) == (ok, False)
    assert check.text == "1.0 of 2.0 GiB free at /dev/shm."
    assert "--shm-size" in check.advice


def test_no_shared_memory_at_all_is_a_finding(tmp_path: Path) -> None:
    check = found(NATIVE, Places(shared=tmp_path / "none"))["shared memory"]
    assert (check.ok, check.needed) == (False, True)
    assert "Mount a tmpfs" in check.advice


def test_a_temporary_folder_that_allows_no_programs_is_a_finding(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forbidding = SimpleNamespace(f_flag=os.ST_NOEXEC, f_bavail=0, f_blocks=0, f_bfree=0, f_frsize=1)
    monkeypatch.setattr(os, "statvfs", lambda _: forbidding)
    check = found(NATIVE)["temporary files"]
    assert (check.ok, check.needed) == (False, True)
    assert "allows no programs (noexec)" in check.text
    assert "TMPDIR" in check.advice


# --- GPUs ------------------------------------------------------------------------------------


def places(folder: Path) -> Places:
    driver = folder / "version"
    driver.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15\nGCC version:\n")
    return Places(driver=driver)


def test_a_gpu_server_wants_driver_memory_and_circuits(
    nowhere: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu_server(nowhere)
    script(nowhere / "nvidia-smi", "NVIDIA H100 80GB HBM3, 81559", "Tesla T4, 15360")
    for mode in ("PLONK", "GROTH16"):
        monkeypatch.setenv(f"SP1_{mode}_CIRCUIT_PATH", str(tmp_path / mode))
    (tmp_path / "PLONK" / "v6.1.0").mkdir(parents=True)
    checks = found(NATIVE, places(tmp_path), prover="sp1")
    assert checks["driver"].text == "NVIDIA UNIX x86_64 Kernel Module  570.86.15"
    assert checks["GPU"].text.startswith("NVIDIA H100 80GB HBM3 with 80 GiB, Tesla T4 with 15 GiB;")
    assert not checks["GPU"].ok
    assert checks["circuits"].text.startswith("Missing for groth16:")
    (tmp_path / "GROTH16" / "v6.1.0").mkdir(parents=True)
    assert found(NATIVE, places(tmp_path), prover="sp1")["circuits"].ok


def test_a_small_gpu_is_said_to_make_fewer_kinds_of_proof(nowhere: Path, tmp_path: Path) -> None:
    gpu_server(nowhere)
    script(nowhere / "nvidia-smi", "NVIDIA GeForce RTX 4090, 24564")
    check = found(NATIVE, places(tmp_path), prover="sp1")["GPU"]
    assert check.ok
    assert check.text.endswith("with 24 GiB; those of less than 40 GB make no PLONK, Groth16.")
    told = found(NATIVE, places(tmp_path), prover="sp1", sp1_modes=("core", "groth16"))["GPU"]
    assert told.text.endswith("with 24 GiB.")


@pytest.mark.parametrize("said", ["", "No devices were found", "Tesla T4, lots", "Tesla T4, -1"])
def test_what_nvidia_smi_says_instead_is_no_gpu(nowhere: Path, tmp_path: Path, said: str) -> None:
    gpu_server(nowhere)
    script(nowhere / "nvidia-smi", said)
    assert "names no GPU" in found(NATIVE, places(tmp_path), prover="sp1")["GPU"].text


def test_a_gpu_server_without_a_driver_is_a_finding(nowhere: Path, tmp_path: Path) -> None:
    program = gpu_server(nowhere)
    checks = found(NATIVE, Places(driver=tmp_path / "none"), prover="sp1", sp1_program=program)
    assert (checks["driver"].ok, checks["driver"].needed) == (False, True)
    assert (checks["GPU"].ok, checks["GPU"].needed) == (False, False)


def test_a_prover_on_the_processor_wants_no_gpu(nowhere: Path, tmp_path: Path) -> None:
    prover(nowhere)
    checks = found(NATIVE, Places(driver=tmp_path / "none"), prover="sp1")
    assert set(checks) == {"shared memory", "temporary files"}


def test_the_gpu_of_a_server_that_runs_elsewhere_is_not_ours_to_check(nowhere: Path) -> None:
    gpu_server(nowhere)
    assert "driver" not in found(NATIVE, prover="sp1", sp1_socket=Path("/run/sp1.sock"))


def test_what_an_nvidia_tool_says_may_be_anything(nowhere: Path, tmp_path: Path) -> None:
    gpu_server(nowhere)
    script(nowhere / "nvidia-smi", "NVIDIA-SMI has failed, because", "A, B, [N/A]", "")
    check = found(NATIVE, places(tmp_path), prover="sp1")["GPU"]
    assert "names no GPU" in check.text
