"""Key files: one secp256k1 private key, 64 hex digits, readable by its owner only."""

import os
import secrets
from pathlib import Path
from typing import Final

from sp1tee.errors import ConfigError
from sp1tee.wire.signing import KEY_SIZE, Signer

_MODE: Final = 0o600
_OTHERS: Final = 0o077
_MAX_BYTES: Final = 1024


def new_key(path: Path) -> Signer:
    """Make a key and write it to a new file; returns it as a signer.

    Raises:
        ConfigError: there is a file already, which may hold a key, or it cannot be written.
    """
    raw = secrets.token_bytes(KEY_SIZE)
    signer = Signer.from_bytes(raw)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - a descriptor
            file.write(raw.hex() + "\n")
    except FileExistsError:
        raise ConfigError(
            f"{path} exists already.", advice="Give another name: a key is never overwritten."
        ) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from None
    return signer


def read_key(path: Path) -> Signer:
    """Read a key file.

    Raises:
        ConfigError: it cannot be read.
        SigningKeyError: what it holds is no key.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES)
    except OSError as error:
        raise ConfigError(
            f"The key file {path} cannot be read: {error.strerror}.",
            advice="Make one with `sp1tee keys new --out FILE`.",
        ) from None
    return Signer.from_hex(text.decode("ascii", "replace"))


def is_exposed(path: Path) -> bool:
    """Tell whether others than its owner may read or write a key file."""
    return bool(path.stat().st_mode & _OTHERS)
