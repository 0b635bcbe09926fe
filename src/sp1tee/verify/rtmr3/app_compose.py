"""An app-compose.json at hand, compared with the measured one by its bytes."""

import hashlib
import json
from typing import Final

from sp1tee.errors import EvidenceMalformed, EvidenceTooLarge
from sp1tee.verify.checks import Check
from sp1tee.verify.reading import read_json
from sp1tee.verify.reading.files import KIB
from sp1tee.verify.rtmr3 import rules
from sp1tee.verify.rtmr3.examining import Rtmr3Facts

APP_COMPOSE_LIMIT: Final = 512 * KIB
"""dstack since 0.5.5 takes at most 256 KiB."""


def judge_app_compose(facts: Rtmr3Facts, raw: bytes, *, believed: bool = True) -> Check:
    """Compare a file with the `compose-hash` event: SHA-256 of its bytes as they are.

    Unless the quote that holds RTMR3 is `believed`, no file is the measured one.
    """
    rule, found = rules.APP_COMPOSE, hashlib.sha256(raw).digest()
    if facts.compose_hash is None or not facts.replays:
        return rule.unevaluable(
            "Which app-compose.json was measured is not known.",
            actual=found.hex(),
            remedy=f"See {rules.REPLAY.id} and {rules.CHAIN.id}.",
        )
    if found == facts.compose_hash and not believed:
        return rule.unevaluable(
            "The log has its SHA-256, but its quote is not known to be genuine.",
            actual=found.hex(),
            remedy="See the checks of quote.",
        )
    if found == facts.compose_hash:
        return rule.passes("Its SHA-256 is the measured compose hash.", expected=found.hex())
    return rule.fails(
        "Its SHA-256 is not the measured compose hash.",
        expected=facts.compose_hash.hex(),
        actual=found.hex(),
        remedy=_near(raw, facts.compose_hash)
        or "Take the string tcb_info.app_compose of the guest agent's Info, byte for byte: "
        "nothing parsed and written anew, and no newline added (jq -j, not jq -r).",
    )


def _near(raw: bytes, wanted: bytes) -> str | None:
    """Find the bytes that were measured, if this file is another writing of them."""
    for changed, said in (
        (raw.removesuffix(b"\n"), "Without its last newline it is the measured file."),
        (raw + b"\n", "With a newline at its end it is the measured file."),
        (_compact(raw), "Written without spaces it is the measured file: use the original bytes."),
    ):
        if hashlib.sha256(changed).digest() == wanted:
            return said
    return None


def _compact(raw: bytes) -> bytes:
    try:
        value = read_json(raw, "app-compose.json", limit=APP_COMPOSE_LIMIT)
    except (EvidenceMalformed, EvidenceTooLarge):
        return raw
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
