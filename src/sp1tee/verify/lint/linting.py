"""A compose file before it is deployed: what auditors would say to it, and a little more."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sp1tee.errors import VerifyError
from sp1tee.verify import compose, digests
from sp1tee.verify.checks import Check, Findings, Status
from sp1tee.verify.compose import ComposeFile
from sp1tee.verify.compose.acceptance import Places
from sp1tee.verify.lint import acceptances, hardening
from sp1tee.verify.policy import ComposePolicy, DigestsPolicy, Policy

_APP_COMPOSE: Final = (b'"docker_compose_file"', b'"manifest_version"')
_HOW_TO_ACCEPT: Final = (
    "What is acceptable can be accepted in the file itself, with a reason: x-sp1tee: {accepts: "
    "[{check: …, subject: …, reason: …}]}. Auditors have policies of their own."
)


@dataclass(frozen=True, slots=True)
class Linted:
    """What was found, and what a reader should know beside it."""

    findings: Findings
    notes: tuple[str, ...] = ()


def lint(data: bytes, name: str, policy: Policy | None) -> Linted:
    """Judge a docker-compose file, or an app-compose.json with one inside.

    Args:
        data: the file.
        name: what it is called in locations, e.g. its path.
        policy: what somebody demands; with it the file's own acceptances have no say.
    """
    read = _app_compose(data, policy) if _is_app_compose(data) else _plain(data, name, policy)
    if read.file is None:
        return Linted(read.found)
    if policy is not None:
        return Linted(read.found, ("With a policy, what the file itself accepts is ignored.",))
    accepted, said = acceptances.read(read.file)
    checks = (*acceptances.apply(read.found.checks, accepted), *said)
    notes = (*acceptances.unneeded(checks, accepted), *_advice(checks))
    return Linted(Findings(checks, read.found.facts), notes)


def _is_app_compose(data: bytes) -> bool:
    """Tell an app-compose.json, which is a JSON object with its fields, from YAML."""
    return data.lstrip().startswith(b"{") and any(field in data for field in _APP_COMPOSE)


@dataclass(frozen=True, slots=True)
class _Read:
    file: ComposeFile | None
    found: Findings


def _app_compose(data: bytes, policy: Policy | None) -> _Read:
    try:
        facts = compose.examine(data)
    except VerifyError as error:
        return _Read(None, Findings((compose.READABLE.unevaluable(error),)))
    judged = compose.judge(
        facts,
        _compose_policy(policy),
        compose_hash=None,
        mr_config_id=None,
        published=None,
        genuine=False,
        required=False,
    )
    if facts.file is None:
        return _Read(None, judged)
    return _Read(facts.file, judged + Findings((*_images_and_more(facts.file, policy, None),)))


def _plain(data: bytes, name: str, policy: Policy | None) -> _Read:
    try:
        file = compose.parse_compose(data, name)
    except VerifyError as error:
        return _Read(None, Findings((digests.COMPOSE.unevaluable(error),)))
    services = ", ".join(service.name for service in file.services[:30])
    checks = (
        *compose.judge_file(file, _compose_policy(policy), Places(name)),
        digests.COMPOSE.passes(f"It has the services {services}."),
        *_images_and_more(file, policy, name),
    )
    return _Read(file, Findings(checks))


def _images_and_more(file: ComposeFile, policy: Policy | None, name: str | None) -> Iterator[Check]:
    demanded = (policy.digests if policy else None) or DigestsPolicy()
    yield from digests.judge_pins(file, demanded)
    yield from hardening.judge(file, Places(name).location)


def _compose_policy(policy: Policy | None) -> ComposePolicy:
    return (policy.compose if policy else None) or ComposePolicy()


def _advice(checks: tuple[Check, ...]) -> Iterator[str]:
    if any(check.status is Status.REFUSED for check in checks):
        yield _HOW_TO_ACCEPT
