"""The unmodified Rust SDK 6.10.0 as client.

Optional: `SP1TEE_SDK_CLIENT` names a program with the interface
`reserved|hosted|private-stdin|mainnet URL ELF STDIN MODE`, which runs a complete `prove()` of the
SDK, prints `proof in …` with the public values, and then what the SDK's `verify` says.
"""

import os
import subprocess
from pathlib import Path

import pytest
from support.people import Task, solvency

from sp1tee.sim.processes import LocalService, Process

pytestmark = [pytest.mark.e2e, pytest.mark.sdk]

CLIENT = os.environ.get("SP1TEE_SDK_CLIENT")


@pytest.fixture(autouse=True)
def client() -> None:
    if CLIENT is None:
        pytest.skip("SP1TEE_SDK_CLIENT names no SDK client program")


def prove(dialect: str, server: Process, task: Task, mode: str) -> str:
    assert CLIENT is not None
    done = subprocess.run(
        [CLIENT, dialect, server.public_url, str(task.elf), str(task.stdin), mode, "120"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("dialect", ["reserved", "hosted", "private-stdin", "mainnet"])
@pytest.mark.parametrize("mode", ["core", "groth16", "plonk"])
def test_the_sdk_downloads_a_mock_proof_and_says_that_it_is_none(
    dialect: str, mode: str, service: LocalService, folder: Path, watched: list[bytes]
) -> None:
    server = service.serve("--allow-mock")
    service.fulfill(server)
    task = solvency(folder)
    watched.extend(task.secret)
    said = prove(dialect, server, task, mode)
    assert f"public_values {task.public_values.hex()}" in said
    assert "not verified" in said
