"""The name of a program, in whichever of its forms somebody has it."""

from dataclasses import dataclass
from typing import Final

from sp1tee.errors import EvidenceMalformed, VerifyingKeyError
from sp1tee.verify.reading import from_hex
from sp1tee.wire.keys import (
    HASH_SIZE,
    VK_V6_SIZE,
    bytes32,
    vk_hash_from_bytes32,
    vk_hash_v6,
)

_ADVICE: Final = (
    "Give what `vk.bytes32()` or `vk.hash_bytes()` returns (32 bytes), or a whole key of SP1 v6 "
    "(104 bytes), in hex."
)


@dataclass(frozen=True, slots=True)
class ProgramKey:
    """A program's name.

    Attributes:
        text: as it was given, lower-case hex.
        vk_hashes: the network's names that it may stand for; the two forms of 32 bytes cannot
            always be told apart, and a program that fits the wrong one cannot be made.
    """

    text: str
    vk_hashes: tuple[bytes, ...]


def read_program_key(text: str) -> ProgramKey:
    """Read a program's verifying key or its hash.

    Raises:
        EvidenceMalformed: it is none.
    """
    data = from_hex(text, "The verifying key")
    forms = [vk_hash_v6] if len(data) == VK_V6_SIZE else [_network_form, vk_hash_from_bytes32]
    if len(data) not in (HASH_SIZE, VK_V6_SIZE):
        raise EvidenceMalformed(
            f"The verifying key has {len(data)} bytes, not 32 or 104.", advice=_ADVICE
        )
    found: list[bytes] = []
    for form in forms:
        try:
            found.append(form(data))
        except VerifyingKeyError:
            continue
    if not found:
        raise EvidenceMalformed("The verifying key is none of SP1's.", advice=_ADVICE)
    return ProgramKey(data.hex(), tuple(dict.fromkeys(found)))


def _network_form(data: bytes) -> bytes:
    """Return a ``vk_hash`` as it is; raises `VerifyingKeyError` if it is none."""
    bytes32(data)
    return data


def contract_form(vk_hash: bytes) -> bytes | None:
    """Return a program's name as contracts have it; None for what is no hash of a key."""
    try:
        return bytes32(vk_hash)
    except VerifyingKeyError:
        return None


def both_forms(vk_hash: bytes) -> str:
    """Write a program's name in the network's form and the contracts'."""
    contracts = contract_form(vk_hash)
    return vk_hash.hex() + (f" (bytes32 0x{contracts.hex()})" if contracts else "")
