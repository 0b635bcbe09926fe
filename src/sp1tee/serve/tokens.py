"""The worker listener's tokens: set by the operator, or made once and kept with the data."""

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from sp1tee import logs
from sp1tee.errors import ConfigError
from sp1tee.private_files import check_private
from sp1tee.serve.setting_values import SECRET_LENGTH
from sp1tee.serve.settings import ServeSettings

_TOKEN_SIZE: Final = 32
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What opens the worker listener.

    Attributes:
        worker: what fulfillers share.
        admin: the operator's.
    """

    worker: str = field(repr=False)
    admin: str = field(repr=False)


def open_tokens(settings: ServeSettings) -> Tokens:
    """Return the tokens that are set, or those kept in the data directory.

    Raises:
        ConfigError: a file in the data directory cannot be used or made.
    """
    return Tokens(
        worker=_kept("worker", settings.worker_token, settings.data_dir),
        admin=_kept("admin", settings.admin_token, settings.data_dir),
    )


def new_token() -> str:
    """Make a token that nobody can guess: 256 random bits."""
    return secrets.token_urlsafe(_TOKEN_SIZE)


def _kept(whose: str, given: SecretStr | None, data_dir: Path) -> str:
    if given is not None:
        return given.get_secret_value()
    path = data_dir / f"{whose}.token"
    try:
        if not path.exists():
            _make(path)
            _log.warning("a token was made", whose=whose, path=str(path))
        check_private(path)
        return _checked(whose, path, path.read_text("ascii").strip())
    except (OSError, UnicodeDecodeError):
        raise ConfigError(
            f"The {whose} token {path} cannot be read or made.",
            advice=f"Make the data directory writable, or set {whose}_token_file.",
        ) from None


def _make(path: Path) -> None:
    """Write a fresh token, whole or not at all, for its owner's eyes only."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(new_token() + "\n")
    draft.rename(path)


def _checked(whose: str, path: Path, token: str) -> str:
    if len(token) < SECRET_LENGTH or not token.isprintable():
        raise ConfigError(
            f"The {whose} token {path} is damaged.",
            advice="Remove the file: another token is made, which those who need it must get.",
        )
    return token
