"""Groth16 keys and proofs of a made-up circuit, made by whoever knows its secrets.

A circuit's trusted setup ends with forgetting a few numbers. Whoever keeps them can make a valid
proof of anything, which is what a test of a verifier wants: proofs that hold, under a key that is
nobody's. Encoded here on its own, not with the code that is tested.
"""

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from py_ecc.optimized_bn128 import (
    G1,
    G2,
    curve_order,
    field_modulus,
    multiply,
    normalize,
)

from sp1tee.wire.claims import RECURSION_ROOTS
from sp1tee.wire.keys import hash_bn254
from sp1tee.wire.modes import Mode
from sp1tee.wire.proof import SnarkProof

ALPHA, BETA, GAMMA, DELTA = 11, 13, 17, 19
INPUTS = (23, 29, 31, 37, 41, 43)
VERSION = "v6.1.0"
PUBLIC_VALUES = b"covered"
VK_HASH = bytes.fromhex("7db56c514f915b927d84f61f6211cb6f6cfbcce8668afbd43067cb4804747924")


def number(value: object) -> bytes:
    return int(value).to_bytes(32, "big")  # type: ignore[call-overload]


@functools.cache
def g1(scalar: int) -> bytes:
    x, y = normalize(multiply(G1, scalar % curve_order))
    return number(x) + number(y)


@functools.cache
def g2(scalar: int) -> bytes:
    x, y = normalize(multiply(G2, scalar % curve_order))
    return b"".join(number(c) for e in (x, y) for c in reversed(e.coeffs))


def compressed(point: bytes) -> bytes:
    """Keep x, and of y whether it is the larger one."""
    half = len(point) // 2
    y = int.from_bytes(point[half : half + 32], "big")
    if not y:  # a purely real y is told by its first coefficient
        y = int.from_bytes(point[half + 32 :], "big")
    larger = y > field_modulus - y
    return bytes([point[0] | (0xC0 if larger else 0x80)]) + point[1:half]


@functools.cache
def key() -> bytes:
    """The circuit's verifying key in gnark's encoding."""
    points = [compressed(g1(scalar)) for scalar in INPUTS]
    return b"".join(
        [
            *(compressed(g1(ALPHA)), compressed(g1(BETA)), compressed(g2(BETA))),
            *(compressed(g2(GAMMA)), compressed(g1(DELTA)), compressed(g2(DELTA))),
            len(points).to_bytes(4, "big"),
            *points,
            bytes(8),
        ]
    )


def points(inputs: Sequence[int], *, a: int = 5, b: int = 7) -> bytes:
    """A valid proof of these inputs: 256 bytes."""
    bound = INPUTS[0] + sum(x * k for x, k in zip(inputs, INPUTS[1:], strict=True))
    c = (a * b - ALPHA * BETA - bound * GAMMA) * pow(DELTA, -1, curve_order)
    return g1(a) + g2(b) + g1(c)


@dataclass(frozen=True)
class Statement:
    """What a proof says."""

    vk_hash: bytes = VK_HASH
    public_values: bytes = PUBLIC_VALUES
    exit_code: int = 0
    root: bytes = RECURSION_ROOTS[VERSION]
    nonce: int = 0

    @property
    def inputs(self) -> list[int]:
        digest = int.from_bytes(hashlib.sha256(self.public_values).digest(), "big") % (1 << 253)
        key = hash_bn254(self.vk_hash)
        return [key, digest, self.exit_code, hash_bn254(self.root), self.nonce]


def proof(
    statement: Statement | None = None,
    *,
    heads: bytes | None = None,
    body: bytes | None = None,
    mode: Mode = Mode.GROTH16,
    vkey_hash: bytes | None = None,
    public_values: bytes | None = None,
) -> SnarkProof:
    """A proof as SP1 v6.1.0 packs it; what is given replaces what would be right."""
    statement = statement or Statement()
    inputs = statement.inputs
    heads = b"".join(map(number, inputs[2:])) if heads is None else heads
    body = points(inputs) if body is None else body
    return SnarkProof(
        mode=mode,
        public_values=statement.public_values if public_values is None else public_values,
        sp1_version=VERSION,
        public_inputs=tuple(map(str, inputs)),
        encoded_proof=(heads + body).hex(),
        raw_proof="00",
        vkey_hash=hashlib.sha256(key()).digest() if vkey_hash is None else vkey_hash,
    )
