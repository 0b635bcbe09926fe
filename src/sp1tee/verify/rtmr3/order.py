"""Did dstack measure these events, all of them and once, and what did programs add?"""

import json
import shlex
from collections import Counter
from collections.abc import Iterator

from sp1tee.verify.checks import Check
from sp1tee.verify.policy import Rtmr3Policy
from sp1tee.verify.rtmr3 import chains, rules
from sp1tee.verify.rtmr3.examining import Rtmr3Facts
from sp1tee.verify.rtmr3.mismatch import MAX_LINES, shown
from sp1tee.verify.rtmr3.payloads import trouble


def order(facts: Rtmr3Facts, policy: Rtmr3Policy) -> Iterator[Check]:
    """Check uniqueness, order, what follows the boot, and payloads."""
    yield _unique(facts)
    yield _chain(facts)
    yield _legacy(facts)
    yield _extra(facts, policy)
    yield _payloads(facts)


def _unique(facts: Rtmr3Facts) -> Check:
    counts = Counter(event.name for event in facts.before_ready)
    limits = {chains.INIT_SCRIPT: chains.MAX_INIT_SCRIPTS}
    twice = [name for name, count in counts.items() if count > limits.get(name, 1)]
    again = sorted({event.name for event in facts.after_ready} & chains.NAMES)
    late = [f"{name} after system-ready" for name in again]
    if not twice and not again:
        return rules.UNIQUE.passes("No event of the boot occurs twice.")
    return rules.UNIQUE.fails(
        f"{_listed(twice or again)} was measured more than once.",
        expected="each event once",
        actual="; ".join([*(f"{shown(n)} {counts[n]} times" for n in twice[:MAX_LINES]), *late]),
        remedy="Don't trust this guest: a program in it imitates the boot's events.",
    )


def _chain(facts: Rtmr3Facts) -> Check:
    if facts.versions is not None:
        return rules.CHAIN.passes(f"The order is that of dstack {facts.versions}.")
    names = [event.name for event in facts.before_ready]
    chain, parted = chains.nearest(names, kms=facts.uses_kms)
    found = "the log ends" if parted.found is None else shown(parted.found)
    return rules.CHAIN.fails(
        "The events are in no dstack version's order.",
        expected=f"{parted.expected} as event {parted.at + 1} (dstack {chain.since} and later)",
        actual=found,
        remedy="If this guest is of a newer dstack, use a newer sp1tee, which knows its events.",
        details=tuple(
            f"{index}. {shown(name)}" for index, name in enumerate(names[:MAX_LINES], start=1)
        ),
    )


def _legacy(facts: Rtmr3Facts) -> Check:
    if any(chain.legacy for chain in facts.fitting):
        return rules.LEGACY.refuses(
            f"The guest is dstack {facts.versions}: the end of its boot was not measured.",
            expected="dstack 0.4.2 or later",
            actual=f"dstack {facts.versions}",
            remedy="Have the operator move the application to a current OS image.",
        )
    if facts.versions is None:
        return rules.LEGACY.unevaluable(
            "Which dstack this is, is not known.", remedy=f"See {rules.CHAIN.id}."
        )
    return rules.LEGACY.passes("The end of the boot was measured.")


def _extra(facts: Rtmr3Facts, policy: Rtmr3Policy) -> Check:
    if not any(event.name == chains.READY for event in facts.before_ready):
        return rules.EXTRA.unevaluable(
            "No system-ready was measured that events could follow.",
            remedy=f"See {rules.CHAIN.id} and {rules.LEGACY.id}.",
        )
    extra = list(dict.fromkeys(event.name for event in facts.after_ready))
    refused = [name for name in extra if name not in policy.allow_events]
    if refused:
        return rules.EXTRA.refuses(
            f"{_listed(refused)} was measured after system-ready.",
            expected=", ".join(policy.allow_events) or "nothing",
            actual=_listed(extra),
            remedy="If the application is known to add it: --allow-event "
            f"{shlex.quote(shown(refused[0]))}, or in the policy\n[rtmr3]\nallow_events = "
            f"[{', '.join(_toml(name) for name in refused[:MAX_LINES])}]",
            details=tuple(
                f"{shown(event.name)} {event.payload[:64].hex()}"
                for event in facts.after_ready[:MAX_LINES]
            ),
        )
    if extra:
        return rules.EXTRA.passes(f"Only allowed events follow system-ready: {_listed(extra)}.")
    return rules.EXTRA.passes("Nothing follows system-ready.")


def _payloads(facts: Rtmr3Facts) -> Check:
    wrong = [
        f"event {index} ({event.name}) {found}"
        for index, event in enumerate(facts.before_ready, start=1)
        if event.name in chains.NAMES and (found := trouble(event.name, event.payload)) is not None
    ]
    if wrong:
        return rules.PAYLOADS.fails(
            "A payload is not what dstack writes.",
            actual=wrong[0],
            remedy="Don't trust this guest: the published dstack did not measure that.",
            details=tuple(wrong[:MAX_LINES]),
        )
    return rules.PAYLOADS.passes("Sizes and forms are dstack's.")


def _listed(names: list[str]) -> str:
    shortened = ", ".join(shown(name) for name in names[:MAX_LINES])
    left = len(names) - MAX_LINES
    return shortened if left <= 0 else f"{shortened} and {left} more"


def _toml(name: str) -> str:
    return json.dumps(name)  # a JSON string is a TOML one
