"""Collecting everything about a host, once, into a bundle.

Order matters: addresses come from DNS, the quote tells which platform's collateral is needed and
which guest to ask, and the guest's app-compose.json which images to look up. What cannot be had is
in the bundle as well, with its reason.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from sp1tee.errors import EvidenceMissing, FetchError, VerifyError
from sp1tee.verify import digests
from sp1tee.verify.caa import Reply, Resolver, read_addresses, read_reply
from sp1tee.verify.compose import examine
from sp1tee.verify.evidence.bundle import Bundle
from sp1tee.verify.evidence.collector import Collector
from sp1tee.verify.evidence.manifest import Download, Target, Trouble
from sp1tee.verify.fetch.collateral import INTEL, fetch_collateral
from sp1tee.verify.fetch.collateral_cache import CollateralCache
from sp1tee.verify.fetch.dns import query_all
from sp1tee.verify.fetch.info import fetch_info
from sp1tee.verify.fetch.ingress import bodies, fetch_evidence
from sp1tee.verify.fetch.registry import fetch_images
from sp1tee.verify.fetch.tls import answering_first, fetch_endpoints
from sp1tee.verify.guest_info import gateway_of, info_url, parse_info
from sp1tee.verify.ingress import QUOTE
from sp1tee.verify.quote import QuoteInput, read_quote
from sp1tee.verify.quote.dcap import platform
from sp1tee.verify.rtmr3 import identity_of, read_events

Tell = Callable[[str], None]
_HTTPS: Final = 443


@dataclass(frozen=True, slots=True)
class Sources:
    """Whom to ask.

    Attributes:
        resolvers: for names.
        connect: addresses and port to use for the host, instead of what resolvers say.
        info: URL of the guest's Info; None: worked out from routing and the event log.
        pccs: where collateral comes from.
        registries: URLs to ask instead of an image's host; see `fetch_images`.
        cache: where collateral is kept; None: nowhere.
        platform: whose image to take of an index.
    """

    resolvers: tuple[Resolver, ...]
    connect: tuple[tuple[str, ...], int] | None = None
    info: str | None = None
    pccs: str = INTEL
    registries: Mapping[str, str] = field(default_factory=dict)
    cache: CollateralCache | None = None
    platform: digests.Platform = digests.LINUX_AMD64


def collect(
    host: str, port: int = _HTTPS, *, sources: Sources, tell: Tell = lambda _: None
) -> Bundle:
    """Collect everything about a host; nothing is raised, what is missing is in the bundle.

    Args:
        host: as `sp1tee.verify.caa.read_host` returns it.
        port: its port.
        sources: whom to ask.
        tell: is told each step, one short sentence.
    """
    collector = Collector(Target(host=host, port=port))
    tell(f"Asking {len(sources.resolvers)} resolvers about {host}.")
    answers = query_all(host, sources.resolvers)
    collector.dns(answers)
    replies = [read_reply(record, body) for record, body in answers]

    addresses, at_port = sources.connect or (read_addresses(host, replies), port)
    tell(f"Shaking hands with {len(addresses)} addresses.")
    endpoints = fetch_endpoints(host, at_port, addresses)
    collector.endpoints(endpoints)
    tell("Fetching the evidence files.")
    files = fetch_evidence(host, at_port, answering_first(endpoints))
    collector.ingress(files)

    quote = _quote(bodies(files).get(QUOTE))
    tell("Fetching the platform's collateral.")
    collector.collateral(*_collateral(quote, sources))
    tell("Asking the guest for its configuration.")
    record, body = _info(quote, replies, host, sources)
    collector.info(record, body)
    images = _images(body)
    if images:
        tell(f"Asking registries for {len(images)} images.")
        collector.images(fetch_images(images, sources.platform, sources.registries))
    return collector.finish()


def _quote(body: bytes | None) -> QuoteInput | VerifyError:
    if body is None:
        return EvidenceMissing("There is no quote.")
    try:
        return read_quote(body)
    except VerifyError as error:
        return error


def _collateral(quote: QuoteInput | VerifyError, sources: Sources) -> tuple[Download, bytes | None]:
    record = Download(source=sources.pccs)
    try:
        machine = platform(_readable(quote).raw)
        now = int(datetime.now(UTC).timestamp())
        return record, fetch_collateral(machine, at=now, source=sources.pccs, cache=sources.cache)
    except VerifyError as error:
        return record.model_copy(update={"trouble": Trouble.of(error)}), None


def _info(
    quote: QuoteInput | VerifyError, replies: list[Reply], host: str, sources: Sources
) -> tuple[Download, bytes | None]:
    try:
        url = sources.info or info_url(_identity(_readable(quote)), gateway_of(host, replies))
    except VerifyError as error:
        return Download(source="the guest's Info", trouble=Trouble.of(error)), None
    return fetch_info(url)


def _identity(quote: QuoteInput) -> str:
    """Name the guest to ask: the instance if there is an id for it, else the application."""
    if quote.event_log is None:
        raise EvidenceMissing("The quote has no event log that names the application.")
    return identity_of(read_events(list(quote.event_log)))


def _images(info: bytes | None) -> list[str]:
    """List the images of the guest's docker-compose file, as far as it can be read."""
    try:
        app_compose = None if info is None else parse_info(info).app_compose
        file = None if app_compose is None else examine(app_compose.encode()).file
    except VerifyError:
        return []
    return [] if file is None else digests.written(file)


def _readable(quote: QuoteInput | VerifyError) -> QuoteInput:
    if isinstance(quote, VerifyError):
        raise FetchError(quote.message)
    return quote
