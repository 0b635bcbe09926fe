"""Judging an application's configuration."""

from collections.abc import Iterator
from typing import Final

from sp1tee.errors import VerifyError
from sp1tee.verify.checks import Check, Findings
from sp1tee.verify.compose import rules
from sp1tee.verify.compose.acceptance import Places, judge_hits
from sp1tee.verify.compose.binding import judge_hash, judge_mr_config_id, judge_published
from sp1tee.verify.compose.compose_file import ComposeFile
from sp1tee.verify.compose.environment import (
    decides_what_runs,
    decides_whom_to_talk_to,
    judge_variables,
    uses_of_variables,
)
from sp1tee.verify.compose.examining import ComposeFacts
from sp1tee.verify.compose.facts import facts_of
from sp1tee.verify.compose.fields import judge_fields
from sp1tee.verify.compose.mr_config import Identity
from sp1tee.verify.compose.risks import FINDERS, certificate_sources
from sp1tee.verify.policy import ComposePolicy

NOBODY = Identity()
_UNREADABLE = "The docker-compose file inside cannot be read."
_ENVS: Final = {
    rules.INTERPOLATED_SETTINGS: decides_what_runs,
    rules.INTERPOLATED_ADDRESSES: decides_whom_to_talk_to,
}


def judge(
    facts: ComposeFacts,
    policy: ComposePolicy,
    *,
    compose_hash: bytes | None,
    mr_config_id: bytes | None,
    published: bytes | None,
    genuine: bool,
    required: bool,
    identity: Identity = NOBODY,
    published_name: str = "docker-compose.yml",
) -> Findings:
    """Judge an application's configuration.

    Args:
        facts: what it is.
        policy: what is demanded.
        compose_hash: the event ``compose-hash`` of a replayed RTMR3; None if there is none.
        mr_config_id: the quote's; None if there is none.
        published: the docker-compose file that `policy` names; None if it names none.
        genuine: whether the quote's signature verified, so that the two above are attested.
        required: whether what is not pinned is a gap rather than a question nobody asked.
        identity: what else RTMR3 says about the guest, for ``mr_config_id``.
        published_name: what the published file is called in reports.
    """
    same = published is not None and published == facts.inside
    places = Places(published_name if same else None)
    checks = (
        judge_hash(facts, compose_hash, genuine=genuine, required=required),
        judge_mr_config_id(facts, mr_config_id, identity, required=required),
        rules.READABLE.passes("Every key stands once, and every field has its type."),
        judge_published(facts, policy, published, published_name, required=required),
        _services(facts),
        *judge_fields(facts.app, policy),
        *_inside(facts, policy, places),
    )
    attested = genuine and compose_hash == facts.sha256
    return Findings(checks, facts_of(facts.sha256, facts.app, facts.file, attested=attested))


def _services(facts: ComposeFacts) -> Check:
    if isinstance(facts.read, VerifyError):
        return rules.SERVICES.unevaluable(facts.read)
    services = facts.read.services
    names = ", ".join(service.name[:40] for service in services[:30])
    return rules.SERVICES.passes(f"It has {len(services)} services: {names}.")


def _inside(facts: ComposeFacts, policy: ComposePolicy, places: Places) -> Iterator[Check]:
    allowed = tuple(dict.fromkeys(facts.app.allowed_envs))
    if facts.file is not None:
        yield from judge_file(facts.file, policy, places, allowed=allowed)
        return
    yield from judge_variables(allowed, (), policy, places)
    for rule in (*_ENVS, *(rule for rule, _ in FINDERS)):
        yield rule.unevaluable(_UNREADABLE, remedy=f"See {rules.SERVICES.id}.")


def judge_file(
    file: ComposeFile,
    policy: ComposePolicy,
    places: Places,
    *,
    allowed: tuple[str, ...] | None = None,
) -> Iterator[Check]:
    """Judge the settings of a docker-compose file's services, and the variables that they take.

    Args:
        file: the docker-compose file.
        policy: what is demanded.
        places: where its lines are for a person.
        allowed: the variables that may be set from outside; None: every one that it takes.
    """
    used = tuple(uses_of_variables(file, allowed))
    named = allowed if allowed is not None else tuple(dict.fromkeys(use.name for _, use in used))
    yield from judge_variables(named, used, policy, places)
    for rule, finder in _ENVS.items():
        hits = (finder(service, use) for service, use in used)
        yield from judge_hits(rule, filter(None, hits), policy, places)
    for rule, find in FINDERS:
        if rule is rules.CERTIFICATE_VOLUME and not certificate_sources(file):
            yield rule.skips("No service mounts /etc/letsencrypt: where its key lies is not known.")
        else:
            yield from judge_hits(rule, find(file), policy, places)
