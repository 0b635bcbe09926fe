"""Hosts, as far as every room has to know them."""

import ipaddress
from typing import Final

_MAX_PORT: Final = 65535


def is_loopback(host: str) -> bool:
    """Tell whether a host, by its address or name, is this machine and no other."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def split_address(text: str) -> tuple[str, int]:
    """Split ``host:port``, where the host of IPv6 stands in brackets; port 0 means any free one.

    Raises:
        ValueError: it is not of that form, or the host is no IP address or ``localhost``.
    """
    host, colon, port = text.rpartition(":")
    host = "127.0.0.1" if host == "localhost" else host.removeprefix("[").removesuffix("]")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > _MAX_PORT:
        raise ValueError("Write it as ADDRESS:PORT, for example 127.0.0.1:8080 or [::]:8080")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError("Write the address in figures, for example 0.0.0.0:8080") from None
    return host, int(port)
