"""What stands behind a proof's claims: SP1's own verifier, wherever it runs."""

from typing import Protocol


class Verifier(Protocol):
    """SP1's verifier of one circuit version. Everything may raise `NativeError`."""

    @property
    def name(self) -> str:
        """What it is called, with its versions, e.g. ``sp1tee-prover 0.1.0 (SP1 6.10.0)``."""

    @property
    def circuit(self) -> str:
        """The circuit version whose proofs it verifies, e.g. ``v6.1.0``."""

    def verify(self, vk: bytes, public_values: bytes, proof: bytes) -> str:
        """Return why a proof does not hold; empty if it does.

        It holds if the program of this verifying key ended with exit code 0 and revealed exactly
        these public values.

        Args:
            vk: a whole verifying key of SP1 v6, 104 bytes.
            public_values: what the program revealed.
            proof: in either encoding (`sp1tee.wire.proof`).
        """
