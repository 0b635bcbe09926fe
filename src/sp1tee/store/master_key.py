"""The key above all blob keys, and where it comes from."""

import os
import secrets
from pathlib import Path
from typing import Self, final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from sp1tee.errors import MissingVaultKeyError, VaultKeyError
from sp1tee.store.disk import PRIVATE_DIRECTORY, write_new

KEY_SIZE = 32
BLOBS_DIR = "blobs"
DATABASE = "store.db"
"""Under the data directory: where either is, a vault is, and it has its key already."""

_OTHERS = 0o077
_LARGEST_FILE = 1024


@final
class MasterKey:
    """32 secret bytes. They are shown nowhere; `derive` makes keys from them."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        """Take the raw bytes.

        Raises:
            VaultKeyError: they are not 32.
        """
        if len(secret) != KEY_SIZE:
            raise VaultKeyError(f"The vault key has {len(secret)} bytes instead of {KEY_SIZE}.")
        self._secret = bytes(secret)

    def __repr__(self) -> str:
        return "MasterKey(…)"

    def derive(self, purpose: str) -> bytes:
        """Make the 32-byte key for one purpose (HKDF-Expand, RFC 5869, SHA-256)."""
        return HKDFExpand(algorithm=SHA256(), length=32, info=purpose.encode()).derive(self._secret)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Read a key file: 64 hex digits, or 32 raw bytes.

        Raises:
            VaultKeyError: there is no such file, others may read it, or it holds no key.
        """
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                content = file.read(_LARGEST_FILE)
        except OSError as error:
            raise VaultKeyError(
                f"The vault key file {path} cannot be read: {error.strerror}."
            ) from None
        if mode & _OTHERS:
            raise VaultKeyError(
                f"Others than its owner may read the vault key file {path}.",
                advice=f"chmod 600 {path}",
            )
        return cls(_key_in(content, path))

    @classmethod
    def made_or_read(cls, path: Path, *, data_dir: Path) -> tuple[Self, bool]:
        """Read a key file, or make one for a vault that does not exist yet.

        Returns:
            The key, and whether it was made just now: say so loudly, it has to be kept.

        Raises:
            MissingVaultKeyError: `data_dir` holds a vault, and its key file is gone.
            VaultKeyError: the file cannot be used or made.
        """
        if path.exists():
            return cls.from_file(path), False
        if any((data_dir / name).exists() for name in (BLOBS_DIR, DATABASE)):
            raise MissingVaultKeyError(
                f"The vault in {data_dir} needs its key file {path}, which is not there."
            )
        return cls._made(path), True

    @classmethod
    def _made(cls, path: Path) -> Self:
        secret = secrets.token_bytes(KEY_SIZE)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE_DIRECTORY)
            write_new(path, secret.hex().encode() + b"\n")
        except OSError as error:
            raise VaultKeyError(
                f"No vault key file can be made at {path}: {error.strerror}."
            ) from None
        return cls(secret)


def _key_in(content: bytes, path: Path) -> bytes:
    if len(content) == KEY_SIZE:
        return content
    try:
        return bytes.fromhex(content.strip().decode("ascii"))
    except ValueError:
        raise VaultKeyError(f"The vault key file {path} holds no key.") from None
