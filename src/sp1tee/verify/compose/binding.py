"""What ties app-compose.json to the quote, and the docker-compose file inside to its source."""

import hashlib

from sp1tee.verify.checks import Check, Location
from sp1tee.verify.compose import rules
from sp1tee.verify.compose.difference import compare
from sp1tee.verify.compose.examining import ComposeFacts
from sp1tee.verify.compose.fields import UNMEASURED
from sp1tee.verify.compose.mr_config import (
    Configuration,
    Identity,
    fitting_values,
    stated_version,
)
from sp1tee.verify.policy import ComposePolicy


def judge_hash(
    facts: ComposeFacts, compose_hash: bytes | None, *, genuine: bool, required: bool
) -> Check:
    """Compare the file's hash with the measured one."""
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
    if not genuine:
        return rule.unevaluable(
            "Its SHA-256 is the compose-hash of a quote that is not known to be genuine.",
            expected=compose_hash.hex(),
            actual=actual,
            remedy="See the checks of quote.",
        )
    return rule.passes(
        "Its SHA-256 is the measured compose-hash.",
        expected=compose_hash.hex(),
        details=(UNMEASURED,),
        anchors=("RTMR3",),
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


def judge_mr_config_id(
    facts: ComposeFacts, stated: bytes | None, identity: Identity, *, required: bool
) -> Check:
    """Compare the file with the configuration that the host stated."""
    rule = rules.MR_CONFIG_ID
    if stated is None:
        what = "There is no verified quote to take mr_config_id from."
        remedy = "See the checks of the quote."
        return rule.unevaluable(what, remedy=remedy) if required else rule.skips(what)
    version = stated_version(stated)
    if version == 0:
        return rule.skips("The host stated no configuration: mr_config_id is zero.")
    if version is None:
        return rule.unevaluable(
            "mr_config_id has a form that this release does not know.",
            actual=stated.hex(),
            remedy="See whether a newer sp1tee knows it; no genuine dstack guest boots with junk.",
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


def judge_published(
    facts: ComposeFacts,
    policy: ComposePolicy,
    published: bytes | None,
    name: str,
    *,
    required: bool,
) -> Check:
    """Compare the docker-compose file inside with the published one."""
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
