"""SP1 v5's GPU prover behind real processes of ours; moongate itself is a stand-in without a GPU."""

from pathlib import Path

import pytest
from support.moongate import MoongateStandIn
from support.people import asked, prove, solvency, sp1tee

from sp1tee.sim.processes import LocalService
from sp1tee.wire.proof import StarkProof, decode_proof
from sp1tee.wire.versions import Family

pytestmark = pytest.mark.e2e


def test_a_v5_proof_arrives_and_what_cannot_be_made_is_refused(
    service: LocalService, folder: Path, key: Path, watched: list[bytes]
) -> None:
    task = solvency(folder, Family.V5)
    watched.extend(task.secret)
    assert task.vk_hash is not None
    with MoongateStandIn(bytes.fromhex(task.vk_hash), task.public_values) as moongate:
        server = service.serve()
        service.fulfill(server, "--prover", "moongate", "--prover-url", moongate.url)
        for mode in ("compressed", "core"):
            result = prove(task, server, key, folder / mode, "--mode", mode)
            assert result["mock"] is False
            assert result["public_values"] == task.public_values.hex()
        proof = decode_proof((folder / "compressed").read_bytes())
        refused = sp1tee(*asked(task, server, key), "--mode", "groth16")
    assert isinstance(proof, StarkProof)
    assert proof.body == moongate.reduced
    assert moongate.methods.count("Setup") == 1
    assert refused.returncode == 4
    assert "core, compressed" in refused.stderr
