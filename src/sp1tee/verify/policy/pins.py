"""What a policy pins, of all that it could pin, and where it is weak."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from sp1tee.verify.policy.model import Policy


@dataclass(frozen=True, slots=True)
class Pin:
    """Something that a policy can tie to one value.

    Attributes:
        key: the policy's key.
        what: what it ties, as part of a sentence.
        open: what follows if it is left out.
        held: whether a policy has it.
        needed: whether `verify all` cannot evaluate everything without it.
    """

    key: str
    what: str
    open: str
    held: Callable[[Policy], bool]
    needed: bool = False


PINS: Final = (
    Pin(
        "cert.hosts",
        "the host",
        "evidence of any name will do, if the application is the same",
        lambda p: bool(p.cert and p.cert.hosts),
        needed=True,
    ),
    Pin(
        "rtmr3.app_id",
        "the application",
        "any application may answer under the name",
        lambda p: bool(p.rtmr3 and p.rtmr3.app_id),
        needed=True,
    ),
    Pin(
        "rtmr3.compose_hash",
        "the deployed app-compose.json",
        "whoever may upgrade the application may change its code",
        lambda p: bool(p.rtmr3 and p.rtmr3.compose_hash),
        needed=True,
    ),
    Pin(
        "rtmr3.instance_id",
        "the instance",
        "any instance of the application is accepted",
        lambda p: bool(p.rtmr3 and p.rtmr3.instance_id),
    ),
    Pin(
        "rtmr3.os_image_hash",
        "the OS image that the KMS approved",
        "whatever os-image-hash the log has is accepted",
        lambda p: bool(p.rtmr3 and p.rtmr3.os_image_hash),
    ),
    Pin(
        "rtmr3.key_provider",
        "who hands out the enclave's keys",
        "an unknown KMS may know the keys of its disk",
        lambda p: bool(p.rtmr3 and p.rtmr3.key_provider),
        needed=True,
    ),
    Pin(
        "compose.docker_compose",
        "the published docker-compose file",
        "the containers may be others than the published ones",
        lambda p: bool(p.compose and (p.compose.docker_compose or p.compose.docker_compose_sha256)),
        needed=True,
    ),
    Pin(
        "compose.pre_launch_script_sha256",
        "the script that runs as root before the containers",
        "no such script is accepted",
        lambda p: bool(p.compose and p.compose.pre_launch_script_sha256),
    ),
    Pin(
        "compose.allowed_envs",
        "the variables that the host may set",
        "no such variables are accepted",
        lambda p: bool(p.compose and p.compose.allowed_envs is not None),
    ),
    Pin(
        "os.images",
        "the releases of the OS",
        "every release of the table is accepted, old ones too",
        lambda p: bool(p.os and p.os.images),
    ),
    Pin(
        "caa.account",
        "the ACME account",
        "the account in the attested evidence is taken",
        lambda p: bool(p.caa and p.caa.account),
    ),
    Pin(
        "cert.not_before",
        "the certificate's earliest day",
        "its key may be older than the deployed code",
        lambda p: bool(p.cert and p.cert.not_before),
    ),
    Pin(
        "quote.platforms",
        "the machines",
        "any machine that Intel vouches for is accepted",
        lambda p: bool(p.quote and p.quote.platforms),
    ),
)
ROOMS: Final = ("cert", "quote", "rtmr3", "compose", "os", "caa", "digests")
"""The sections that `verify all` needs."""

_BROKEN: Final = ("OutOfDate", "OutOfDateConfigurationNeeded")


def held(policy: Policy) -> tuple[Pin, ...]:
    """Return what a policy pins."""
    return tuple(pin for pin in PINS if pin.held(policy))


def weaknesses(policy: Policy) -> Iterator[str]:
    """Yield what a reviewer of a policy should ask about, one sentence each."""
    for room in ROOMS:
        if getattr(policy, room) is None:
            yield f"There is no section [{room}]: `verify all` cannot evaluate that part."
    yield from _identity(policy)
    yield from _leniency(policy)
    if policy.anchors.quote_root is not None:
        yield "`anchors.quote_root` replaces Intel's root: this is for stand-ins only."


def _identity(policy: Policy) -> Iterator[str]:
    for pin in PINS:
        section = getattr(policy, pin.key.partition(".")[0])
        if pin.needed and section is not None and not pin.held(policy):
            yield f"`{pin.key}` is not pinned: {pin.open}. `verify all` needs it."
    provider = policy.rtmr3 and policy.rtmr3.key_provider
    if provider and not provider.id:
        yield f"`rtmr3.key_provider` names {provider.name} without an id: any of that kind will do."


def _leniency(policy: Policy) -> Iterator[str]:
    if policy.os is not None and policy.os.allow_dev:
        yield "`os.allow_dev` accepts images whose developers can log in as root."
    if policy.quote is not None:
        lenient = [status for status in policy.quote.tcb_status if status != "UpToDate"]
        if any(status in _BROKEN for status in lenient):
            yield f"`quote.tcb_status` accepts {', '.join(lenient)}: machines with known holes."
        elif lenient:
            yield f"`quote.tcb_status` accepts {', '.join(lenient)}; deny what matters by advisory."
    if policy.cert is not None and policy.cert.min_scts == 0:
        yield "`cert.min_scts` is 0: a certificate that nobody could see being issued will do."
    if policy.digests is not None:
        for service in policy.digests.allow_unpinned:
            yield f"`digests.allow_unpinned` lets the image of {service} change at any time."
    if policy.compose is not None and policy.compose.allow:
        yield f"`compose.allow` accepts risky settings: {', '.join(policy.compose.allow)}."
