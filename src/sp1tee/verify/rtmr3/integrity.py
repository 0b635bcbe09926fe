"""Is the log the one that RTMR3 was made of, and can it be read in one way only?"""

from collections.abc import Iterator
from typing import Final

from sp1tee.verify.checks import Check
from sp1tee.verify.rtmr3 import rules
from sp1tee.verify.rtmr3.digests import VERSION_2, preimage
from sp1tee.verify.rtmr3.events import RUNTIME, is_plain
from sp1tee.verify.rtmr3.examining import Measured, Rtmr3Facts
from sp1tee.verify.rtmr3.mismatch import MAX_LINES, explain, shown, steps

_SOURCE: Final = (
    "Take the event log from the same answer as the quote (GetQuote's event_log); another answer "
    "may be of another instance or boot."
)


def integrity(facts: Rtmr3Facts) -> Iterator[Check]:
    """Check types, names, digests and replay, the cheap ones first."""
    yield _types(facts)
    yield _names(facts)
    yield _digests(facts)
    yield _replay(facts)
    if facts.boot:
        yield _boot_replay(facts)


def _types(facts: Rtmr3Facts) -> Check:
    others = [
        f"event {index} ({shown(entry.event.name)}) has type {entry.event.event_type:#010x}"
        for index, entry in enumerate(facts.measured, start=1)
        if entry.event.event_type != RUNTIME
    ]
    if not others:
        return rules.TYPES.passes("All events are runtime events.")
    return rules.TYPES.fails(
        f"{_count(others)} of another type.",
        expected=f"{RUNTIME:#010x}",
        actual=others[0],
        remedy=_SOURCE,
        details=tuple(others[:MAX_LINES]),
    )


def _names(facts: Rtmr3Facts) -> Check:
    odd = [
        f"event {index} is named {shown(entry.event.name)}"
        for index, entry in enumerate(facts.measured, start=1)
        if not is_plain(entry.event.name)
    ]
    if not odd:
        return rules.NAMES.passes("All names are plain ASCII without a colon.")
    return rules.NAMES.fails(
        f"{_count(odd)} without a plain name.",
        expected="printable ASCII without a colon",
        actual=odd[0],
        remedy="Have the application emit events under plain names.",
        details=tuple(odd[:MAX_LINES]),
    )


def _digests(facts: Rtmr3Facts) -> Check:
    wrong = [
        f"event {index} ({shown(entry.event.name)}): {trouble}"
        for index, entry in enumerate(facts.measured, start=1)
        if (trouble := _digest_trouble(entry)) is not None
    ]
    if wrong:
        return rules.DIGESTS.fails(
            f"{_count(wrong)} that don't fit what they say was measured.",
            remedy=_SOURCE,
            details=tuple(wrong[:MAX_LINES]),
        )
    left_out = sum(entry.event.digest is None for entry in facts.measured)
    return rules.DIGESTS.passes(
        "Digests were recomputed from the payloads; the given ones are the same."
        if not left_out
        else f"Digests were recomputed from the payloads; {left_out} of {len(facts.measured)} are "
        "left out of the log."
    )


def _digest_trouble(entry: Measured) -> str | None:
    event = entry.event
    if event.digest is not None and event.digest != entry.digest:
        return f"its digest is {event.digest.hex()}, its payload's is {entry.digest.hex()}"
    if event.preimage is not None and event.preimage != preimage(event):
        form = "canonical form" if event.version == VERSION_2 else "form"
        return f"its preimage is not the {form} of its name and payload"
    return None


def _replay(facts: Rtmr3Facts) -> Check:
    if facts.replays:
        return rules.REPLAY.passes(
            f"{len(facts.measured)} events replay to RTMR3.",
            expected=facts.rtmr3.hex(),
            actual=facts.replayed.hex(),
            details=steps(facts),
        )
    return rules.REPLAY.fails(
        "The events replay to another value than the quote's RTMR3.",
        expected=facts.rtmr3.hex(),
        actual=facts.replayed.hex(),
        remedy=_SOURCE,
        details=explain(facts),
    )


def _boot_replay(facts: Rtmr3Facts) -> Check:
    known = [register for register in facts.boot if register.replayed is not None]
    wrong = [register for register in known if register.replayed != register.quoted]
    if wrong:
        return rules.BOOT_REPLAY.fails(
            f"The boot events replay to another RTMR{wrong[0].index} than the quote's.",
            expected=wrong[0].quoted.hex(),
            actual=(wrong[0].replayed or b"").hex(),
            remedy=_SOURCE,
        )
    if len(known) < len(facts.boot):
        return rules.BOOT_REPLAY.skips(
            "The log lacks boot events or their digests, so whether it is whole is not known."
        )
    return rules.BOOT_REPLAY.passes("RTMR0, RTMR1 and RTMR2 replay with the digests given.")


def _count(entries: list[str]) -> str:
    return "There is one event" if len(entries) == 1 else f"There are {len(entries)} events"
