"""Certificate chains as PEM files (RFC 7468), read without looking into the certificates."""

import binascii
import re
from typing import Final

from sp1tee.errors import EvidenceMalformed, EvidenceTooLarge

MAX_CHAIN: Final = 128 * 1024
"""OpenSSL takes no more than 100 KiB of certificates from a peer; base64 makes a third more."""
MAX_CERTIFICATES: Final = 10
"""WebPKI chains have two to four."""

_BLOCK: Final = re.compile(
    rb"\s*-----BEGIN CERTIFICATE-----[ \t]*\r?\n([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----\s*"
)


def read_chain(data: bytes, what: str) -> tuple[bytes, ...]:
    """Read a PEM file of certificates, the leaf first.

    Args:
        data: the file.
        what: its name in an error.

    Returns:
        Each certificate's DER; only that it is base64 was checked.

    Raises:
        EvidenceTooLarge: it is larger, or has more certificates, than a chain ever has.
        EvidenceMalformed: it holds no certificate, or anything but certificates and white space.
    """
    if len(data) > MAX_CHAIN:
        raise EvidenceTooLarge(f"{what} has more than {MAX_CHAIN} bytes.")
    found: list[bytes] = []
    position = 0
    while position < len(data):
        block = _BLOCK.match(data, position)
        if block is None:
            raise EvidenceMalformed(f"{what} is no PEM file of certificates only.")
        if len(found) == MAX_CERTIFICATES:
            raise EvidenceTooLarge(f"{what} has more than {MAX_CERTIFICATES} certificates.")
        found.append(_decode(block[1], what))
        position = block.end()
    if not found:
        raise EvidenceMalformed(f"{what} holds no certificate.")
    return tuple(found)


def _decode(text: bytes, what: str) -> bytes:
    try:
        der = binascii.a2b_base64(b"".join(text.split()), strict_mode=True)
    except binascii.Error:
        raise EvidenceMalformed(f"{what} holds a certificate that is no base64.") from None
    if not der:
        raise EvidenceMalformed(f"{what} holds an empty certificate.")
    return der
