"""SP1's published circuits for on-chain proofs: how to know them, and their verifying keys."""

from importlib.resources import files
from typing import Final

from sp1tee.wire.modes import Mode

DIGESTS: Final = {
    (Mode.GROTH16, "v6.1.0"): bytes.fromhex(
        "4388a21c687fdd5f218d7e3d13190cac4c5355818d3605fd5fb811df468ee696"
    ),
    (Mode.PLONK, "v6.1.0"): bytes.fromhex(
        "5a093a2fcb46394f5cadfe55c44d4d572fad9cec7aeb38026b0278322ef07fac"
    ),
}
"""SHA-256 of each circuit's verifying key, which its on-chain verifiers tell as VERIFIER_HASH."""

GROTH16_KEYS: Final = {"v6.1.0": "groth16-v6.1.0.bin"}
"""The Groth16 keys that ship, by circuit version."""


def groth16_key(version: str) -> bytes | None:
    """Return a circuit's verifying key in gnark's encoding; None if it doesn't ship."""
    name = GROTH16_KEYS.get(version)
    return None if name is None else files(__name__).joinpath(name).read_bytes()
