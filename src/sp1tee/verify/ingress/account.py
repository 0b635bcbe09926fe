"""`acme-account.json`: the ACME account that certificates are issued to (RFC 8555 §7.1.2).

certbot keeps the URI as ``uri``, lego as ``registration.uri`` and, from 5.0 on, as
``registration.accountURL``.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from sp1tee.errors import EvidenceMalformed, EvidenceMissing
from sp1tee.verify.facts import Json
from sp1tee.verify.ingress.listing import ACCOUNT
from sp1tee.verify.reading import read_object

MAX_ACCOUNT: Final = 64 * 1024
"""Genuine files have less than 2 KiB."""

# A CAA record compares the URI octet by octet, so nothing in it may need interpretation.
_URI: Final = re.compile(r"https://[a-z0-9.-]{1,253}(?::\d{1,5})?/[A-Za-z0-9._~/-]{1,1024}")


@dataclass(frozen=True, slots=True)
class Account:
    """An ACME account: its URI, and the host (with a port that is not 443) of its directory."""

    uri: str
    directory: str

    @property
    def staging(self) -> bool:
        """Whether it is an account of a staging directory, whose certificates nobody trusts."""
        return "staging" in self.directory


def read_account(data: bytes) -> Account:
    """Read the account's URI, which must be stated exactly once.

    Raises:
        EvidenceTooLarge: the file is larger than anything genuine.
        EvidenceMissing: it states no URI.
        EvidenceMalformed: it is no JSON object, states several, or one that is no https URL.
    """
    document = read_object(data, ACCOUNT, limit=MAX_ACCOUNT)
    stated = _stated(document)
    if not stated:
        raise EvidenceMissing(f"{ACCOUNT} states no account URI.")
    if len(stated) > 1:
        raise EvidenceMalformed(f"{ACCOUNT} states {len(stated)} account URIs.")
    uri = stated[0]
    if not isinstance(uri, str) or not _URI.fullmatch(uri):
        raise EvidenceMalformed(f"The account URI in {ACCOUNT} is no https URL.")
    return Account(uri, urlsplit(uri).netloc.removesuffix(":443"))


def _stated(document: dict[str, Json]) -> list[Json]:
    registration = document.get("registration", {})
    if not isinstance(registration, dict):
        raise EvidenceMalformed(f"registration in {ACCOUNT} is no object.")
    places = (
        (document, "uri"),
        (registration, "accountURL"),
        (registration, "uri"),
    )
    return [holder[key] for holder, key in places if key in holder]
