"""How far the answers can be believed, and what else stands in them."""

from collections.abc import Iterable, Sequence

from sp1tee.verify.caa import rules
from sp1tee.verify.caa.records import read_grant
from sp1tee.verify.caa.sights import Sight, troubles
from sp1tee.verify.caa.views import CaaFacts, Relevant, View
from sp1tee.verify.caa.wording import ASK_OTHERS, NO_ANSWER, lines, listed
from sp1tee.verify.checks import Check


def answered(facts: CaaFacts, least: int) -> Check:
    """See that enough resolvers answered everything."""
    good = [view for view in facts.views if view.complete]
    details = tuple(f"{v.resolver}: {t.why}" for v in facts.views for t in troubles(v))
    told = f"{len(good)} of {len(facts.views)} resolvers answered every question"
    if not facts.views:
        return rules.ANSWERED.unevaluable("No resolver was asked.", remedy=ASK_OTHERS)
    if len(good) >= least:
        return rules.ANSWERED.passes(f"{told}.", details=details)
    return rules.ANSWERED.unevaluable(
        f"{told}, and {least} must.",
        expected=f"at least {least}",
        actual=str(len(good)),
        remedy=ASK_OTHERS,
        details=details,
    )


def agreement(facts: CaaFacts, host: Sequence[Sight], parent: Sequence[Sight]) -> Check:
    """See that all resolvers see the same."""
    broken = [
        f"{view.resolver}: {trouble.why}"
        for view in facts.views
        for trouble in troubles(view)
        if trouble.broken
    ]
    split = [(name, s) for name, s in _named(facts, host, parent) if len(s) > 1]
    if not host:
        return rules.AGREEMENT.unevaluable(NO_ANSWER, remedy=ASK_OTHERS)
    if broken or split:
        return rules.AGREEMENT.refuses(
            "Resolvers see different things; the checks judge everything that any of them sees.",
            expected="one CAA set",
            actual=f"{max([len(s) for _, s in split], default=1)} sets, {len(broken)} failures",
            remedy="Wait until earlier answers have left the caches, then ask again. If it stays "
            "so, find out who answers differently.",
            details=lines([*(f"{n}: {_line(s)}" for n, many in split for s in many), *broken]),
        )
    if sum(view.complete for view in facts.views) < 2:  # noqa: PLR2004 - one has nobody to agree with
        told = "Only one resolver answered, so there was nothing to compare."
        return rules.AGREEMENT.skips(told, remedy=ASK_OTHERS)
    return rules.AGREEMENT.passes("All resolvers that answered see the same.")


def alias(facts: CaaFacts, host: Sequence[Sight], parent: Sequence[Sight]) -> Check:
    """See that nobody else decides through an alias."""
    if not host:
        return rules.ALIAS.unevaluable(NO_ANSWER, remedy=ASK_OTHERS)
    seen = [sight.seen for sight in (*host, *parent)]
    deciding = list(dict.fromkeys(step for relevant in seen for step in relevant.through))
    others = [
        *(step for relevant in seen for step in relevant.aliases),
        *(step for view in facts.views for step in view.aliases),
    ]
    idle = [step for step in dict.fromkeys(others) if step not in deciding]
    if not deciding and not idle:
        return rules.ALIAS.passes("No name on the way is an alias.")
    first = (deciding or idle)[0]
    return rules.ALIAS.refuses(
        f"{first.name} is an alias: the CAA set that counts was found through it."
        if deciding
        else f"{first.name} is an alias: its target's owner can decide who may issue.",
        expected=f"address records and the CAA set at {first.name} itself",
        actual=listed([*deciding, *idle]),
        remedy=f"Replace the alias by address records with the CAA set beside them, or, if whoever "
        f"owns {first.target} may decide, waive caa.alias in the policy.",
        details=lines(
            [
                *(f"{step}: the CAA set was found there" for step in deciding),
                *(f"{step}: a CA that follows it sees the CAA set there, if any" for step in idle),
            ]
        ),
    )


