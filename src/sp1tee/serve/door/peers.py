"""Telling peers apart: whom an address stands for, and which addresses stand for many."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self

PRIVATE: Final = "private"
"""Stands for every address that the Internet does not route, where ingresses and proxies are."""

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_PRIVATE: Final = (
    *("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.168.0.0/16", "::1/128", "fc00::/7", "fe80::/10"),
)
_SITE_MASK: Final = ~((1 << 64) - 1)
_CACHED: Final = 8192


@dataclass(frozen=True, slots=True)
class Trusted:
    """The peers that speak for many: nobody counts their connections.

    Attributes:
        networks: their addresses.
        private: whether all addresses that are not global count among them.
    """

    networks: tuple[Network, ...] = ()
    private: bool = True

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """Read addresses, networks in CIDR notation and the word ``private``.

        Raises:
            ValueError: one is none of these.
        """
        given = tuple(texts)
        networks = tuple(ip_network(text) for text in given if text != PRIVATE)
        return cls(networks, PRIVATE in given)

    def texts(self) -> tuple[str, ...]:
        """Write them as networks, for whoever knows no other way."""
        return (*map(str, self.networks), *(_PRIVATE if self.private else ()))

    def covers(self, address: Address) -> bool:
        """Tell whether an address is one of these peers'."""
        if self.private and not address.is_global:
            return True
        return any(address in network for network in self.networks)


class Strangers:
    """Tells strangers, whose connections are counted, from trusted peers."""

    def __init__(self, trusted: Trusted) -> None:
        self._trusted = trusted
        self.find = lru_cache(_CACHED)(self._find)

    def _find(self, host: str) -> Address | None:
        """Return whom a connection's remote address stands for; None if it is trusted."""
        peer = peer_of(host)
        return None if peer is None or self._trusted.covers(peer) else peer


def peer_of(host: str) -> Address | None:
    """Return whom a connection's remote address stands for; None if it is no address.

    A site has 2⁶⁴ addresses of IPv6: the first of them stands for all.
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv6Address(int(address) & _SITE_MASK)
