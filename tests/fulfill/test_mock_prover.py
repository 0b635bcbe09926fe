"""The prover for trying things out."""

import pytest
from support.wire_data import SAMPLE_PUBLIC_VALUES, SAMPLE_VK_HASH

from sp1tee.errors import UnsupportedMock
from sp1tee.fulfill.provers import ProveTask
from sp1tee.fulfill.provers.mock import MockProver
from sp1tee.wire.claims import check_claims
from sp1tee.wire.modes import Mode
from sp1tee.wire.proof import decode_proof
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import SUPPORTED, CircuitVersion

pytestmark = pytest.mark.anyio

SECRET = b"a private balance"


def task_for(mode: Mode, version: CircuitVersion) -> ProveTask:
    return ProveTask(
        elf=b"elf",
        elf_sha256=bytes(32),
        stdin=Stdin.of(SECRET).encode(),
        deferred_proofs=0,
        version=version,
        mode=mode,
        vk_hash=SAMPLE_VK_HASH,
        vk=b"",
        public_values=SAMPLE_PUBLIC_VALUES,
    )


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
async def test_all_it_offers_it_makes_with_the_right_claims(version: CircuitVersion):
    prover = MockProver()
    [offered] = [one for one in prover.capabilities() if one.version == version.text]
    assert offered.mock
    for mode in offered.modes:
        task = task_for(mode, version)
        made = await prover.prove(task, 0.0)
        await prover.verify(task, made)
        proof = decode_proof(made.proof)
        assert (proof.mode, proof.sp1_version) == (mode, version.circuit)
        check_claims(proof, vk_hash=SAMPLE_VK_HASH, public_values=SAMPLE_PUBLIC_VALUES)


async def test_compressed_is_neither_offered_nor_made():
    prover = MockProver()
    assert all(Mode.COMPRESSED not in offered.modes for offered in prover.capabilities())
    with pytest.raises(UnsupportedMock, match="only SP1"):
        await prover.prove(task_for(Mode.COMPRESSED, SUPPORTED[-1]), 0.0)


def test_a_task_shows_nothing_private():
    shown = repr(task_for(Mode.GROTH16, SUPPORTED[-1]))
    assert SECRET.decode() not in shown
    assert repr(SAMPLE_PUBLIC_VALUES)[2:-1] not in shown
