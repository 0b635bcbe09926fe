"""From facts to findings."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from sp1tee.errors import VerifyError
from sp1tee.verify.checks import Check, Findings, Status
from sp1tee.verify.facts import Basis, Fact, Json
from sp1tee.verify.policy import Rtmr3Policy
from sp1tee.verify.rtmr3 import rules
from sp1tee.verify.rtmr3.examining import Rtmr3Facts
from sp1tee.verify.rtmr3.integrity import integrity
from sp1tee.verify.rtmr3.mismatch import MAX_LINES
from sp1tee.verify.rtmr3.order import order
from sp1tee.verify.rtmr3.pins import pins

QUOTE: Final = "RTMR3 of the verified TDX quote"
UNVERIFIED: Final = "RTMR3 of a quote that was not verified here"
LOG: Final = "event log"


def unreadable(error: VerifyError) -> Findings:
    """Make the findings of an event log that is missing or could not be read."""
    return Findings((rules.LOG.unevaluable(error),))


def judge(
    facts: Rtmr3Facts, policy: Rtmr3Policy, *, genuine: bool, required: bool, trusted: bool = False
) -> Findings:
    """Judge an event log.

    Nothing that the log says passes unless it replays to RTMR3, and RTMR3 is a genuine quote's.

    Args:
        facts: what it says.
        policy: what the reader demands.
        genuine: whether the quote that holds RTMR3 was verified.
        required: whether a pin that the policy leaves out is an omission.
        trusted: whether the reader says that the quote was verified elsewhere.
    """
    anchor = QUOTE if genuine else UNVERIFIED
    said = (*order(facts, policy), *pins(facts, policy, required=required))
    doubt = _doubt(facts, believed=genuine or trusted)
    checks = (*integrity(facts), *(_doubted(check, doubt) for check in said))
    known = tuple(
        replace(check, anchors=(anchor,)) if check.status is Status.PASS else check
        for check in checks
    )
    return Findings(known, tuple(_facts(facts, genuine=genuine)))


def _doubt(facts: Rtmr3Facts, *, believed: bool) -> tuple[str, str] | None:
    """Say why what the log says counts for nothing, and where to look; None if it counts."""
    if not facts.replays:
        return "The log says so, but it is not the one that RTMR3 was made of.", rules.REPLAY.id
    if not believed:
        return "The log says so, but its quote is not known to be genuine.", "the checks of quote"
    return None


def _doubted(check: Check, doubt: tuple[str, str] | None) -> Check:
    if doubt is None or check.status is not Status.PASS:
        return check
    summary, where = doubt
    return replace(check, status=Status.UNEVALUABLE, summary=summary, remedy=f"See {where}.")


def _facts(facts: Rtmr3Facts, *, genuine: bool) -> Iterator[Fact]:
    bound = genuine and facts.replays
    basis = Basis.ATTESTED if bound else Basis.CLAIMED
    anchor = QUOTE if bound else UNVERIFIED if facts.replays else LOG
    quoted = Basis.ATTESTED if genuine else Basis.CLAIMED
    yield Fact("rtmr3.value", facts.rtmr3.hex(), quoted, QUOTE if genuine else UNVERIFIED)
    yield Fact("rtmr3.replayed", facts.replayed.hex(), Basis.COMPUTED, LOG)
    for name, value in _claims(facts).items():
        if value is not None:
            yield Fact(f"rtmr3.{name}", value, basis, anchor)


def _claims(facts: Rtmr3Facts) -> dict[str, Json]:
    provider = facts.key_provider
    return {
        "app_id": _hex(facts.app_id),
        "compose_hash": _hex(facts.compose_hash),
        "instance_id": _hex(facts.instance_id),
        "os_image_hash": _hex(facts.os_image_hash),
        "mr_kms": _hex(facts.mr_kms),
        "key_provider": None
        if provider is None
        else {"name": provider.name, "id": provider.id.hex()},
        "dstack": facts.versions,
        "extra_events": [
            {"name": event.name, "payload": event.payload.hex()}
            for event in facts.after_ready[:MAX_LINES]
        ],
    }


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()
