"""Key files: one secp256k1 private key, 64 hex digits, readable by its owner only."""

import os
import secrets
from pathlib import Path
from typing import Final

from sp1tee.errors import ConfigError
from sp1tee.private_files import check_private, write_new
from sp1tee.wire.signing import KEY_SIZE, Signer

_MAX_BYTES: Final = 1024


def new_key(path: Path) -> Signer:
    """Make a key and write it to a new file; returns it as a signer.

    Raises:
        ConfigError: there is a file already, which may hold a key, or it cannot be written.
    """
    raw = secrets.token_bytes(KEY_SIZE)
    signer = Signer.from_bytes(raw)
    write_new(path, raw.hex().encode() + b"\n")
    return signer


def read_key(path: Path) -> Signer:
    """Read a key file.

    Raises:
        ConfigError: it cannot be read.
        ExposedSecretError: others may read it.
        SigningKeyError: what it holds is no key.
    """
    try:
        with path.open("rb") as file:
            check_private(path, os.fstat(file.fileno()))
            text = file.read(_MAX_BYTES)
    except OSError as error:
        raise ConfigError(
            f"The key file {path} cannot be read: {error.strerror}.",
            advice="Make one with `sp1tee keys new --out FILE`.",
        ) from None
    return Signer.from_hex(text.decode("ascii", "replace"))
