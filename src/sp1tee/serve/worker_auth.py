"""The worker listener's gates: a token or a certificate for all that is not for everybody.

Workers and operators have a gate and tokens each, and what stands behind the one cannot be
reached through the other.
"""

import hmac
from typing import Final

from grpc import StatusCode

from sp1tee.errors import AdminNotAuthorized, Sp1teeError, StoreError, WorkerNotAuthorized
from sp1tee.serve.caller import calling
from sp1tee.serve.http import App, Exchange, Receive, Scope, Send
from sp1tee.serve.http_status import http_status
from sp1tee.serve.ports import is_grpc
from sp1tee.serve.rpc_status import Outcome, send_outcome
from sp1tee.serve.worker_credentials import WorkerCredentials, shown_certificate, shown_token

OPEN_PATHS: Final = frozenset({"/health/live"})
ADMIN_PATHS: Final = "/admin/"

_CHALLENGE: Final = ((b"www-authenticate", b"Bearer"),)


class WorkerAuth:
    """Lets requests through to the workers' app that come from a worker.

    It stands before both gRPC and HTTP, so that no handler can forget it. Whoever shows what is one
    worker's own is that worker from here on (`caller`).

    Args:
        credentials: tells who is a worker.
        app: what stands behind the gate.
    """

    def __init__(self, credentials: WorkerCredentials, app: App) -> None:
        self._credentials = credentials
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        try:
            worker = await self._credentials.worker(scope)
        except StoreError as error:
            await _refuse(scope, receive, send, error, StatusCode.UNAVAILABLE)
            return
        if worker is not None:
            with calling(worker.identity):
                await self._app(scope, receive, send)
        else:
            await _refuse(scope, receive, send, _unknown(scope))


class AdminAuth:
    """Lets operators, who show the admin token, to their app and everybody else to the other."""

    def __init__(self, token: str, admin: App, others: App) -> None:
        self._token = token
        self._admin = admin
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if not scope["path"].startswith(ADMIN_PATHS):
            await self._others(scope, receive, send)
        elif shows(scope, self._token):
            await self._admin(scope, receive, send)
        else:
            error = AdminNotAuthorized("The admin token is missing or wrong.")
            await _refuse(scope, receive, send, error)


def shows(scope: Scope, token: str) -> bool:
    """Tell, in constant time, whether a request shows this token and no other."""
    shown = shown_token(scope)
    return shown is not None and hmac.compare_digest(shown, token.encode())


def _unknown(scope: Scope) -> WorkerNotAuthorized:
    if shown_certificate(scope) is None:
        return WorkerNotAuthorized("The worker token is missing or wrong.")
    return WorkerNotAuthorized(
        "Neither this certificate, nor a token with it, is one of a worker here.",
        advice="On the server: sp1tee workers ls has those that are good, and sp1tee workers add "
        "NAME --certificate FILE makes one good.",
    )


async def _refuse(
    scope: Scope,
    receive: Receive,
    send: Send,
    error: Sp1teeError,
    status: StatusCode = StatusCode.UNAUTHENTICATED,
) -> None:
    if is_grpc(scope):
        metadata = (("sp1tee-code", error.code),)
        text = f"{error.message} {error.advice}"
        await send_outcome(scope, send, Outcome(status, text, metadata))
    else:
        exchange = Exchange(scope, receive, send, "unauthorized")
        headers = _CHALLENGE if status is StatusCode.UNAUTHENTICATED else ()
        await exchange.refuse(http_status(error), error, headers=headers)
