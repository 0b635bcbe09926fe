"""Which other machines may be handed inputs, because a prover there makes the proof.

Whoever proves sees program and input in clear. A prover on another machine therefore needs the
operator's word for it, host by host; whatever it says of where to upload is held against the same
list, so that a prover that is allowed cannot send an input on to one that is not.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import SplitResult, urlsplit

from sp1tee.errors import OffHostRefused
from sp1tee.hosts import is_loopback

_SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class Reach:
    """Where inputs may go: this machine, and the hosts that the operator named.

    Attributes:
        allowed: those hosts, in lower case.
    """

    allowed: frozenset[str] = frozenset()

    @classmethod
    def of(cls, hosts: Iterable[str]) -> Self:
        """Allow hosts as people write them."""
        return cls(frozenset(host.strip("[]").lower() for host in hosts))

    def check(self, url: str, *, encrypted: bool = False) -> None:
        """Let a URL pass to which an input, or what came of one, may be sent.

        Args:
            url: it is never repeated, as uploads have secrets in theirs.
            encrypted: whether it must keep others on the way from reading along.

        Raises:
            OffHostRefused: it leads elsewhere, or nowhere.
        """
        host = host_of(url)
        if is_loopback(host):
            return
        if host not in self.allowed:
            raise OffHostRefused(
                f"The input would leave this machine in clear: {host} is not allowed to see it.",
                advice=f"Give --allow-off-host {host} if whoever runs it may see every input.",
            )
        if encrypted and urlsplit(url).scheme != "https":
            raise OffHostRefused(
                f"The input would cross an unencrypted line to {host}.",
                advice="Let the prover name https URLs.",
            )


def host_of(url: str) -> str:
    """Return the host a URL leads to; raises `OffHostRefused` for what is no URL."""
    parts = _parts(url)
    if parts is None or parts.scheme not in _SCHEMES or not parts.hostname:
        raise OffHostRefused("The prover named an address that is none.", advice="")
    return parts.hostname


def is_here(url: str) -> bool:
    """Tell whether a URL leads to this machine."""
    return is_loopback(host_of(url))


def _parts(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:
        return None
