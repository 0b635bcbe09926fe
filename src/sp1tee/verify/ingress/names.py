"""Which certificate of the list is the host's."""

from collections.abc import Sequence
from typing import Final

from sp1tee.errors import EvidenceMissing
from sp1tee.verify.ingress.listing import LISTING, Entry

SINGLE: Final = "cert.pem"
"""The name that ingresses for one domain used until September 2025."""


def certificate_for(host: str, entries: Sequence[Entry]) -> str:
    """Name the certificate file of a host, taken from the list.

    The one named after the host comes first, then the wildcard that covers it, then `cert.pem`.
    Certificates of other names are no fault: the evidence directory is never emptied.

    Raises:
        EvidenceMissing: the list has none for this host.
    """
    parent = host.partition(".")[2]
    wanted = (f"cert-{host}.pem", f"cert-*.{parent}.pem", SINGLE)
    listed = {entry.name for entry in entries}
    for name in wanted:
        if name in listed:
            return name
    raise EvidenceMissing(f"{LISTING} lists no certificate for {host}.")
