"""Who a request on the worker listener comes from, by the token and the certificate it shows.

A worker's own token, or its certificate, says which worker it is. The token that workers share
says only that it is one. Where the listener wants certificates, a token is good only together
with one: a worker's own token with a certificate of that name, and the shared token with one whose
name is not that of a worker that has something of its own, so that a revoked worker does not
come back with it.
"""

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from sp1tee.certificates import Shown, read_pem
from sp1tee.serve.http import Scope
from sp1tee.store.identities import Identities

_SCHEME: Final = b"Bearer "


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that may call.

    Attributes:
        identity: which one it is; None for whoever shows the shared token.
    """

    identity: str | None


class WorkerCredentials:
    """Tells workers from others.

    Args:
        shared: the token that all workers may show; None if each must have its own.
        identities: the workers with tokens or certificates of their own.
        clock: Unix seconds.
    """

    def __init__(
        self, shared: str | None, identities: Identities, clock: Callable[[], float] = time.time
    ) -> None:
        self._shared = shared
        self._identities = identities
        self._clock = clock

    async def worker(self, scope: Scope) -> Worker | None:
        """Find the worker that a request comes from; None if it comes from none.

        Raises:
            StoreError: workers cannot be looked up.
        """
        certificate = shown_certificate(scope)
        if certificate is not None and certificate.until < self._clock():
            # It was good when the connection was made.
            return None
        token = shown_token(scope)
        if token is None:
            return await self._by_certificate(certificate)
        if self._shared and hmac.compare_digest(token, self._shared.encode()):
            return await self._sharing(certificate)
        return await self._by_token(token, certificate)

    async def _by_certificate(self, certificate: Shown | None) -> Worker | None:
        if certificate is None:
            return None
        identity = await self._identities.by_token(certificate.fingerprint)
        return None if identity is None else Worker(identity)

    async def _sharing(self, certificate: Shown | None) -> Worker | None:
        name = None if certificate is None else certificate.name
        if name is not None and await self._identities.is_known(name):
            return None
        return Worker(None)

    async def _by_token(self, token: bytes, certificate: Shown | None) -> Worker | None:
        """Find whose token it is by its sha256, from which no timing leads back to a token."""
        identity = await self._identities.by_token(sha256(token).digest())
        if identity is None or (certificate is not None and certificate.name != identity):
            return None
        return Worker(identity)


def shown_token(scope: Scope) -> bytes | None:
    """Return the one bearer token that a request shows, None without one."""
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    if len(values) != 1 or not values[0].startswith(_SCHEME):
        return None
    return bytes(values[0].removeprefix(_SCHEME))


def shown_certificate(scope: Scope) -> Shown | None:
    """Return the certificate that a connection was opened with, which its CA vouches for.

    None without one: the listener is in clear, or wants none.
    """
    chain = scope.get("extensions", {}).get("tls", {}).get("client_cert_chain", ())
    return read_pem(chain[0]) if chain else None
