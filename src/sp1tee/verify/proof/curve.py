"""BN254 as py-ecc has it: what verifying a Groth16 proof needs of it.

Importing py-ecc raises Python's recursion limit for the whole process, so far that a deeply nested
JSON text, which anybody may send, overflows the C stack and ends the process. Nothing that is used
here recurses: the limit is put back at once.

Importing this needs the package py-ecc.
"""

import sys

_LIMIT = sys.getrecursionlimit()
try:
    from py_ecc.fields import optimized_bn128_FQ as FQ
    from py_ecc.fields import optimized_bn128_FQ2 as FQ2
    from py_ecc.fields import optimized_bn128_FQ12 as FQ12
    from py_ecc.optimized_bn128.optimized_curve import (
        add,
        b,
        b2,
        curve_order,
        field_modulus,
        is_inf,
        is_on_curve,
        multiply,
        neg,
    )
    from py_ecc.optimized_bn128.optimized_pairing import final_exponentiate, pairing
finally:
    sys.setrecursionlimit(_LIMIT)

__all__ = [
    "FQ",
    "FQ2",
    "FQ12",
    "add",
    "b",
    "b2",
    "curve_order",
    "field_modulus",
    "final_exponentiate",
    "is_inf",
    "is_on_curve",
    "multiply",
    "neg",
    "pairing",
]
