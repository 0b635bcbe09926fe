"""Which request a call is about, for the log.

Workers say so beside their calls, as the body is read only by whoever answers. It is believed for
log lines alone, and only where it has the form of our ids.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from structlog.contextvars import bound_contextvars

from sp1tee.errors import IdError
from sp1tee.serve.http import Headers
from sp1tee.wire.ids import parse_id

HEADER: Final = b"sp1tee-request"


@contextmanager
def named(headers: Headers) -> Iterator[None]:
    """Name the request that a call is about on every line that is logged in the block."""
    key = _key(headers)
    if key is None:
        yield
    else:
        with bound_contextvars(request=key):
            yield


def _key(headers: Headers) -> str | None:
    said = next((value for name, value in headers if name == HEADER), None)
    if said is None:
        return None
    try:
        text = said.decode("ascii")
        parse_id(text, "req")
    except (UnicodeDecodeError, IdError):
        return None
    return text
