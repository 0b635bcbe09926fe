"""Resolvers: who is asked, and whether the way to it keeps answers from being forged."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from sp1tee.errors import EvidenceMalformed

Transport = Literal["udp", "tls", "https"]

PUBLIC: Final = (
    "https://dns.google/dns-query",
    "https://cloudflare-dns.com/dns-query",
    "tls://9.9.9.9#dns.quad9.net",
)
"""Three operators who validate DNSSEC, each asked over TLS."""

_PORTS: Final = {"udp": 53, "tls": 853}
_NAME: Final = re.compile(r"[A-Za-z0-9.-]{1,253}", re.ASCII)
_LENGTH: Final = 400


@dataclass(frozen=True, slots=True)
class Resolver:
    """Somebody who answers questions.

    Attributes:
        text: as it is written in reports and bundles.
        transport: how it is asked first; `udp` goes on to TCP where UDP does not do.
        address: its IP address, empty for `https`.
        port: its port, 0 for `https`.
        name: what its certificate must be for; for `https` the URL's host.
    """

    text: str
    transport: Transport
    address: str = ""
    port: int = 0
    name: str = ""

    @property
    def authenticated(self) -> bool:
        """Whether nobody on the way can change what it says, its AD bit included."""
        return self.transport != "udp" or ipaddress.ip_address(self.address).is_loopback


def read_resolver(text: str) -> Resolver:
    """Read ``IP[:PORT]``, ``tls://IP[:PORT][#NAME]`` or ``https://…``.

    An IPv6 address with a port is written in brackets. NAME is what the certificate is for; without
    it, it must be for the address.

    Raises:
        EvidenceMalformed: it is none of these.
    """
    try:
        return _read(text)
    except ValueError:
        raise EvidenceMalformed(
            f"{text[:80]!r} is no resolver.",
            advice="Write IP[:PORT], tls://IP[:PORT][#NAME] or https://HOST/PATH.",
        ) from None


def _read(text: str) -> Resolver:
    if len(text) > _LENGTH:
        raise ValueError
    if text.startswith("https://"):
        return _https(text)
    if text.startswith("tls://"):
        place, _, name = text.removeprefix("tls://").partition("#")
        address, port = _place(place, _PORTS["tls"])
        if name and not _NAME.fullmatch(name):
            raise ValueError
        return Resolver(text, "tls", address, port, name or address)
    address, port = _place(text, _PORTS["udp"])
    return Resolver(text, "udp", address, port)


def _https(text: str) -> Resolver:
    parts = urlsplit(text)
    if not parts.hostname or parts.username is not None or parts.fragment or not text.isprintable():
        raise ValueError
    _ = parts.port
    return Resolver(text, "https", name=parts.hostname)


def _place(text: str, port: int) -> tuple[str, int]:
    address, colon, number = text, "", ""
    if text.startswith("["):
        address, bracket, rest = text[1:].partition("]")
        before, colon, number = rest.partition(":")
        if not bracket or before:
            raise ValueError
    elif text.count(":") == 1:
        address, colon, number = text.partition(":")
    return str(ipaddress.ip_address(address)), _port(number) if colon else port


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 1 << 16):
        raise ValueError
    return int(text)
