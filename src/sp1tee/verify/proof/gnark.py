"""Points of BN254 and Groth16 keys in gnark's encoding (gnark-crypto, ecc/bn254/marshal.go).

Numbers are big-endian, 32 bytes; of an element of the quadratic extension the second coefficient
comes first. A compressed point is its x, whose two highest bits say which y: ``10`` the smaller,
``11`` the larger.

Importing this needs the package py-ecc.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.proof.curve import (
    FQ,
    FQ2,
    b,
    b2,
    curve_order,
    field_modulus,
    is_inf,
    is_on_curve,
    multiply,
)

G1: TypeAlias = tuple[FQ, FQ, FQ]
G2: TypeAlias = tuple[FQ2, FQ2, FQ2]

PROOF_SIZE: Final = 256
_NUMBER: Final = 32
_LARGER: Final = 0b11
_SMALLER: Final = 0b10
_FLAG_SHIFT: Final = 6
_INPUTS_OFFSET: Final = 292


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A Groth16 verifying key; `inputs` has one point more than the circuit has inputs."""

    alpha: G1
    beta: G2
    gamma: G2
    delta: G2
    inputs: tuple[G1, ...]


@dataclass(frozen=True, slots=True)
class Groth16Proof:
    """The three points of a Groth16 proof."""

    a: G1
    b: G2
    c: G1


def read_key(data: bytes) -> VerifyingKey:
    """Read a verifying key; raises `EvidenceMalformed` if it is none."""
    count = int.from_bytes(data[288:_INPUTS_OFFSET], "big")
    if len(data) < _INPUTS_OFFSET or len(data) < _INPUTS_OFFSET + _NUMBER * count:
        raise EvidenceMalformed("The circuit's verifying key is cut.")
    starts = range(_INPUTS_OFFSET, _INPUTS_OFFSET + _NUMBER * count, _NUMBER)
    return VerifyingKey(
        alpha=_compressed_g1(data[:32]),
        beta=_compressed_g2(data[64:128]),
        gamma=_compressed_g2(data[128:192]),
        delta=_compressed_g2(data[224:288]),
        inputs=tuple(_compressed_g1(data[start : start + _NUMBER]) for start in starts),
    )


def read_proof(data: bytes) -> Groth16Proof:
    """Read a proof of 256 bytes.

    Raises:
        EvidenceMalformed: it has another size, or a point is not one of the group.
    """
    if len(data) != PROOF_SIZE:
        raise EvidenceMalformed(f"The Groth16 proof has {len(data)} bytes, not {PROOF_SIZE}.")
    numbers = [_number(data[start : start + _NUMBER]) for start in range(0, PROOF_SIZE, _NUMBER)]
    return Groth16Proof(
        a=_g1(numbers[0], numbers[1]),
        b=_g2(FQ2([numbers[3], numbers[2]]), FQ2([numbers[5], numbers[4]])),
        c=_g1(numbers[6], numbers[7]),
    )


def _number(data: bytes) -> int:
    number = int.from_bytes(data, "big")
    if number >= field_modulus:
        raise _no_point()
    return number


def _g1(x: int, y: int) -> G1:
    point = (FQ(x), FQ(y), FQ(1))
    if not is_on_curve(point, b):
        raise _no_point()
    return point


def _g2(x: FQ2, y: FQ2) -> G2:
    point = (x, y, FQ2.one())
    # Unlike the first group this one is not the whole curve: a point of another order would let
    # its maker cheat.
    if not is_on_curve(point, b2) or not is_inf(multiply(point, curve_order)):
        raise _no_point()
    return point


def _compressed_g1(data: bytes) -> G1:
    larger, x = _flagged(data)
    y = pow(x**3 + int(b), (field_modulus + 1) // 4, field_modulus)
    return _g1(x, max(y, field_modulus - y) if larger else min(y, field_modulus - y))


def _compressed_g2(data: bytes) -> G2:
    larger, second = _flagged(data[:_NUMBER])
    x = FQ2([_number(data[_NUMBER:]), second])
    y = _square_root(x * x * x + b2)
    smaller, bigger = sorted((y, FQ2.zero() - y), key=_order)
    return _g2(x, bigger if larger else smaller)


def _flagged(data: bytes) -> tuple[bool, int]:
    flag = data[0] >> _FLAG_SHIFT
    if flag not in (_LARGER, _SMALLER):
        raise _no_point()
    return flag == _LARGER, _number(bytes([data[0] & 0x3F]) + data[1:])


def _order(element: FQ2) -> list[int]:
    return [int(coefficient) for coefficient in reversed(element.coeffs)]


def _square_root(square: FQ2) -> FQ2:
    """Take a root for a prime that is 3 modulo 4 (Adj, Rodríguez-Henríquez 2012, algorithm 9)."""
    almost = square ** ((field_modulus - 3) // 4)
    alpha, root = almost * almost * square, almost * square
    if alpha == FQ2([field_modulus - 1, 0]):
        return FQ2([0, 1]) * root
    return (FQ2.one() + alpha) ** ((field_modulus - 1) // 2) * root


def _no_point() -> EvidenceMalformed:
    return EvidenceMalformed("A point of the Groth16 proof or key is not one of the group.")
