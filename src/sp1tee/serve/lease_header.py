"""The header by which a worker shows that a lease is its own."""

import re
from typing import Final

from sp1tee.errors import LeaseLost
from sp1tee.serve.http import Exchange

_TOKEN: Final = re.compile(rb"[0-9a-fA-F]{64}")


def lease_token(exchange: Exchange) -> bytes:
    """Read the ``sp1tee-lease`` header, 32 bytes in hex.

    Raises:
        LeaseLost: it is not there, or no token.
    """
    value = exchange.header(b"sp1tee-lease") or b""
    if not _TOKEN.fullmatch(value):
        raise LeaseLost("There is no such lease.")
    return bytes.fromhex(value.decode())
