"""Judging what resolvers see by a policy."""

from collections.abc import Sequence
from typing import Final

from sp1tee.verify.caa.demand import Demand
from sp1tee.verify.caa.exclusivity import judge_host, judge_parent
from sp1tee.verify.caa.operation import enclave_account, renewal, routing, shown
from sp1tee.verify.caa.sights import Sight, host_sights, parent_sights
from sp1tee.verify.caa.surroundings import (
    agreement,
    alias,
    answered,
    critical,
    dnssec,
    well_formed,
)
from sp1tee.verify.caa.views import CaaFacts, Unanswered, View
from sp1tee.verify.checks import Findings
from sp1tee.verify.facts import Fact, Json, claimed, computed
from sp1tee.verify.policy.model import CaaPolicy

_MOST: Final = 64
"""How many records of a set are told as facts."""


def judge(
    facts: CaaFacts,
    policy: CaaPolicy,
    *,
    account: str | None = None,
    app_id: str | None = None,
    required: bool = False,
) -> Findings:
    """Say whether anybody but one ACME account can get a certificate for the name.

    Args:
        facts: what resolvers see.
        policy: who may issue, how, and how many resolvers must answer.
        account: the account's URI as attested evidence has it; the policy's counts before it.
        app_id: the pinned application, 40 hex digits, to compare routing with.
        required: whether a missing account is a fault.
    """
    demand = Demand(policy.issuer, policy.account or account, policy.methods)
    host, parent = host_sights(facts), parent_sights(facts)
    checks = (
        answered(facts, policy.min_resolvers),
        agreement(facts, host, parent),
        *judge_host(facts.host, host, demand, required=required),
        *judge_parent(facts.host, facts.parent, parent, demand),
        critical(host, parent),
        well_formed(host, parent),
        alias(facts, host, parent),
        dnssec(facts, demanded=policy.require_dnssec),
        renewal(facts, host, demand),
        routing(facts, app_id),
        enclave_account(account, policy.account, required=required),
    )
    return Findings(checks, tuple(_facts(facts, host, parent)))


def _facts(facts: CaaFacts, host: Sequence[Sight], parent: Sequence[Sight]) -> list[Fact]:
    names = ", ".join(view.resolver for view in facts.views)
    told = [
        computed("caa.host", facts.host, "the name that was asked about"),
        claimed("caa.resolvers", {v.resolver: _state(v) for v in facts.views}, names),
        claimed("caa.sets", [_set(sight) for sight in host], names),
    ]
    if facts.parent is not None:
        told.append(claimed("caa.wildcard_sets", [_set(sight) for sight in parent], names))
    routed = {v.resolver: v.routing for v in facts.views if not isinstance(v.routing, Unanswered)}
    texts: list[Json] = [shown(value) for value in sorted({v for r in routed.values() for v in r})]
    if texts:
        told.append(claimed("caa.app_address", texts, ", ".join(routed)))
    return told


def _set(sight: Sight) -> Json:
    return {
        "resolvers": list(sight.resolvers),
        "at": sight.seen.at,
        "records": [str(record) for record in sight.seen.records[:_MOST]],
        "ttl": sight.ttl,
        "aliases": [str(step) for step in (*sight.seen.aliases, *sight.seen.through)],
    }


def _state(view: View) -> Json:
    seen = [s for s in (view.host, view.parent) if not isinstance(s, Unanswered | None)]
    return {
        "answered": view.complete,
        "authenticated_way": view.authenticated,
        "validated": bool(seen) and view.complete and all(s.validated for s in seen),
    }
