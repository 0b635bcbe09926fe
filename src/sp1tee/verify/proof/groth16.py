"""Verifying a Groth16 proof (Groth 2016, §3.2): one equation of four pairings.

Importing this needs the package py-ecc.
"""

from collections.abc import Sequence

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.proof.curve import (
    FQ12,
    add,
    curve_order,
    final_exponentiate,
    multiply,
    neg,
    pairing,
)
from sp1tee.verify.proof.gnark import G1, G2, read_key, read_proof


def verifies(key: bytes, proof: bytes, inputs: Sequence[int]) -> bool:
    """Tell whether a proof proves its public inputs.

    Args:
        key: the circuit's verifying key in gnark's encoding.
        proof: the proof's three points, uncompressed, 256 bytes.
        inputs: the public inputs, scalars of BN254.

    Raises:
        EvidenceMalformed: the key or the proof is not made of points of the group, or the key is
            of a circuit with another number of inputs.
    """
    verifying, points = read_key(key), read_proof(proof)
    if len(verifying.inputs) != len(inputs) + 1:
        raise EvidenceMalformed("The circuit has another number of public inputs.")
    bound = verifying.inputs[0]
    for point, scalar in zip(verifying.inputs[1:], inputs, strict=True):
        bound = add(bound, multiply(point, scalar % curve_order))
    return _product_is_one(
        (
            (neg(points.a), points.b),
            (verifying.alpha, verifying.beta),
            (bound, verifying.gamma),
            (points.c, verifying.delta),
        )
    )


def _product_is_one(pairs: Sequence[tuple[G1, G2]]) -> bool:
    product = FQ12.one()
    for first, second in pairs:
        # The costly exponentiation is the same for all: once, at the end, is enough.
        product = product * pairing(second, first, final_exponentiate=False)
    return bool(final_exponentiate(product) == FQ12.one())
