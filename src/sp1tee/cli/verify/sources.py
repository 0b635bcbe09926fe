"""Whom to ask for evidence: the options of every command that collects it."""

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from sp1tee.errors import ConfigError, EvidenceMalformed

if TYPE_CHECKING:
    from sp1tee.verify.caa import Resolver
    from sp1tee.verify.evidence import Bundle
    from sp1tee.verify.fetch.everything import Sources

PANEL: Final = "Evidence"
_HOST_EQUALS: Final = re.compile(r"([A-Za-z0-9.:_\[\]-]+)=(https?://.+)")
_PORTS: Final = range(1, 65536)
_HTTPS: Final = 443

T = TypeVar("T")

Connect = Annotated[
    list[str] | None,
    typer.Option(
        metavar="IP[:PORT]",
        help="Where the host is, instead of where resolvers say. Repeatable.",
        rich_help_panel=PANEL,
    ),
]
"""Annotation of the option that `places` reads."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom to ask, as it was typed: what it takes to ask is imported when that is done."""

    resolver: tuple[str, ...] = ()
    connect: tuple[str, ...] = ()
    info: str | None = None
    pccs: str | None = None
    registry: tuple[str, ...] = ()

    def sources(self) -> "Sources":
        """Make it what a collector takes; raises `ConfigError`."""
        from sp1tee.verify.fetch.collateral import INTEL
        from sp1tee.verify.fetch.collateral_cache import CollateralCache
        from sp1tee.verify.fetch.everything import Sources

        return Sources(
            resolvers=resolvers(self.resolver),
            connect=places(self.connect) if self.connect else None,
            info=self.info,
            pccs=self.pccs or INTEL,
            registries=registries(self.registry),
            cache=CollateralCache(),
        )

    def collect(self, typed: str, keep: Path | None = None) -> "Bundle":
        """Collect evidence about ``HOST[:PORT]``, and save it where it is to be kept.

        Raises:
            ConfigError: that is no host, or what was typed cannot be asked.
            EvidenceFileError: something is at `keep` already, or it cannot be written.
        """
        from sp1tee.cli.render import note
        from sp1tee.verify.evidence import save_bundle
        from sp1tee.verify.evidence.storage import demand_free
        from sp1tee.verify.fetch.everything import collect

        (host, port), sources = target(typed), self.sources()
        if keep is not None:
            demand_free(keep)
        bundle = collect(host, port, sources=sources, tell=note)
        if keep is not None:
            save_bundle(bundle, keep)
        return bundle


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
    connect: Connect = None,
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


def target(text: str, port: int = _HTTPS) -> tuple[str, int]:
    """Read ``HOST[:PORT]``, the host as everybody else writes it; raises `ConfigError`."""
    from sp1tee.verify.caa import read_host

    host, at = place(text, port)
    return usable(read_host, host), at


def places(typed: Sequence[str], port: int = _HTTPS) -> tuple[tuple[str, ...], int]:
    """Read where a host is: its addresses, and the port at all of them; raises `ConfigError`."""
    found = [place(text, port) for text in typed]
    for address, _ in found:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise ConfigError(
                f"{address[:80]!r} is no IP address.", advice="Write e.g. --connect 192.0.2.1:443."
            ) from None
    ports = {at for _, at in found}
    if len(ports) > 1:
        raise ConfigError("A host has the same port at all of its addresses.")
    return tuple(address for address, _ in found), ports.pop()
