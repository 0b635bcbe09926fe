"""One HTTP exchange with somebody who may be hostile.

No redirects, no proxies, no credentials and no settings of the environment; bodies are taken as
they are sent, up to a limit; and the whole exchange, dripped headers included, has one deadline.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock, Timer
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from sp1tee import __version__
from sp1tee.errors import EvidenceTooLarge, FetchError
from sp1tee.hosts import is_loopback

if TYPE_CHECKING:
    import socket

_CHUNK: Final = 64 * 1024
_HEADERS: Final = {"user-agent": f"sp1tee/{__version__}", "accept-encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Response:
    """What came back. Header names are in lower case; `status` is for the caller to judge."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def get(
    url: str,
    *,
    limit: int,
    seconds: float = 10.0,
    headers: Mapping[str, str] | None = None,
    roots: Path | None = None,
) -> Response:
    """Fetch a URL.

    Args:
        url: https, or http on this machine.
        limit: how many bytes the body may have.
        seconds: when the whole exchange must be over.
        headers: additional ones.
        roots: a PEM file of CAs, instead of the public ones.

    Raises:
        FetchError: nobody answered in time, or not with HTTP.
        EvidenceTooLarge: the body is larger than `limit`.
    """
    return _exchange("GET", url, None, limit, seconds, dict(headers or {}), roots)


def post(
    url: str,
    body: bytes,
    *,
    content_type: str,
    limit: int,
    seconds: float = 10.0,
    headers: Mapping[str, str] | None = None,
    roots: Path | None = None,
) -> Response:
    """Send a body and return the answer; see `get`."""
    sent = {**(headers or {}), "content-type": content_type}
    return _exchange("POST", url, body, limit, seconds, sent, roots)


def _exchange(  # noqa: PLR0917 - private, and both callers read as sentences
    method: str,
    url: str,
    body: bytes | None,
    limit: int,
    seconds: float,
    headers: dict[str, str],
    roots: Path | None,
) -> Response:
    who = _checked(url)
    with _Deadline(seconds) as deadline, _Session() as session:
        session.trust_env = False
        session.mount("http://", _Adapter(deadline))
        session.mount("https://", _Adapter(deadline))
        try:
            with session.request(
                method,
                url,
                data=body,
                headers={**_HEADERS, **headers},
                timeout=seconds,
                allow_redirects=False,
                stream=True,
                verify=True if roots is None else str(roots),
            ) as answer:
                response = Response(
                    url,
                    answer.status_code,
                    {name.lower(): value for name, value in answer.headers.items()},
                    _body(answer, limit, who),
                )
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            raise FetchError(_reason(error, who, deadline), advice=_advice(deadline)) from None
    if deadline.over:
        # A connection that was shut down may look like an answer that ended.
        raise FetchError(f"{who} did not answer in time.", advice=_advice(deadline))
    return response


def _body(answer: requests.Response, limit: int, who: str) -> bytes:
    """Read the body as it was sent: an encoding nobody asked for is not undone."""
    parts: list[bytes] = []
    size = 0
    for part in answer.raw.stream(_CHUNK, decode_content=False):
        size += len(part)
        if size > limit:
            raise EvidenceTooLarge(f"{who} answers with more than {limit} bytes.")
        parts.append(part)
    return b"".join(parts)


def _checked(url: str) -> str:
    """Return the host of a URL that may be asked."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        raise FetchError("An address is no URL.") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise FetchError(f"{url[:200]!r} is no http or https URL.")
    if parts.username is not None:
        raise FetchError("A URL must not hold a name or a password.")
    if parts.scheme == "http" and not is_loopback(host):
        raise FetchError(
            f"{host} would be asked without TLS.",
            advice="Use https; plain http is for this machine only.",
        )
    return host


def _reason(error: Exception, who: str, deadline: "_Deadline") -> str:
    if deadline.over or isinstance(error, requests.Timeout):
        return f"{who} did not answer in time."
    if isinstance(error, requests.exceptions.SSLError):
        return f"{who} has no certificate that is trusted here."
    if isinstance(error, requests.ConnectionError) and "NameResolution" in str(error):
        return f"{who} has no address."
    if isinstance(error, requests.ConnectionError):
        return f"{who} cannot be reached, or hung up."
    return f"{who} did not answer with HTTP that can be read ({type(error).__name__})."


def _advice(deadline: "_Deadline") -> str:
    return "Try again later." if deadline.over else "Check the address and the network."


class _Deadline:
    """Shuts down every connection it was shown when time is up.

    A timeout on a socket starts anew with every byte; this one doesn't.
    """

    def __init__(self, seconds: float) -> None:
        self.over = False
        self._lock = Lock()
        self._sockets: list[socket.socket] = []
        self._timer = Timer(seconds, self._end)
        self._timer.daemon = True

    def watch(self, connected: "socket.socket") -> None:
        """Watch a connection; TLS takes the socket over, so a duplicate is kept."""
        with self._lock:
            self._sockets.append(connected.dup())
        if self.over:
            self._shut()

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for kept in self._sockets:
                kept.close()
            self._sockets.clear()

    def _end(self) -> None:
        self.over = True
        self._shut()

    def _shut(self) -> None:
        with self._lock:
            for kept in self._sockets:
                try:
                    kept.shutdown(2)
                except OSError:  # it is gone already
                    continue


class _Session(requests.Session):
    """Knows no redirects: even where none is followed, requests would read its whole body."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Find nothing to follow."""


class _Adapter(HTTPAdapter):
    """Shows each connection to a deadline."""

    def __init__(self, deadline: _Deadline) -> None:
        self._deadline = deadline
        super().__init__(max_retries=0)

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Have the pools make connections that are watched."""
        super().init_poolmanager(*arguments, **options)
        watch = self._deadline.watch

        class Plain(HTTPConnection):
            def _new_conn(self) -> "socket.socket":
                made = super()._new_conn()
                watch(made)
                return made

        class Secure(Plain, HTTPSConnection):
            pass

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
