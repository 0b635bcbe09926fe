"""Why a log does not replay to the quote's RTMR3: what would fit, and what each event did.

Every attempt replays what the log holds with one thing changed. Together they cost at most
`MAX_TRIED` squared extensions, however long the log is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace as changed
from typing import Final

from sp1tee.verify.rtmr3 import chains
from sp1tee.verify.rtmr3.digests import START, digest_of, extend, replay, runtime_event
from sp1tee.verify.rtmr3.examining import Rtmr3Facts

MAX_TRIED: Final = 64
"""Longer logs are not tried with one event missing or two swapped."""
MAX_LINES: Final = 40
_SHORT: Final = 16


def explain(facts: Rtmr3Facts) -> tuple[str, ...]:
    """Explain a mismatch, the likeliest reason first, then event by event."""
    return (*_reasons(facts), *_boot(facts), *steps(facts))


def steps(facts: Rtmr3Facts) -> tuple[str, ...]:
    """Say what RTMR3 was after each event, a line an event."""
    lines = [
        f"{index}. {shown(entry.event.name)} {_shortened(entry.event.payload)} -> "
        f"{entry.value.hex()}"
        for index, entry in enumerate(facts.measured[:MAX_LINES], start=1)
    ]
    left = len(facts.measured) - len(lines)
    return (*lines, *([f"and {left} more"] if left else []))


def _reasons(facts: Rtmr3Facts) -> Iterator[str]:
    attempts = (_never_extended, _as_given, _cut, _other_version, _one_missing, _swapped)
    found = next((reason for attempt in attempts if (reason := attempt(facts)) is not None), None)
    if found is not None:
        yield found
    elif not facts.measured:
        yield "The log has no events for RTMR3."


def _never_extended(facts: Rtmr3Facts) -> str | None:
    if facts.rtmr3 != START:
        return None
    return "The quote's RTMR3 is zero: nothing was measured in this guest, so it is no dstack."


def _as_given(facts: Rtmr3Facts) -> str | None:
    """The digests are genuine, the payloads are not."""
    given = [entry.event.digest or entry.digest for entry in facts.measured]
    if replay(given)[-1] != facts.rtmr3:
        return None
    altered = [i for i, entry in enumerate(facts.measured) if given[i] != entry.digest]
    names = ", ".join(_named(facts, index) for index in altered[:MAX_LINES])
    return f"The digests as given do replay: what was measured by event {names} was changed."


def _cut(facts: Rtmr3Facts) -> str | None:
    """The log goes on where the quote ended, or ends too early."""
    values = [entry.value for entry in facts.measured]
    if facts.rtmr3 in values:
        added = facts.measured[values.index(facts.rtmr3) + 1 :]
        what = "the last event" if len(added) == 1 else f"the last {len(added)} events"
        names = ", ".join(shown(entry.event.name) for entry in added[:MAX_LINES])
        return f"Without {what} ({names}) the log replays: added to it, or after the quote."
    last = values[-1] if values else START
    for name in (chains.READY, chains.BOOT_DONE):
        if extend(last, digest_of(runtime_event(name, b""))) == facts.rtmr3:
            return f"With {name} at its end the log replays: its end is missing."
    return None


def _other_version(facts: Rtmr3Facts) -> str | None:
    for version in (1, 2):
        tried = (digest_of(changed(e.event, version=version)) for e in facts.measured)
        if replay(tried)[-1] == facts.rtmr3:
            return f"The log replays if every event is of version {version}."
    return None


def _one_missing(facts: Rtmr3Facts) -> str | None:
    digests = _digests_to_try(facts)
    for index in range(len(digests)):
        if _replay_from(facts, index, digests[index + 1 :]) == facts.rtmr3:
            return f"Without event {_named(facts, index)} the log replays: it was added."
    return None


def _swapped(facts: Rtmr3Facts) -> str | None:
    digests = _digests_to_try(facts)
    for index in range(len(digests) - 1):
        swapped = (digests[index + 1], digests[index], *digests[index + 2 :])
        if _replay_from(facts, index, swapped) == facts.rtmr3:
            return (
                f"With event {_named(facts, index)} behind event {_named(facts, index + 1)} the "
                "log replays: their order was changed."
            )
    return None


def _digests_to_try(facts: Rtmr3Facts) -> list[bytes]:
    within = len(facts.measured) <= MAX_TRIED
    return [entry.digest for entry in facts.measured] if within else []


def _replay_from(facts: Rtmr3Facts, index: int, digests: Sequence[bytes]) -> bytes:
    """Go on from what RTMR3 was before event `index`."""
    value = facts.measured[index - 1].value if index else START
    for digest in digests:
        value = extend(value, digest)
    return value


def _boot(facts: Rtmr3Facts) -> Iterator[str]:
    known = [register for register in facts.boot if register.replayed is not None]
    differing = [f"RTMR{r.index}" for r in known if r.replayed != r.quoted]
    if differing:
        yield f"{', '.join(differing)} differ too: the log belongs to another boot or machine."
    elif known:
        yield "RTMR0 to RTMR2 do replay: the same image on a like machine, at another time or run."


def shown(name: str) -> str:
    """Write a name so that one that is not plain can't shape what a terminal shows."""
    return ascii(name)[1:-1] or "(no name)"


def _named(facts: Rtmr3Facts, index: int) -> str:
    return f"{index + 1} ({shown(facts.measured[index].event.name)})"


def _shortened(payload: bytes) -> str:
    text = payload.hex()
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}…({len(payload)} bytes)"
