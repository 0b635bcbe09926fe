"""Looking at what a synthetic host serves."""

import json
from typing import Any

from sp1tee.sim.ingress import Served


def quote_json(served: Served) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(served.evidence["quote.json"].body)
    return answer


def raw_quote(served: Served) -> bytes:
    return bytes.fromhex(quote_json(served)["quote"])
