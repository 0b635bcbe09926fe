"""A policy in words, line by line, with what it leaves open."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final

from sp1tee.verify.policy.model import (
    Anchors,
    CaaPolicy,
    CertPolicy,
    ComposePolicy,
    DigestsPolicy,
    KeyProvider,
    OsPolicy,
    Policy,
    QuotePolicy,
    Rtmr3Policy,
    WaiverPolicy,
)
from sp1tee.verify.policy.pins import PINS, ROOMS


def explain(policy: Policy, rooms: Collection[str] = ROOMS) -> tuple[str, ...]:
    """Say what a policy demands, in the order in which the evidence is read.

    Files are called by their names alone: the same policy says the same in every folder.

    Args:
        policy: what is demanded.
        rooms: the sections that are enforced. Of the others only that they are not is said: a
            report must not seem to have checked them.
    """
    return tuple(_lines(policy, rooms))


def _lines(policy: Policy, rooms: Collection[str]) -> Iterator[str]:
    yield from _anchors(policy.anchors)
    for room in ROOMS:
        section = getattr(policy, room)
        if section is not None and room in rooms:
            yield from _SECTIONS[room](section)
    for waiver in policy.waivers:
        yield _waiver(waiver)
    yield from _open(policy, rooms)
    aside = [room for room in ROOMS if room not in rooms and getattr(policy, room) is not None]
    if aside:
        yield f"Not enforced here: what it says about {_and(aside)}; `verify all` does."


def _anchors(anchors: Anchors) -> Iterator[str]:
    for path, said in (
        (anchors.tls_roots, "CAs of TLS certificates are those in {}, not the public ones."),
        (anchors.quote_root, "Quotes must lead to the root in {}, NOT to Intel's."),
        (anchors.ct_logs, "CT logs are those in {}, not the shipped list."),
        (anchors.os_images, "OS images are those in {}, not the shipped table."),
    ):
        if path is not None:
            yield said.format(path.name)


def _cert(cert: CertPolicy) -> Iterator[str]:
    if cert.hosts:
        yield f"The evidence must be of {_either(cert.hosts)}."
    yield (
        "The served certificate must be the attested one, at every address, with SCTs of "
        f"{_at_least(cert.min_scts, 'CT log')}."
    )
    yield f"It must be no older than {_count(cert.max_evidence_age_days, 'day')}."
    if cert.not_before is not None:
        yield f"It must not have been issued before {cert.not_before}."
    yield f"Its ACME account must be one of {_either(cert.acme_directories)}."


def _quote(quote: QuotePolicy) -> Iterator[str]:
    yield f"The quote's TCB status must be {_either(quote.tcb_status)}."
    if quote.deny_advisories:
        yield f"No machine may be affected by {_either(quote.deny_advisories)}."
    yield (
        f"Intel's collateral must be no older than {_count(quote.max_collateral_age_days, 'day')}."
    )
    if quote.min_tcb_evaluation_data_number:
        yield (
            "Its TCB evaluation data number must be at least "
            f"{quote.min_tcb_evaluation_data_number}."
        )
    if quote.platforms:
        yield f"The machine's PPID must be {_either(quote.platforms)}."


def _rtmr3(rtmr3: Rtmr3Policy) -> Iterator[str]:
    if rtmr3.app_id:
        yield f"The application must be {rtmr3.app_id}."
    if rtmr3.compose_hash:
        yield f"The measured compose-hash must be {_either(rtmr3.compose_hash)}."
    if rtmr3.instance_id:
        yield f"The instance must be {_either(rtmr3.instance_id)}."
    if rtmr3.os_image_hash:
        yield f"The measured os-image-hash must be {_either(rtmr3.os_image_hash)}."
    if rtmr3.key_provider:
        yield _provider(rtmr3.key_provider)
    if rtmr3.allow_events:
        yield f"Containers may add the events {_and(rtmr3.allow_events)} to RTMR3, and no others."
    else:
        yield "Containers may add no events to RTMR3."


def _provider(provider: KeyProvider) -> str:
    known = f" with the id {provider.id}" if provider.id else ", whatever its id"
    return f"The enclave's keys must come from {provider.name}{known}."


def _compose(compose: ComposePolicy) -> Iterator[str]:
    if compose.docker_compose is not None:
        yield f"The docker-compose file inside must be {compose.docker_compose.name}, unchanged."
    if compose.docker_compose_sha256:
        digest = compose.docker_compose_sha256
        yield f"The SHA-256 of the docker-compose file inside must be {digest}."
    if compose.pre_launch_script_sha256:
        yield f"A pre-launch script must have the SHA-256 {compose.pre_launch_script_sha256}."
    if compose.init_script_sha256:
        yield f"Init scripts must have the SHA-256 {_either(compose.init_script_sha256)}."
    else:
        yield "There must be no init scripts."
    if compose.allowed_envs:
        yield f"Of variables, only {_and(compose.allowed_envs)} may come from outside."
    elif compose.allowed_envs is not None:
        yield "No variable may come from outside."
    if compose.allow:
        yield f"Risky settings that are accepted: {_and(compose.allow)}."


def _os(os: OsPolicy) -> Iterator[str]:
    if os.images:
        yield f"The OS image must be {_either(os.images)}, by its measurements."
    else:
        yield "The OS image must be a release in the table, by its measurements."
    if os.allow_dev:
        yield "It may be a development image, in which its developers can log in."


def _caa(caa: CaaPolicy) -> Iterator[str]:
    account = caa.account or "the ACME account in the attested evidence"
    yield f"CAA records must let {caa.issuer} alone issue, for {account} alone."
    yield f"They must limit validation to {_either(caa.methods)}."
    yield f"{_at_least(caa.min_resolvers, 'resolver').capitalize()} must answer, all alike."
    if caa.require_dnssec:
        yield "Resolvers must have validated the answer with DNSSEC."


def _digests(digests: DigestsPolicy) -> Iterator[str]:
    if digests.allow_unpinned:
        yield f"Every image must be pinned by digest, except of {_and(digests.allow_unpinned)}."
    else:
        yield "Every image must be pinned by digest."
    if digests.require_registry:
        yield "Registries must serve what hashes to the pins."
    else:
        yield "What registries serve need not be looked at."


def _waiver(waiver: WaiverPolicy) -> str:
    subject = "" if waiver.subject == "*" else f" on {waiver.subject}"
    return f"Waived until {waiver.expires}: {waiver.check}{subject}, because: {waiver.reason}"


def _open(policy: Policy, rooms: Collection[str]) -> Iterator[str]:
    missing = [room for room in ROOMS if room in rooms and getattr(policy, room) is None]
    if missing:
        yield f"Nothing is decided about {_and(missing)}: no such section."
    for pin in PINS:
        room = pin.key.partition(".")[0]
        if room in rooms and room not in missing and not pin.held(policy):
            needed = "; `verify all` cannot do without it" if pin.needed else ""
            yield f"Not pinned: {pin.what} (`{pin.key}`): {pin.open}{needed}."


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _at_least(number: int, what: str) -> str:
    return f"at least {_count(number, what)}"


def _either(names: Sequence[str]) -> str:
    return _joined(names, "or")


def _and(names: Sequence[str]) -> str:
    return _joined(names, "and")


def _joined(names: Sequence[str], word: str) -> str:
    return f"{', '.join(names[:-1])} {word} {names[-1]}" if len(names) > 1 else "".join(names)


_SECTIONS: Final[dict[str, Callable[[Any], Iterator[str]]]] = {
    "cert": _cert,
    "quote": _quote,
    "rtmr3": _rtmr3,
    "compose": _compose,
    "os": _os,
    "caa": _caa,
    "digests": _digests,
}
