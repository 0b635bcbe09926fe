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

KEY_FILE_SIZE: Final = 1024
"""How many bytes a file with a program's name may have."""

_ADVICE: Final = (
    "Give what `vk.bytes32()` or `vk.hash_bytes()` returns (32 bytes), or a whole key of SP1 v6 "
    "(104 bytes), in hex; or a file that holds either."
)


@dataclass(frozen=True, slots=True)
class ProgramKey:
    """A program's name.

    Attributes:
        text: as it was given, lower-case hex.
        vk_hashes: the network's names that it may stand for; the two forms of 32 bytes cannot
            always be told apart, and a program that fits the wrong one cannot be made.
        whole: the verifying key itself, 104 bytes, which SP1's verifier takes; None where only
            its hash was given.
    """

    text: str
    vk_hashes: tuple[bytes, ...]
    whole: bytes | None = None

    @property
    def shown(self) -> str:
        """The name as a report has it: of a whole key, which is long, both forms of its hash."""
        return self.text if self.whole is None else both_forms(self.vk_hashes[0])


def read_program_key(text: str) -> ProgramKey:
    """Read a program's verifying key or its hash in hex; raises as `program_key`."""
    return program_key(from_hex(text, "The verifying key"))


def read_key_file(data: bytes) -> ProgramKey:
    """Read a file that holds a program's verifying key or its hash, as bytes or as hex.

    Raises:
        EvidenceMalformed: it holds neither.
    """
    if len(data) in (HASH_SIZE, VK_V6_SIZE):
        return program_key(data)
    return read_program_key(data.decode("ascii", "replace").strip())


def program_key(data: bytes) -> ProgramKey:
    """Take a program's verifying key, or its hash in either form.

    Raises:
        EvidenceMalformed: it is neither.
    """
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
    whole = data if len(data) == VK_V6_SIZE else None
    return ProgramKey(data.hex(), tuple(dict.fromkeys(found)), whole)


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
