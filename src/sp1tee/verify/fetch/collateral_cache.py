"""Collateral kept between runs, for as long as Intel says that it is valid.

An entry is a file: the SHA-256 of the rest in hex, a line feed, and the collateral's JSON. Entries
of different sources are apart, so that one's stale statements are not mistaken for another's.
"""

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

from sp1tee.errors import VerifyError
from sp1tee.verify.quote.collateral import LIMIT, read_collateral
from sp1tee.verify.quote.dcap import Platform
from sp1tee.verify.quote.tcb import seconds
from sp1tee.verify.reading import read_file

_NAME_DIGITS: Final = 16


def _default_folder() -> Path:
    return user_cache_path("sp1tee") / "collateral"


@dataclass(frozen=True, slots=True)
class CollateralCache:
    """A folder of collateral; the user's cache folder unless told otherwise."""

    folder: Path = field(default_factory=_default_folder)

    def find(self, platform: Platform, source: str, at: int) -> bytes | None:
        """Return an entry that is whole and valid at that time; None if there is none."""
        try:
            entry = read_file(self._path(platform, source), LIMIT)
            digest, _, data = entry.partition(b"\n")
            if digest.decode("latin-1") != sha256(data).hexdigest():
                return None
            spans = read_collateral(data).spans.values()
        except VerifyError:
            return None
        valid = all(seconds(each.issued) <= at < seconds(each.next_update) for each in spans)
        return data if valid else None

    def keep(self, platform: Platform, source: str, data: bytes) -> None:
        """Keep an entry; a folder that cannot be written is no reason to fail."""
        with suppress(OSError):
            self._write(self._path(platform, source), data)

    def _write(self, path: Path, data: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=self.folder)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(sha256(data).hexdigest().encode() + b"\n" + data)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def _path(self, platform: Platform, source: str) -> Path:
        where = sha256(source.encode()).hexdigest()[:_NAME_DIGITS]
        return self.folder / f"{platform.fmspc.hex()}-{platform.ca}-{where}.json"
