"""What tests have a cluster prove."""

from hashlib import sha256
from typing import Any

from sp1tee.fulfill.provers import ProveTask
from sp1tee.fulfill.provers.cluster.errand import program_name
from sp1tee.fulfill.provers.gateway import Offer
from sp1tee.wire.modes import Mode
from sp1tee.wire.proof import decode_proof
from sp1tee.wire.versions import parse_version
from support.wire_data import SAMPLE_PUBLIC_VALUES, SAMPLE_VK_HASH, real_proof, sample

V6 = parse_version("sp1-v6.1.0")
OFFER = Offer((V6.text,), frozenset(Mode))
FAR = 4_000_000_000.0
PROGRAM = program_name(sample(".elf"))
# Clusters leave a proof without the byte that the SDK's files end with.
PROOF = decode_proof(real_proof("core")).encode_network()


def a_task(**changes: Any) -> ProveTask:
    facts: dict[str, Any] = {
        "elf": sample(".elf"),
        "elf_sha256": sha256(sample(".elf")).digest(),
        "stdin": sample(".stdin"),
        "deferred_proofs": 0,
        "version": V6,
        "mode": Mode.CORE,
        "vk_hash": SAMPLE_VK_HASH,
        "vk": sample("-vk.bin"),
        "public_values": SAMPLE_PUBLIC_VALUES,
    }
    return ProveTask(**{**facts, **changes})
