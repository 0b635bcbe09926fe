"""The worker listener's one gate: a bearer token on everything that is not for everybody."""

import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from grpc import StatusCode

from sp1tee import logs
from sp1tee.errors import ConfigError, WorkerNotAuthorized
from sp1tee.serve.http import App, Exchange, Receive, Scope, Send
from sp1tee.serve.http_status import http_status
from sp1tee.serve.ports import is_grpc
from sp1tee.serve.rpc_status import Outcome, send_outcome
from sp1tee.serve.settings import SECRET_LENGTH, ServeSettings

FILE_NAME: Final = "worker.token"
OPEN_PATHS: Final = frozenset({"/health/live"})

_TOKEN_SIZE: Final = 32
_CHALLENGE: Final = ((b"www-authenticate", b"Bearer"),)
_log = logs.get(__name__)


class WorkerAuth:
    """Lets requests through to an app that show the token.

    It stands before both gRPC and HTTP, so that no handler can forget it.
    """

    def __init__(self, token: str, app: App) -> None:
        self._expected = f"Bearer {token}".encode()
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["path"] in OPEN_PATHS or self._shown(scope):
            await self._app(scope, receive, send)
            return
        error = WorkerNotAuthorized("The worker token is missing or wrong.")
        if is_grpc(scope):
            metadata = (("sp1tee-code", error.code),)
            text = f"{error.message} {error.advice}"
            await send_outcome(scope, send, Outcome(StatusCode.UNAUTHENTICATED, text, metadata))
        else:
            exchange = Exchange(scope, receive, send, "unauthorized")
            await exchange.refuse(http_status(error), error, headers=_CHALLENGE)

    def _shown(self, scope: Scope) -> bool:
        values = [value for name, value in scope["headers"] if name == b"authorization"]
        return len(values) == 1 and hmac.compare_digest(values[0], self._expected)


def worker_token(settings: ServeSettings) -> str:
    """Return the worker token: the one that is set, or one kept in the data directory.

    Raises:
        ConfigError: the file in the data directory cannot be used or made.
    """
    if settings.worker_token is not None:
        return settings.worker_token.get_secret_value()
    path = settings.data_dir / FILE_NAME
    try:
        if not path.exists():
            _make(path)
            _log.warning("a worker token was made; fulfillers need it", path=str(path))
        return _checked(path, path.read_text("ascii").strip())
    except (OSError, UnicodeDecodeError):
        raise ConfigError(
            f"The worker token {path} cannot be read or made.",
            advice="Make the data directory writable, or set worker_token_file.",
        ) from None


def _make(path: Path) -> None:
    """Write a fresh token, whole or not at all, for its owner's eyes only."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(_TOKEN_SIZE) + "\n")
    draft.rename(path)


def _checked(path: Path, token: str) -> str:
    if len(token) < SECRET_LENGTH or not token.isprintable():
        raise ConfigError(
            f"The worker token {path} is damaged.",
            advice="Remove the file: another token is made, which fulfillers then need.",
        )
    return token
