"""Hosts, as far as every room has to know them."""

import ipaddress


def is_loopback(host: str) -> bool:
    """Tell whether a host, by its address or name, is this machine and no other."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
