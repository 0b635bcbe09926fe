"""Names: the one that is asked about, and those above it that decide with it."""

import ipaddress
import re
from typing import Final

import dns.exception
import dns.name

from sp1tee.errors import EvidenceMalformed

LABELS: Final = 32
"""How many labels a name may have. Each costs a question to every resolver; real ones have six."""

ROUTING_PREFIX: Final = "_dstack-app-address"
"""Below it a dstack gateway looks up where connections for a name go, as ``<app id>:<port>``."""

_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


def read_host(text: str) -> str:
    """Read a host name as people write it.

    Returns:
        The name in lower case, without a final dot, international labels as A-labels (IDNA 2008).

    Raises:
        EvidenceMalformed: no public CA issues for this: an address, a single label, a wildcard,
            or no host name at all.
    """
    shown = repr(text[:80])
    if _is_address(text):
        raise EvidenceMalformed(f"{shown} is an address; CAA is about names.")
    if text.startswith("*."):
        raise EvidenceMalformed(
            f"{shown} is a wildcard.",
            advice="Give the name that clients connect to: wildcards that match it are judged too.",
        )
    labels = _ascii(text, shown).split(".")
    if len(labels) < 2:  # noqa: PLR2004 - a name and what it is in
        raise EvidenceMalformed(f"{shown} is a single label, for which no public CA issues.")
    if len(labels) > LABELS:
        raise EvidenceMalformed(f"{shown} has more than {LABELS} labels.")
    if not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        raise EvidenceMalformed(f"{shown} is no host name.")
    return ".".join(labels)


def climb(host: str) -> tuple[str, ...]:
    """List the names whose CAA sets may govern a host, nearest first.

    They are the name itself and all above it but the root (RFC 8659 §3).
    """
    labels = host.split(".")
    return tuple(".".join(labels[start:]) for start in range(len(labels)))


def wildcard_base(host: str) -> str | None:
    """Return the name whose wildcard certificate clients accept for the host.

    None directly below a top-level domain: public CAs do not issue for ``*.org``
    (CA/Browser Forum Baseline Requirements §3.2.2.6).
    """
    base = host.partition(".")[2]
    return base if "." in base else None


def questions(host: str) -> tuple[tuple[str, str], ...]:
    """List every question about a host: names and types."""
    return (
        *((name, "CAA") for name in climb(host)),
        *address_questions(host),
        (f"{ROUTING_PREFIX}.{host}", "TXT"),
    )


def address_questions(host: str) -> tuple[tuple[str, str], ...]:
    """List the questions for a host's addresses."""
    return ((host, "A"), (host, "AAAA"))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def _ascii(text: str, shown: str) -> str:
    try:
        name = dns.name.from_text(text, idna_codec=dns.name.IDNA_2008_Practical)
        return name.to_text(omit_final_dot=True).lower()
    except (dns.exception.DNSException, ValueError):
        raise EvidenceMalformed(f"{shown} is no host name.") from None
