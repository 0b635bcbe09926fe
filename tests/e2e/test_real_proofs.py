"""A real proof of a private input: requester, server, worker, SP1's prover, SP1's verifier.

Minutes of all cores and 9 GB for a core proof, 15 GB for a compressed one, so only where they are
asked for (`SP1TEE_NATIVE_PROOFS=1`) and there is the memory.
"""

import json
import os
from pathlib import Path
from typing import Final

import psutil
import pytest
from support.native_programs import prover_program, sdk_client
from support.people import Task, asked, solvency, sp1tee

from sp1tee.sim.processes import LocalService, Process

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.native,
    pytest.mark.skipif(
        "SP1TEE_NATIVE_PROOFS" not in os.environ,
        reason="SP1TEE_NATIVE_PROOFS is not set (real proofs take minutes and gigabytes)",
    ),
]

PROOF_S: Final = 1800
NEEDED: Final = {"core": 10 << 30, "compressed": 16 << 30}


def need_memory(mode: str) -> None:
    if psutil.virtual_memory().available < NEEDED[mode]:
        pytest.skip(f"less than {NEEDED[mode] >> 30} GiB of memory are free")


@pytest.fixture
def proving(service: LocalService) -> Process:
    """A server without mocks, and a worker with SP1's own prover and executor."""
    program = prover_program()
    server = service.serve()
    service.fulfill(
        server,
        *("--prover", "sp1", "--sp1-program", program),
        *("--executor", "native", "--executor-program", program),
    )
    return server


def verified(proof: Path, task: Task) -> bool:
    """What `sp1tee verify proof` says, which asks SP1's verifier in a process of its own."""
    expected = ("--program", str(task.elf), "--public-values", task.public_values.hex())
    done = sp1tee("verify", "proof", str(proof), *expected, SP1TEE_PROVER=prover_program())
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return done.returncode == 0


@pytest.mark.sdk
def test_the_sdk_gets_a_core_proof_and_verifies_it(
    proving: Process, folder: Path, watched: list[bytes]
) -> None:
    need_memory("core")
    task, out = solvency(folder), folder / "proof.bin"
    watched.extend(task.secret)
    said = sdk_client(
        *("reserved", proving.public_url, str(task.elf), str(task.stdin), "core", str(PROOF_S)),
        *("--output", str(out)),
        seconds=PROOF_S,
    )
    assert said.returncode == 0, said.stderr
    assert f"public_values {task.public_values.hex()}" in said.stdout
    assert said.stdout.splitlines()[-1] == "verified"
    assert verified(out, task)


def test_a_requester_gets_a_compressed_proof_and_verifies_it(
    proving: Process, folder: Path, key: Path, watched: list[bytes]
) -> None:
    need_memory("compressed")
    task, out = solvency(folder), folder / "proof.bin"
    watched.extend(task.secret)
    done = sp1tee(
        *asked(task, proving, key),
        *("--mode", "compressed", "-o", str(out), "--format", "json"),
        seconds=PROOF_S,
        SP1TEE_PROVER=prover_program(),
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["mock"], result["verified"]) == (False, True)
    assert verified(out, task)
    damaged = bytearray(out.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    out.write_bytes(damaged)
    assert not verified(out, task)
