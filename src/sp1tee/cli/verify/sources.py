"""Whom to ask for evidence: the options of every command that collects it."""

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from sp1tee.errors import ConfigError, EvidenceMalformed

if TYPE_CHECKING:
    from sp1tee.verify.caa import Resolver
    from sp1tee.verify.fetch.everything import Sources

PANEL: Final = "Evidence"
_HOST_EQUALS: Final = re.compile(r"([A-Za-z0-9.:_\[\]-]+)=(https?://.+)")
_PORTS: Final = range(1, 65536)
_HTTPS: Final = 443

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom to ask, as it was typed: what it takes to ask is imported when that is done."""

    resolver: tuple[str, ...]
    connect: tuple[str, ...]
    info: str | None
    pccs: str | None
    registry: tuple[str, ...]

    def sources(self) -> "Sources":
        """Make it what a collector takes; raises `ConfigError`."""
        from sp1tee.verify.fetch.collateral import INTEL
        from sp1tee.verify.fetch.collateral_cache import CollateralCache
        from sp1tee.verify.fetch.everything import Sources

        return Sources(
            resolvers=resolvers(self.resolver),
            connect=_places(self.connect) if self.connect else None,
            info=self.info,
            pccs=self.pccs or INTEL,
            registries=registries(self.registry),
            cache=CollateralCache(),
        )


def asked(
    *,
    resolver: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RESOLVER",
            help="Whom to ask for names: IP[:PORT], tls://IP[:PORT][#NAME] or https://…. "
            "Repeatable. This machine's, Google's, Cloudflare's and Quad9's, if left out.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    connect: Annotated[
        list[str] | None,
        typer.Option(
            metavar="IP[:PORT]",
            help="Where the host is, instead of where resolvers say. Repeatable.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    info: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The guest agent's Info; at the gateway that the name leads to, if left out.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    pccs: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where collateral comes from; Intel, if left out.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    registry: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[HOST=]URL",
            help="Ask this registry for the images of one host, or of all. Repeatable.",
            rich_help_panel=PANEL,
        ),
    ] = None,
) -> Asked:
    """Choose whom to ask."""
    return Asked(tuple(resolver or ()), tuple(connect or ()), info, pccs, tuple(registry or ()))


def resolvers(typed: Sequence[str]) -> "tuple[Resolver, ...]":
    """Read resolvers, or take the usual ones; raises `ConfigError`."""
    from sp1tee.verify.caa import read_resolver
    from sp1tee.verify.fetch.dns import default_resolvers

    return tuple(usable(read_resolver, text) for text in typed) or default_resolvers()


def registries(typed: Sequence[str]) -> dict[str, str]:
    """Read which registries to ask instead; raises `ConfigError`."""
    found: dict[str, str] = {}
    for each in typed:
        match = _HOST_EQUALS.fullmatch(each)
        host, url = match.groups() if match else ("*", each)
        if not url.startswith(("https://", "http://")):
            raise ConfigError(
                f"{each!r} is no registry.", advice="Write URL or HOST=URL, e.g. https://ghcr.io."
            )
        if host in found:
            raise ConfigError("Two registries are named for the same images.")
        found[host] = url
    return found


def usable(read: Callable[[str], T], text: str) -> T:
    """Read what was typed; what cannot be read is the caller's mistake, not the evidence's."""
    try:
        return read(text)
    except EvidenceMalformed as error:
        # What helps with evidence in general does not help with what was typed.
        told = "" if error.advice == error.default_advice else error.advice
        raise ConfigError(error.message, advice=told) from None


def place(text: str, port: int = _HTTPS) -> tuple[str, int]:
    """Read ``HOST[:PORT]``, an IPv6 address with a port in brackets; raises `ConfigError`."""
    bracketed = re.fullmatch(r"\[([^\]]+)\](?::([0-9]{1,5}))?", text)
    plain = re.fullmatch(r"([^:]+)(?::([0-9]{1,5}))?", text)
    match = bracketed or plain
    if match is None:
        return text, port  # an IPv6 address without a port
    host, digits = match.groups()
    if digits is not None and int(digits) not in _PORTS:
        raise ConfigError(f"{text!r} has no port.", advice="A port is from 1 to 65535.")
    return host, int(digits) if digits else port


def _places(typed: Sequence[str]) -> tuple[tuple[str, ...], int]:
    places = [place(text) for text in typed]
    for address, _ in places:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise ConfigError(
                f"{address!r} is no IP address.", advice="Write e.g. --connect 192.0.2.1:443."
            ) from None
    ports = {port for _, port in places}
    if len(ports) > 1:
        raise ConfigError("A host has the same port at all of its addresses.")
    return tuple(address for address, _ in places), ports.pop()
