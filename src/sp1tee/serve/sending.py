"""Sending a blob out of the vault, whole or a range of it."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

from sp1tee.errors import RangeRefused
from sp1tee.serve.http import Exchange, Headers
from sp1tee.serve.http_status import http_status
from sp1tee.serve.ranges import Span, span_of
from sp1tee.store.vault import Vault

_OK: Final = 200
_PARTIAL: Final = 206

HEADERS: Final = (
    (b"content-type", b"application/octet-stream"),
    (b"cache-control", b"no-store"),
    (b"accept-ranges", b"bytes"),
)


async def send_blob(
    exchange: Exchange,
    vault: Vault,
    blob_id: str,
    size: int,
    *,
    headers: Headers = (),
    allowed: Callable[[], None] = lambda: None,
) -> None:
    """Answer with a blob.

    Args:
        exchange: the request; its Range header counts unless If-Range makes it conditional.
        vault: where the blob is.
        blob_id: which one.
        size: of its content, in bytes.
        headers: additional ones.
        allowed: called before every piece; raises if no more may be sent.

    Raises:
        BlobErased: there is no such blob any more.
        BlobDamaged: its file is not what was written.
    """
    try:
        # There are no validators, so no condition can be met.
        asked = None if exchange.header(b"if-range") else exchange.header(b"range")
        span = span_of(asked, size)
    except RangeRefused as error:
        unsatisfied = (b"content-range", b"bytes */%d" % size)
        await exchange.refuse(http_status(error), error, headers=[*headers, unsatisfied])
        return
    head = [*HEADERS, *headers]
    if span is None:
        span = Span(0, size, size)
        status = _OK
    else:
        status = _PARTIAL
        head.append((b"content-range", span.content_range))
    head.append((b"content-length", b"%d" % span.length))
    await _send(exchange, status, head, vault.read(blob_id, span.offset, span.length), allowed)


async def _send(
    exchange: Exchange,
    status: int,
    head: Headers,
    content: AsyncGenerator[bytes, None],
    allowed: Callable[[], None],
) -> None:
    if exchange.method == "HEAD":
        await exchange.begin(status, head)
        await exchange.write(b"", more=False)
        return
    async with aclosing(content) as pieces:
        async for piece in pieces:
            allowed()
            if not exchange.status:
                # Only now: until the first piece is here, an error can still be told.
                await exchange.begin(status, head)
            await exchange.write(piece)
    if not exchange.status:
        await exchange.begin(status, head)
    await exchange.write(b"", more=False)
