"""`sha256sum.txt`: which files the evidence consists of, and their digests.

The quote commits to the digest of this file's bytes, so everything rests on reading it in one way
only: the text form of GNU sha256sum, nothing optional, and only the names that dstack-ingress
writes. Names are looked up among what was fetched and never used as paths.
"""

import re
from dataclasses import dataclass
from typing import Final

from sp1tee.errors import EvidenceMalformed, EvidenceTooLarge

LISTING: Final = "sha256sum.txt"
QUOTE: Final = "quote.json"
ACCOUNT: Final = "acme-account.json"

MAX_LISTING: Final = 64 * 1024
"""A line has at most some 330 bytes; genuine lists have a handful of lines."""
MAX_FILES: Final = 64
"""A certificate for each domain of one ingress; each is fetched on a connection of its own."""

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN: Final = rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*"
_NAME: Final = re.compile(rf"acme-account\.json|cert\.pem|cert-({_DOMAIN})\.pem", re.ASCII)
_LINE: Final = re.compile(r"([0-9a-f]{64})  (\S+)", re.ASCII)
_MAX_DOMAIN: Final = 253


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: a file's name and the SHA-256 of its bytes, in lower-case hex."""

    name: str
    sha256: str

    @property
    def is_certificate(self) -> bool:
        """Whether it is a certificate chain."""
        return self.name != ACCOUNT


def read_listing(data: bytes) -> tuple[Entry, ...]:
    """Read the list.

    Raises:
        EvidenceTooLarge: it is larger than anything genuine.
        EvidenceMalformed: it is empty, or anything but lines of 64 lower-case hex digits, two
            spaces, a known name and a line feed; or it has a name twice.
    """
    if len(data) > MAX_LISTING:
        raise EvidenceTooLarge(f"{LISTING} has more than {MAX_LISTING} bytes.")
    if not data:
        raise EvidenceMalformed(f"{LISTING} is empty.")
    lines = _lines(data)
    entries = tuple(_entry(line, number) for number, line in enumerate(lines, 1))
    names = [entry.name for entry in entries]
    for name in names:
        if names.count(name) > 1:
            raise EvidenceMalformed(f"{LISTING} lists {name} twice.")
    return entries


def _lines(data: bytes) -> list[str]:
    if data.count(b"\n") > MAX_FILES:
        raise EvidenceTooLarge(f"{LISTING} lists more than {MAX_FILES} files.")
    if not data.isascii():
        raise EvidenceMalformed(f"{LISTING} holds something other than ASCII.")
    if not data.endswith(b"\n"):
        raise EvidenceMalformed(f"The last line of {LISTING} does not end.")
    return data[:-1].decode("ascii").split("\n")


def _entry(line: str, number: int) -> Entry:
    match = _LINE.fullmatch(line)
    if match is None:
        raise EvidenceMalformed(
            f"Line {number} of {LISTING} is not 64 lower-case hex digits, two spaces and a name."
        )
    name = _NAME.fullmatch(match[2])
    if name is None or len(name[1] or "") > _MAX_DOMAIN:
        raise EvidenceMalformed(
            f"Line {number} of {LISTING} names a file that no ingress writes: {match[2][:80]!r}."
        )
    return Entry(match[2], match[1])
