"""Proof modes: what kind of proof is asked for."""

from enum import IntEnum
from typing import Self

from sp1tee.errors import ModeError


class Mode(IntEnum):
    """A kind of proof; the numbers are those of the network's ``ProofMode``."""

    CORE = 1
    COMPRESSED = 2
    PLONK = 3
    GROTH16 = 4

    @property
    def variant(self) -> int:
        """The tag of this kind in an encoded proof: one less than on the network."""
        return self.value - 1

    @property
    def is_snark(self) -> bool:
        """Whether its proofs can be verified on chain (PLONK and Groth16 over BN254)."""
        return self in (Mode.PLONK, Mode.GROTH16)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a mode's name, in any case.

        Raises:
            ModeError: there is no such mode.
        """
        try:
            return cls[text.upper()]
        except KeyError:
            raise _unknown() from None

    @classmethod
    def from_wire(cls, number: int) -> Self:
        """Read a ``ProofMode`` number.

        Raises:
            ModeError: there is no such mode, 0 (unspecified) included.
        """
        try:
            return cls(number)
        except ValueError:
            raise _unknown() from None

    def __str__(self) -> str:
        return self.name.lower()


def _unknown() -> ModeError:
    names = ", ".join(f"{mode} ({mode.value})" for mode in Mode)
    return ModeError("This proof mode does not exist.", advice=f"Choose one of {names}.")
