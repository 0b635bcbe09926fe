"""Can anybody else get a certificate? For the name, for wildcards below it, for those it matches.

Every set that any resolver sees counts: what one CA sees suffices for a certificate.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from sp1tee.verify.caa import rules
from sp1tee.verify.caa.demand import HOW, WHO, Aspect, Demand, appraise
from sp1tee.verify.caa.sights import Sight
from sp1tee.verify.caa.wording import ASK_OTHERS, NO_ANSWER, lines, listed
from sp1tee.verify.checks import Check, Rule

EIGHT_HOURS: Final = 8 * 3600
"""How long a CA may use a CAA set if its TTL is shorter (Baseline Requirements §3.2.2.8)."""

_RULES: Final = {
    Aspect.ISSUER: rules.ISSUER,
    Aspect.ACCOUNT_PRESENT: rules.ACCOUNT_PRESENT,
    Aspect.ACCOUNT: rules.ACCOUNT,
    Aspect.METHODS_PRESENT: rules.METHODS_PRESENT,
    Aspect.METHODS: rules.METHODS,
}
_HOLDS: Final = {
    Aspect.ISSUER: "Only {issuer} may issue.",
    Aspect.ACCOUNT_PRESENT: "Every record names an account.",
    Aspect.ACCOUNT: "Only the pinned account may ask.",
    Aspect.METHODS_PRESENT: "Every record names methods.",
    Aspect.METHODS: "No method but {methods} may be used.",
}

Open = tuple[Sight, str, str]
"""Something left open: who sees it, the record, what it leaves open."""


def judge_host(host: str, seen: Sequence[Sight], demand: Demand, *, required: bool) -> list[Check]:
    """Judge certificates for the name itself."""
    if not seen:
        return [
            rule.unevaluable(NO_ANSWER, remedy=ASK_OTHERS)
            for rule in (rules.PRESENT, *_RULES.values(), rules.WILDCARD_HERE)
        ]
    return [
        _present(rules.PRESENT, host, "", seen, demand),
        *(_aspect(aspect, host, seen, demand, required=required) for aspect in Aspect),
        _wildcard_here(host, seen, demand),
    ]


def judge_parent(
    host: str, parent: str | None, seen: Sequence[Sight], demand: Demand
) -> list[Check]:
    """Judge wildcard certificates that match the name."""
    of_parent = (rules.PARENT_PRESENT, rules.PARENT_WILDCARD, rules.PARENT_METHODS)
    if parent is None:
        why = f"{host} lies directly below a top-level domain, for which no wildcard is issued."
        return [rule.skips(why) for rule in of_parent]
    if not seen:
        return [rule.unevaluable(NO_ANSWER, remedy=ASK_OTHERS) for rule in of_parent]
    return [
        _present(rules.PARENT_PRESENT, parent, host, seen, demand),
        _wildcards(rules.PARENT_WILDCARD, WHO, parent, seen, demand),
        _wildcards(rules.PARENT_METHODS, HOW, parent, seen, demand),
    ]


def _present(rule: Rule, base: str, matched: str, seen: Sequence[Sight], demand: Demand) -> Check:
    """See that a set counts: for a name, or for the wildcard below it that matches another name."""
    subject = f"*.{base}" if matched else base
    bare = [sight for sight in seen if sight.grants(wildcard=bool(matched)) is None]
    if not bare:
        at = sorted({sight.seen.at for sight in seen if sight.seen.at})
        return rule.passes(
            f"Issuing for {subject} is governed by the CAA set at {' or '.join(at)}.",
            subject=subject,
            details=lines(_kept(sight) for sight in seen),
        )
    wanted = demand.record(base)
    accepted = f", which clients accept for {matched}" if matched else ""
    return rule.fails(
        f"Any CA may issue to whoever passes its validation of {subject}{accepted}.",
        subject=subject,
        expected=wanted,
        actual=listed(_bare(sight, base) for sight in bare),
        remedy=f"Have the zone's owner publish: {wanted}",
        details=lines(f"{_bare(sight, base)} (seen by {sight.by})" for sight in bare),
    )


def _bare(sight: Sight, base: str) -> str:
    if sight.seen.at is None:
        return f"no CAA set at {base} or above it"
    return f"the CAA set at {sight.seen.at} has no issue record: {_texts(sight)}"


def _kept(sight: Sight) -> str:
    ttl = f"TTL {sight.ttl} s" if sight.ttl is not None else "no TTL"
    return f"{sight.seen.at}: {_texts(sight)} ({ttl}; seen by {sight.by})"


def _texts(sight: Sight) -> str:
    return listed(sight.seen.records, ", ")


def _aspect(
    aspect: Aspect, host: str, seen: Sequence[Sight], demand: Demand, *, required: bool
) -> Check:
    rule = _RULES[aspect]
    if aspect is Aspect.ACCOUNT and demand.account is None:
        return _unpinned(required=required)
    found = list(_appraised([aspect], seen, demand, wildcard=False))
    left_open = [open_ for open_ in found if open_[2]]
    if left_open:
        return _opened(rule, left_open, demand.record(host), host, fails=aspect in WHO)
    if found:
        holds = _HOLDS[aspect].format(issuer=demand.issuer, methods=", ".join(demand.methods))
        details = _limits(seen) if aspect is Aspect.ACCOUNT else ()
        return rule.passes(holds, subject=host, details=details)
    if all(_closed(sight, demand) for sight in seen):
        return rule.passes("No record lets anybody issue.", subject=host)
    return rule.skips("There is no record that this could be said of.", subject=host)


def _unpinned(*, required: bool) -> Check:
    if not required:
        return rules.ACCOUNT.skips(
            "No account was given, so it is not known whose it is.",
            remedy="Give it: --account URI, or [caa] account in the policy.",
        )
    return rules.ACCOUNT.unevaluable(
        "No account is pinned, and there is no attested evidence to take it from.",
        remedy='Pin it in the policy: [caa] account = "https://acme-v02.api.letsencrypt.org/…"',
    )


def _wildcard_here(host: str, seen: Sequence[Sight], demand: Demand) -> Check:
    rule, subject = rules.WILDCARD_HERE, f"*.{host}"
    own = [s for s in seen if any(record.tag == "issuewild" for record in s.seen.records)]
    left_open = [o for o in _appraised(Aspect, own, demand, wildcard=True) if o[2]]
    if left_open:
        # No client takes such a certificate for the name itself, so this contradicts nothing.
        return _opened(rule, left_open, demand.record(host, "issuewild"), subject, fails=False)
    if own:
        return rule.passes("Its issuewild records are as tight.", subject=subject)
    return rule.passes("There is no issuewild record: the issue records count.", subject=subject)


def _wildcards(
    rule: Rule, aspects: Iterable[Aspect], parent: str, seen: Sequence[Sight], demand: Demand
) -> Check:
    subject = f"*.{parent}"
    found = list(_appraised(aspects, seen, demand, wildcard=True))
    left_open = [open_ for open_ in found if open_[2]]
    if left_open:
        wanted = demand.record(parent, "issuewild")
        return _opened(rule, left_open, wanted, subject, fails=rule is rules.PARENT_WILDCARD)
    if found:
        return rule.passes("Records are as tight as for the name.", subject=subject)
    if all(_closed(sight, demand, wildcard=True) for sight in seen):
        return rule.passes("No record lets anybody issue.", subject=subject)
    return rule.skips("There is no record that this could be said of.", subject=subject)


def _appraised(
    aspects: Iterable[Aspect], seen: Iterable[Sight], demand: Demand, *, wildcard: bool
) -> Iterator[Open]:
    wanted = tuple(aspects)
    for sight in seen:
        for grant in sight.grants(wildcard=wildcard) or ():
            for aspect, told in appraise(grant, demand).items():
                if aspect in wanted:
                    yield sight, f"{sight.seen.at} {grant.record}", told


def _closed(sight: Sight, demand: Demand, *, wildcard: bool = False) -> bool:
    counted = sight.grants(wildcard=wildcard)
    return counted is not None and not any(appraise(grant, demand) for grant in counted)


def _opened(
    rule: Rule, left_open: Sequence[Open], wanted: str, subject: str, *, fails: bool
) -> Check:
    told = listed(what for _, _, what in left_open)
    make = rule.fails if fails else rule.refuses
    return make(
        f"For {subject}, {told}.",
        subject=subject,
        expected=wanted,
        actual=listed(record for _, record, _ in left_open),
        remedy=f"Have the zone's owner leave only: {wanted}",
        details=lines(f"{record}: {what} (seen by {s.by})" for s, record, what in left_open),
    )


def _limits(seen: Sequence[Sight]) -> tuple[str, ...]:
    """Say what this is not."""
    ttl = max((sight.ttl for sight in seen if sight.ttl is not None), default=0)
    return (
        "CAA binds honest CAs when they issue. Whoever controls the zone can change it and issue.",
        f"A CA may go on using an older set for {max(ttl, EIGHT_HOURS)} s (TTL seen: {ttl} s).",
        "Certificates issued before the set was published stay valid until they expire.",
        "Certificate Transparency logs list those; they are not searched here.",
    )
