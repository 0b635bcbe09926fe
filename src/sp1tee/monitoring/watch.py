"""Looking at a server again and again, over its worker listener."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import requests

from sp1tee.errors import ServerAway, WorkerTokenRefused
from sp1tee.fulfill.endpoint import ClientCertificate
from sp1tee.monitoring.look import Figures, Health, Look

MOST_BYTES: Final = 8 << 20
_SECONDS: Final = 5.0
_OK, _UNAUTHORIZED, _NOT_READY = 200, 401, 503


@dataclass(frozen=True, slots=True)
class Listener:
    """A worker listener, and how to get in.

    Attributes:
        url: its base URL, without a path.
        token: the worker token; None where the certificate says enough.
        ca_file: certificates to trust instead of the public ones, for https.
        certificate: what to show to a server that asks for one, over https.
    """

    url: str
    token: str | None = field(repr=False)
    ca_file: Path | None = None
    certificate: ClientCertificate | None = None


class Watch:
    """Looks at a server; use it as a context manager."""

    def __init__(self, listener: Listener, clock: Callable[[], float] = time.time) -> None:
        self._url = listener.url
        self._clock = clock
        self._session = requests.Session()
        # The token goes where it was told to go, and nowhere else.
        self._session.trust_env = False
        if listener.token is not None:
            self._session.headers["authorization"] = f"Bearer {listener.token}"
        if (shown := listener.certificate) is not None:
            self._session.cert = (str(shown.cert_file), str(shown.key_file))
        if listener.ca_file is not None:
            self._session.verify = str(listener.ca_file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._session.close()

    def look(self) -> Look:
        """Look once.

        Raises:
            ServerAway: it does not answer, or with something else.
            WorkerTokenRefused: it does not take the token.
        """
        health = self.health()
        return Look(self._clock(), health, Figures.read(self._get("/metrics")))

    def health(self) -> Health:
        """Ask what works; raises what `look` raises."""
        return Health.read(self._get("/health/ready"))

    def _get(self, path: str) -> bytes:
        try:
            with self._session.get(
                self._url + path, timeout=_SECONDS, stream=True, allow_redirects=False
            ) as answer:
                _check(answer.status_code)
                body = answer.raw.read(MOST_BYTES + 1, decode_content=True)
        except (requests.RequestException, OSError) as error:
            kind = type(error).__name__
            raise ServerAway(f"The server at {self._url} does not answer ({kind}).") from None
        if len(body) > MOST_BYTES:
            raise ServerAway("The server says more than a server of this release says.")
        content: bytes = body
        return content


def _check(status: int) -> None:
    if status == _UNAUTHORIZED:
        raise WorkerTokenRefused("The server does not accept this worker token.")
    if status not in (_OK, _NOT_READY):
        raise ServerAway(f"The server answers with HTTP {status}: is this its worker listener?")
