"""Whether the deployment can go on as it is: renewal, and routing to the application."""

from collections.abc import Sequence
from typing import Final

from sp1tee.verify.caa import rules
from sp1tee.verify.caa.demand import Demand
from sp1tee.verify.caa.records import CRITICAL, Grant
from sp1tee.verify.caa.sights import Sight
from sp1tee.verify.caa.views import CaaFacts, Unanswered, View
from sp1tee.verify.caa.wording import ASK_OTHERS, NO_ANSWER, lines, listed
from sp1tee.verify.checks import Check

_LIKE_CRITICAL: Final = CRITICAL | 1
"""Let's Encrypt takes flag 1 for 128, because so many zones have it meant so."""


def renewal(facts: CaaFacts, seen: Sequence[Sight], demand: Demand) -> Check:
    """Predict whether the pinned account would get its next certificate."""
    rule, host = rules.RENEWAL, facts.host
    if demand.account is None:
        return rule.skips(
            "No account was given.",
            remedy="Give it: --account URI, or [caa] account in the policy.",
        )
    if not seen:
        return rule.unevaluable(NO_ANSWER, subject=host, remedy=ASK_OTHERS)
    shut = [f"{why} (seen by {s.by})" for s in seen if (why := _obstacle(s, demand))]
    shut += [told for view in facts.views if (told := _failure(view))]
    if not shut:
        return rule.passes("CAA lets the pinned account renew.", subject=host)
    wanted = demand.record(host)
    return rule.refuses(
        "A CA that sees this will not renew the pinned account's certificate.",
        subject=host,
        expected=wanted,
        actual=listed(shut),
        remedy=f"Before the certificate expires, have the zone's owner publish: {wanted}",
    )


def _failure(view: View) -> str:
    """Tell that a resolver fails, where a CA must not issue; not that one says nothing."""
    seen = view.host
    return f"{view.resolver}: {seen.why}" if isinstance(seen, Unanswered) and seen.broken else ""


def _obstacle(sight: Sight, demand: Demand) -> str:
    critical = [record for record in sight.seen.records if record.unknown(_LIKE_CRITICAL)]
    if critical:
        return f"the CA must not issue beside {critical[0]}"
    counted = sight.grants(wildcard=False)
    if counted is None or any(_lets_renew(grant, demand) for grant in counted):
        return ""
    return f"no record at {sight.seen.at} is for it"


def _lets_renew(grant: Grant, demand: Demand) -> bool:
    """Read a record as narrowly as a CA might."""
    return (
        not grant.flaws
        and grant.issuer == demand.issuer.lower()
        and grant.account in {None, demand.account}
        and (grant.methods is None or not set(grant.methods).isdisjoint(demand.methods))
    )


def routing(facts: CaaFacts, app_id: str | None) -> Check:
    """Compare where connections go with the pinned application."""
    if app_id is None:
        told = "No application was given to compare the routing with."
        return rules.ROUTING.skips(
            told, remedy="Give it: --app-id HEX, or [rtmr3] app_id in the policy."
        )
    answers = [v.routing for v in facts.views if not isinstance(v.routing, Unanswered)]
    if not answers:
        return rules.ROUTING.unevaluable(
            "No resolver answered the question for the TXT record.",
            remedy=ASK_OTHERS,
            details=lines(f"{v.resolver}: {_why(v.routing)}" for v in facts.views),
        )
    values = sorted({value for found in answers for value in found})
    if not values:
        return rules.ROUTING.skips("There is no such TXT record, so it says nothing of routing.")
    other = [value for value in values if _application(value) != app_id.lower()]
    if not other:
        return rules.ROUTING.passes("The TXT record names the pinned application.")
    return rules.ROUTING.fails(
        "Connections for the name are routed to another application.",
        expected=app_id,
        actual=listed(shown(value) for value in other),
        remedy="Find out whose application that is, and whether the pin is still right.",
    )


def enclave_account(attested: str | None, pinned: str | None, *, required: bool) -> Check:
    """Compare the account in the attested evidence with the pinned one."""
    rule = rules.ENCLAVE
    if attested is None:
        told = "No attested evidence says which account is the enclave's."
        if not required:
            return rule.skips(told, remedy="`sp1tee verify all` compares it.")
        see = "See ingress.account and quote.report-data."
        return rule.unevaluable(told, expected=pinned, remedy=see)
    if pinned is None or attested == pinned:
        return rule.passes("The attested evidence names it.", expected=pinned, actual=attested)
    return rule.fails(
        "The attested evidence names another account than the policy.",
        expected=pinned,
        actual=attested,
        remedy="Find out whose the pinned account is: whoever holds its key gets certificates.",
    )


def shown(value: bytes) -> str:
    """Write bytes that should be text so that they can do no harm on a terminal."""
    return ascii(value[:200].decode("latin-1"))[1:-1]


def _application(value: bytes) -> str:
    return value.split(b":", 1)[0].strip().decode("latin-1").lower().removeprefix("0x")


def _why(routing: tuple[bytes, ...] | Unanswered) -> str:
    return routing.why if isinstance(routing, Unanswered) else ""
