"""Addresses as this machine's own resolver gives them."""

import socket

from sp1tee.errors import FetchError


def system_addresses(host: str) -> tuple[str, ...]:
    """Look up a host's addresses, IPv4 first.

    Raises:
        FetchError: it has none, or there is no resolver.
    """
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise FetchError(
            f"{host} has no address.", advice="Check the name, or say where it is: --connect IP."
        ) from None
    addresses = {str(place[0]) for *_, place in found}
    return tuple(sorted(addresses, key=lambda address: (":" in address, address)))
