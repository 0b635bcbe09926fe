"""Provers that hang, crash or lie."""

import random
from typing import Final

from chaos import prover
from chaos.faults.kind import Kind, Strike
from chaos.lab import Lab, until


def _ordered(fault: str) -> Strike:
    def strike(lab: Lab, _: random.Random) -> str:
        """Order it, and wait until a proof went wrong in this way."""
        before = _acts(lab)
        prover.order(lab.control, fault)
        until(lambda: _acts(lab) > before, f"the prover did it: {fault}")
        return "once"

    return strike


def _acts(lab: Lab) -> int:
    path = lab.control / prover.ACTS
    return len(path.read_text().splitlines()) if path.exists() else 0


KINDS: Final = (
    Kind("prover-hangs", _ordered(prover.HANG)),
    Kind("prover-crashes", _ordered(prover.CRASH)),
    Kind("prover-fails", _ordered(prover.FAILS)),
    Kind("prover-babbles", _ordered(prover.GARBAGE)),
    Kind("prover-slow", _ordered(prover.SLOW)),
    Kind("proof-wrong", _ordered(prover.WRONG_PROOF)),
    Kind("public-values-wrong", _ordered(prover.WRONG_VALUES)),
)
