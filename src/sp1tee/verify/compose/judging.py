"""Judging an application's configuration."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from sp1tee.errors import EvidenceMalformed, VerifyError
from sp1tee.verify.checks import Check, Findings, Location
from sp1tee.verify.compose import rules
from sp1tee.verify.compose.acceptance import Places, judge_hits
from sp1tee.verify.compose.app_compose import AppCompose, read_app_compose
from sp1tee.verify.compose.compose_file import ComposeFile, parse_compose
from sp1tee.verify.compose.difference import compare
from sp1tee.verify.compose.environment import (
    decides_what_runs,
    decides_whom_to_talk_to,
    judge_variables,
    unmeasured_uses,
)
from sp1tee.verify.compose.facts import facts_of
from sp1tee.verify.compose.fields import UNMEASURED, judge_fields
from sp1tee.verify.compose.mr_config import (
    Configuration,
    Identity,
    fitting_values,
    stated_version,
)
from sp1tee.verify.compose.risks import FINDERS, certificate_sources
from sp1tee.verify.policy import ComposePolicy

INSIDE = "the docker-compose file in app-compose.json"
NOBODY = Identity()
_UNREADABLE = "The docker-compose file inside cannot be read."


@dataclass(frozen=True, slots=True)
class ComposeFacts:
    """What app-compose.json holds.

    Attributes:
        raw: the file, byte for byte.
        sha256: its hash, which is what is measured.
        app: its fields.
        inside: the docker-compose file inside, byte for byte; None if there is none.
        file: the same, read; None if it cannot be.
        trouble: why it cannot be read.
    """

    raw: bytes = field(repr=False)
    sha256: bytes
    app: AppCompose
    inside: bytes | None = field(repr=False)
    file: ComposeFile | None
    trouble: VerifyError | None


def examine(raw: bytes) -> ComposeFacts:
    """Read app-compose.json and the docker-compose file inside.

    Raises:
        EvidenceTooLarge: app-compose.json is larger than dstack takes.
        EvidenceMalformed: it cannot be read, or in more than one way.
    """
    app = read_app_compose(raw)
    inside = None if app.docker_compose_file is None else app.docker_compose_file.encode()
    file, trouble = None, None
    try:
        if inside is None:
            raise EvidenceMalformed("app-compose.json holds no docker-compose file.")
        file = parse_compose(inside, INSIDE)
    except VerifyError as error:
        trouble = error
    return ComposeFacts(raw, hashlib.sha256(raw).digest(), app, inside, file, trouble)


def unreadable(error: VerifyError) -> Findings:
    """Return what there is to say about an app-compose.json that cannot be read, or is missing."""
    return Findings((rules.READABLE.unevaluable(error),))


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
        _hash(facts, compose_hash, genuine=genuine, required=required),
        _mr_config_id(facts, mr_config_id, identity, required=required),
        rules.READABLE.passes("Every key stands once, and every field has its type."),
        _published(facts, policy, published, published_name, required=required),
        _services(facts),
        *judge_fields(facts.app, policy),
        *_envs(facts, policy, places),
        *_risks(facts, policy, places),
    )
    attested = genuine and compose_hash == facts.sha256
    return Findings(checks, facts_of(facts.sha256, facts.app, facts.file, attested=attested))


def _hash(
    facts: ComposeFacts, compose_hash: bytes | None, *, genuine: bool, required: bool
) -> Check:
    rule, actual = rules.HASH, facts.sha256.hex()
    if compose_hash is None:
        what = "No compose-hash event to compare with: whether this is what runs is not known."
        remedy = "Verify the RTMR3 event log of the same quote."
        return (
            rule.unevaluable(what, actual=actual, remedy=remedy)
            if required
            else rule.skips(what, actual=actual)
        )
    if compose_hash != facts.sha256:
        return rule.fails(
            "This app-compose.json is not the measured one.",
            expected=compose_hash.hex(),
            actual=actual,
            details=_reserialised(facts.raw, compose_hash),
            remedy="Take the text of tcb_info.app_compose as it stands: no line break added, "
            "nothing re-serialised.",
        )
    return rule.passes(
        "Its SHA-256 is the measured compose-hash.",
        expected=compose_hash.hex(),
        details=(UNMEASURED,),
        anchors=("RTMR3" if genuine else "RTMR3 of an unverified quote",),
    )


def _reserialised(raw: bytes, compose_hash: bytes) -> tuple[str, ...]:
    """Recognise the slips that are made in copying the text."""
    slips = {
        "a line break at the end that is not measured": raw.rstrip(b"\r\n"),
        "a missing line break at the end": raw + b"\n",
        "line endings turned into CR LF": raw.replace(b"\r\n", b"\n"),
    }
    found = (w for w, data in slips.items() if hashlib.sha256(data).digest() == compose_hash)
    return tuple(f"It differs from the measured one only by {slip}." for slip in found)


def _mr_config_id(
    facts: ComposeFacts, stated: bytes | None, identity: Identity, *, required: bool
) -> Check:
    rule = rules.MR_CONFIG_ID
    if stated is None:
        what = "There is no quote to take mr_config_id from."
        return rule.unevaluable(what) if required else rule.skips(what)
    version = stated_version(stated)
    if version == 0:
        return rule.skips("The host stated no configuration: mr_config_id is zero.")
    if version is None:
        return rule.unevaluable(
            "mr_config_id has a form that this release does not know.", actual=stated.hex()
        )
    app = facts.app
    configuration = Configuration(
        facts.sha256, app.key_provider, app.key_provider_id, app.gpu_policy
    )
    fitting = fitting_values(version, configuration, identity)
    if fitting is None:
        return rule.unevaluable(
            f"mr_config_id is of version {version}, which also covers the app id and the instance.",
            actual=stated.hex(),
            remedy="Verify the RTMR3 event log of the same quote: it holds both.",
        )
    expected = " or ".join(value.hex() for value in fitting)
    if stated in fitting:
        return rule.passes(f"It states this configuration (version {version}).", expected=expected)
    return rule.fails(
        f"It states another configuration (version {version}).",
        expected=expected,
        actual=stated.hex(),
        remedy="This app-compose.json does not belong to the quote: fetch both from one guest.",
    )


def _published(
    facts: ComposeFacts,
    policy: ComposePolicy,
    published: bytes | None,
    name: str,
    *,
    required: bool,
) -> Check:
    rule, pin, inside = rules.PUBLISHED, policy.docker_compose_sha256, facts.inside
    if published is None and policy.docker_compose is not None:
        return rule.unevaluable(
            f"The published file {policy.docker_compose} was not there to compare with."
        )
    if inside is None:
        return rule.fails("app-compose.json holds no docker-compose file.")
    digest = hashlib.sha256(inside).hexdigest()
    if published is None and pin is None:
        what = "No published docker-compose file was named: what runs was compared with nothing."
        remedy = (
            'Name the reviewed file in the policy: [compose] docker_compose = "docker-compose.yml"'
            f', or its digest: docker_compose_sha256 = "{digest}"'
        )
        return (
            rule.unevaluable(what, actual=digest, remedy=remedy)
            if required
            else rule.skips(what, actual=digest)
        )
    if pin is not None and pin != digest:
        return rule.fails("What runs has another digest.", expected=pin, actual=digest)
    difference = None if published is None else compare(published, inside)
    if difference is None:
        return rule.passes("They are the same, byte for byte.", expected=digest)
    return rule.fails(
        difference.summary,
        actual=digest,
        details=difference.lines,
        remedy="Check out the version of the file that was deployed, or have the guest upgraded.",
        location=Location(name, difference.line),
    )


def _services(facts: ComposeFacts) -> Check:
    if facts.trouble is not None:
        return rules.SERVICES.unevaluable(facts.trouble)
    assert facts.file is not None
    names = ", ".join(service.name[:40] for service in facts.file.services[:30])
    return rules.SERVICES.passes(f"It has {len(facts.file.services)} services: {names}.")


def _envs(facts: ComposeFacts, policy: ComposePolicy, places: Places) -> Iterator[Check]:
    """Judge the variables that may be set from outside, and where they go."""
    allowed = tuple(dict.fromkeys(facts.app.allowed_envs))
    used = () if facts.file is None else tuple(unmeasured_uses(facts.file, frozenset(allowed)))
    yield from judge_variables(allowed, used, policy, places)
    for rule, finder in (
        (rules.INTERPOLATED_SETTINGS, decides_what_runs),
        (rules.INTERPOLATED_ADDRESSES, decides_whom_to_talk_to),
    ):
        if facts.file is None:
            yield rule.unevaluable(_UNREADABLE)
        else:
            hits = (finder(service, use) for service, use in used)
            yield from judge_hits(rule, filter(None, hits), policy, places)


def _risks(facts: ComposeFacts, policy: ComposePolicy, places: Places) -> Iterator[Check]:
    """Judge the settings of services."""
    for rule, find in FINDERS:
        if facts.file is None:
            yield rule.unevaluable(_UNREADABLE)
        elif rule is rules.CERTIFICATE_VOLUME and not certificate_sources(facts.file):
            yield rule.skips("No service mounts /etc/letsencrypt: where its key lies is not known.")
        else:
            yield from judge_hits(rule, find(facts.file), policy, places)
