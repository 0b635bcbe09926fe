"""Verifying keys of SP1 v6 and the three forms of a key's hash.

A v6 key is 104 bytes, 26 KoalaBear field elements as canonical little-endian u32: pc_start 3
(16-bit limbs, low first), the initial global cumulative sum x 7 and y 7, the commitment to the
preprocessed traces 8, a flag for untrusted programs 1. Its hash is Poseidon2 over them, in another
order (SP1 v6, crates/hypercube/src/verifier/hashable_key.rs): eight elements, written as

- ``hash_bytes``: eight u32, big-endian; what the network calls ``vk_hash``;
- a number of 248 bits, 31 a word; the first public input of on-chain proofs;
- ``bytes32``: that number as 32 bytes; what contracts are given.
"""

import struct
from dataclasses import dataclass

from sp1tee.errors import VerifyingKeyError
from sp1tee.wire.poseidon2 import PRIME, sponge

VK_V6_SIZE = 104
HASH_SIZE = 32

_WORDS = struct.Struct(">8I")
_ELEMENTS = struct.Struct("<26I")
_WORD_BITS = 31
_WORD_MASK = (1 << _WORD_BITS) - 1
_LIMB_BITS = 16


@dataclass(frozen=True, slots=True)
class VerifyingKeyV6:
    """A decoded v6 verifying key; every number is a field element.

    Attributes:
        pc_start: the program's first address, three 16-bit limbs, low first.
        sum_x: x of the initial global cumulative sum, a point over the septic extension.
        sum_y: its y.
        commit: commitment to the program's preprocessed traces.
        untrusted: 1 if the program may run code that it loads itself.
    """

    pc_start: tuple[int, ...]
    sum_x: tuple[int, ...]
    sum_y: tuple[int, ...]
    commit: tuple[int, ...]
    untrusted: int

    @property
    def pc_start_address(self) -> int:
        """The program's first address: the ELF's entry point."""
        return sum(limb << (_LIMB_BITS * i) for i, limb in enumerate(self.pc_start))

    @property
    def vk_hash(self) -> bytes:
        """The network's name for the program, 32 bytes."""
        elements = (*self.commit, *self.pc_start, *self.sum_x, *self.sum_y, self.untrusted)
        return _WORDS.pack(*sponge(elements))


def parse_vk_v6(data: bytes) -> VerifyingKeyV6:
    """Read a v6 verifying key.

    Raises:
        VerifyingKeyError: it is not 104 bytes, or one of its numbers is no field element.
    """
    if len(data) != VK_V6_SIZE:
        raise VerifyingKeyError(
            f"The verifying key has {len(data)} bytes instead of {VK_V6_SIZE}.",
            advice="Only keys of SP1 v6 can be read.",
        )
    numbers = _ELEMENTS.unpack(data)
    if max(numbers) >= PRIME:
        raise VerifyingKeyError("The verifying key holds a number that is no field element.")
    return VerifyingKeyV6(numbers[:3], numbers[3:10], numbers[10:17], numbers[17:25], numbers[25])


def vk_hash_v6(data: bytes) -> bytes:
    """Compute the network's ``vk_hash`` from a v6 verifying key; raises as `parse_vk_v6`."""
    return parse_vk_v6(data).vk_hash


def hash_bn254(vk_hash: bytes) -> int:
    """Pack a ``vk_hash`` into the number that on-chain proofs carry.

    Raises:
        VerifyingKeyError: it is not 32 bytes, or a word of it has 32 bits, which no hash has.
    """
    if len(vk_hash) != HASH_SIZE:
        raise VerifyingKeyError(f"The vk_hash has {len(vk_hash)} bytes instead of {HASH_SIZE}.")
    number = 0
    for word in _WORDS.unpack(vk_hash):
        if word > _WORD_MASK:
            raise VerifyingKeyError("The vk_hash is not one: its words have at most 31 bits.")
        number = number << _WORD_BITS | word
    return number


def bytes32(vk_hash: bytes) -> bytes:
    """Write a ``vk_hash`` as contracts want it; raises as `hash_bn254`."""
    return hash_bn254(vk_hash).to_bytes(HASH_SIZE, "big")


def vk_hash_from_bytes32(b32: bytes) -> bytes:
    """Turn an on-chain ``bytes32`` back into the network's ``vk_hash``.

    Raises:
        VerifyingKeyError: it is not 32 bytes, or more than 248 bits are used.
    """
    if len(b32) != HASH_SIZE or b32[0]:
        raise VerifyingKeyError("The on-chain key hash is not 32 bytes with a first byte of zero.")
    number = int.from_bytes(b32, "big")
    shifts = range(7 * _WORD_BITS, -1, -_WORD_BITS)
    return _WORDS.pack(*(number >> shift & _WORD_MASK for shift in shifts))