def critical(host: Sequence[Sight], parent: Sequence[Sight]) -> Check:
    """See that no critical property is unknown."""
    if not host:
        return rules.CRITICAL.unevaluable(NO_ANSWER, remedy=ASK_OTHERS)
    found = [
        f"{sight.seen.at} {record}"
        for sight in (*host, *parent)
        for record in sight.seen.records
        if record.unknown()
    ]
    if not found:
        return rules.CRITICAL.passes("No record is critical and unknown.")
    return rules.CRITICAL.refuses(
        "A CA that does not know the property must not issue at all, so renewal will fail; a CA "
        "that knows it may issue as far as the other records let it.",
        actual=listed(found),
        expected="only issue, issuewild, iodef or issuemail with flag 128",
        remedy="Have the zone's owner remove the record, or its flag 128.",
    )


def well_formed(host: Sequence[Sight], parent: Sequence[Sight]) -> Check:
    """See that records can be read in one way only."""
    if not host:
        return rules.WELL_FORMED.unevaluable(NO_ANSWER, remedy=ASK_OTHERS)
    found = {
        f"{sight.seen.at} {record}": flaws
        for sight in (*host, *parent)
        for record in sight.seen.records
        if record.tag in ("issue", "issuewild") and (flaws := read_grant(record).flaws)
    }
    if not found:
        return rules.WELL_FORMED.passes("Every issue record follows the grammar.")
    return rules.WELL_FORMED.refuses(
        "A record is not written as CAs read it (RFC 8659 §4.2, RFC 8657).",
        actual=listed(found),
        remedy="Have the zone's owner mend the record.",
        details=lines(f"{record}: {flaw}" for record, flaws in found.items() for flaw in flaws),
    )


def dnssec(facts: CaaFacts, *, demanded: bool) -> Check:
    """See whether an answer cannot have been forged."""
    rule, asked = rules.DNSSEC, [view for view in facts.views if view.complete]
    believed = [view for view in asked if view.authenticated]
    validated = [view.resolver for view in believed if _validated(view)]
    details = tuple(f"{view.resolver}: {_state(view)}" for view in asked)
    if not asked:
        return rule.unevaluable(NO_ANSWER, remedy=ASK_OTHERS)
    if validated:
        told = f"{', '.join(validated)} validated every answer; that is their word, told over TLS "
        return rule.passes(f"{told}or on this machine.", details=details)
    if not demanded:
        told = "Nobody demands DNSSEC, and no resolver that can be believed validated the answers: "
        return rule.skips(
            f"{told}they may have been forged on the way.",
            details=details,
            remedy="Demand it in the policy: [caa] require_dnssec = true",
        )
    if not believed:
        return rule.unevaluable(
            "No resolver was asked over TLS or on this machine, so no AD bit can be believed.",
            remedy="Ask one: --resolver https://dns.google/dns-query",
            details=details,
        )
    return rule.refuses(
        "No resolver validated the answers.",
        expected="the AD bit on every answer",
        actual="answers without it",
        remedy="Have the zone's owner sign it and publish its DS record.",
        details=details,
    )


def _validated(view: View) -> bool:
    seen = [s for s in (view.host, view.parent) if isinstance(s, Relevant)]
    return bool(seen) and all(s.validated for s in seen)


def _state(view: View) -> str:
    if not _validated(view):
        return "did not validate every answer"
    if not view.authenticated:
        return "says that it validated, over a way on which anybody can say so"
    return "validated"


def _named(
    facts: CaaFacts, host: Sequence[Sight], parent: Sequence[Sight]
) -> Iterable[tuple[str, Sequence[Sight]]]:
    return ((facts.host, host), (f"*.{facts.parent}", parent))


def _line(sight: Sight) -> str:
    if sight.seen.at is None:
        return f"no CAA set (seen by {sight.by})"
    return f"{sight.seen.at}: {listed(sight.seen.records, ', ')} (seen by {sight.by})"
