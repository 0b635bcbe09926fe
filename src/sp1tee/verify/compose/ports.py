"""Ports that services publish on the guest (Compose Specification, `ports`)."""

from typing import Final

from sp1tee.verify.compose.mounts import split_outside_braces
from sp1tee.verify.compose.yaml_tree import Node, Scalar, Table, text_of

_LOOPBACK: Final = ("127.", "localhost", "[::1]", "::1")


def published_port(item: Node) -> str:
    """Return the port of the guest that is published; nothing if only the guest reaches it."""
    if isinstance(item, Table):
        address = text_of(item.get("host_ip"))
        port = text_of(item.get("published")) or text_of(item.get("target"))
    elif isinstance(item, Scalar):
        address, port = _address_and_port(item.text)
    else:
        address, port = "", "something unreadable"
    return "" if address.startswith(_LOOPBACK) else port


def _address_and_port(text: str) -> tuple[str, str]:
    """Take apart ``[address:][published:]target[/protocol]``."""
    parts: list[str] = []
    rest = text.removesuffix("/tcp")
    if rest.startswith("["):
        address, _, rest = rest.partition("]")
        parts, rest = [address + "]"], rest.lstrip(":")
    while rest:
        part, _, rest = split_outside_braces(rest)
        parts.append(part)
    published = parts[-2:-1] or parts[-1:]
    return (parts[0] if len(parts) > 2 else "", published[0] if published else "")  # noqa: PLR2004
