"""The connections of a listener, as the kernel knows them.

The HTTP server accepts them and tells nobody; but they are this process's own descriptors, and
Linux says of each whom it leads to and how many bytes came and went. Where it does not, on other
systems and in sandboxes, there are no lines to look at.
"""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

Remote = tuple[str, int]
"""Host and port at the other end; the same pair that an ASGI scope has as its ``client``."""

_DESCRIPTORS: Final = "/proc/self/fd"
_SO_COOKIE: Final = 57
_COOKIE: Final = struct.Struct("=Q")
# struct tcp_info of linux/tcp.h: tcpi_bytes_acked, tcpi_bytes_received; tcpi_notsent_bytes.
_INFO: Final = struct.Struct("=120xQQ8xI")


@dataclass(frozen=True, slots=True)
class Line:
    """A connection at one moment.

    Attributes:
        cookie: what the kernel calls its socket; never given twice.
        fd: its descriptor, which may be another socket's a moment later.
        remote: whom it leads to.
        received: bytes that came so far.
        delivered: bytes that the other end has confirmed so far.
        unsent: bytes that wait because the other end takes none.
    """

    cookie: int
    fd: int
    remote: Remote
    received: int
    delivered: int
    unsent: int


def lines(bound: socket.socket) -> Iterator[Line]:
    """Look at every connection that was accepted from a listening socket."""
    port: int = bound.getsockname()[1]
    try:
        names = os.listdir(_DESCRIPTORS)  # noqa: PTH208 - a thousand names a second need no paths
    except OSError:
        return
    for name in names:
        with suppress(OSError):
            found = _look(int(name), bound.family, port)
            if found is not None:
                yield found


def hang_up(line: Line) -> None:
    """Break a connection off; whoever reads from it or writes to it is told at once."""
    with suppress(OSError), socket.socket(fileno=os.dup(line.fd)) as same:
        # Held open by the copy, it cannot become another one between these two steps.
        if _cookie(same) == line.cookie:
            same.shutdown(socket.SHUT_RDWR)


def _look(fd: int, family: int, port: int) -> Line | None:
    borrowed = socket.socket(family, socket.SOCK_STREAM, 0, fileno=fd)
    try:
        if borrowed.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN) != family:
            return None
        if borrowed.getsockname()[1] != port:
            return None
        # Of a socket that listens, there is no peer's name.
        host, number = borrowed.getpeername()[:2]
        info = borrowed.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
        received, delivered, unsent = 0, 0, 0
        if len(info) == _INFO.size:
            delivered, received, unsent = _INFO.unpack(info)
        return Line(_cookie(borrowed), fd, (host, number), received, delivered, unsent)
    finally:
        borrowed.detach()


def _cookie(of: socket.socket) -> int:
    cookie: int = _COOKIE.unpack(of.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, _COOKIE.size))[0]
    return cookie
