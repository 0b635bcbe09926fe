"""One HTTP/1.1 GET on a connection that is already there (RFC 9112).

The other end may be hostile: no redirects, no encodings, and limits on everything that it sends.
"""

from typing import Final

import h11

from sp1tee import __version__
from sp1tee.errors import EvidenceTooLarge, FetchError
from sp1tee.verify.fetch.deadline import Deadline
from sp1tee.verify.fetch.tls import Connection

MAX_HEAD: Final = 32 * 1024
"""How many bytes of headers are taken."""
_MAX_INTERIM: Final = 8
_OK: Final = 200
_REDIRECTS: Final = range(300, 400)


def get(
    connection: Connection, authority: str, target: str, *, limit: int, deadline: Deadline
) -> bytes:
    """Fetch a resource; the connection can't be used again.

    Args:
        connection: a fresh connection.
        authority: the host, with a port that is not 443.
        target: the path, beginning with a slash.
        limit: how many bytes the body may have.
        deadline: when it must be over.

    Raises:
        FetchError: the answer is no body with status 200, as it was asked for, in time.
        EvidenceTooLarge: the body has more than `limit` bytes.
    """
    protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
    request = h11.Request(
        method="GET",
        target=target,
        headers=[
            ("Host", authority),
            ("User-Agent", f"sp1tee/{__version__}"),
            ("Accept-Encoding", "identity"),
            ("Connection", "close"),
        ],
    )
    start = (protocol.send(request) or b"") + (protocol.send(h11.EndOfMessage()) or b"")
    connection.send(start, deadline)
    try:
        return _answer(protocol, connection, limit, deadline)
    except h11.RemoteProtocolError:
        raise FetchError(f"{connection.address} does not answer with proper HTTP/1.1.") from None


def _answer(
    protocol: h11.Connection, connection: Connection, limit: int, deadline: Deadline
) -> bytes:
    parts: list[bytes] = []
    size = interim = 0
    while True:
        event = protocol.next_event()
        if event is h11.NEED_DATA:
            protocol.receive_data(connection.receive(deadline))
        elif isinstance(event, h11.Response):
            _accept(event, connection.address, limit)
        elif isinstance(event, h11.Data):
            size += len(event.data)
            if size > limit:
                raise _too_large(connection.address, limit)
            parts.append(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage):
            return b"".join(parts)
        elif isinstance(event, h11.InformationalResponse) and interim < _MAX_INTERIM:
            interim += 1
        else:
            raise FetchError(f"{connection.address} breaks off its answer.")


def _accept(response: h11.Response, address: str, limit: int) -> None:
    headers = {bytes(name): bytes(value) for name, value in response.headers}
    status = response.status_code
    if status in _REDIRECTS:
        raise FetchError(f"{address} redirects (HTTP {status}); redirects are not followed.")
    if status != _OK:
        raise FetchError(f"{address} answers with HTTP {status}.")
    if headers.get(b"content-encoding", b"identity").strip().lower() != b"identity":
        raise FetchError(f"{address} encodes its answer, which nobody asked for.")
    if int(headers.get(b"content-length", b"0")) > limit:
        raise _too_large(address, limit)


def _too_large(address: str, limit: int) -> EvidenceTooLarge:
    return EvidenceTooLarge(f"{address} answers with more than {limit} bytes.")
