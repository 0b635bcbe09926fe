"""A bundle: `bundle.json` and the files that it lists, in memory.

Reading one demands that every listed file is there and hashes to what is listed, so that a bundle
is as its collector left it or is refused. Files that are not listed are ignored.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel, ValidationError

from sp1tee.errors import BundleError, EvidenceMalformed, EvidenceTooLarge
from sp1tee.verify.evidence.manifest import File, Manifest
from sp1tee.verify.reading import read_object
from sp1tee.verify.reading.files import KIB, MIB

MANIFEST: Final = "bundle.json"
FILE_LIMIT: Final = 8 * MIB
"""Larger than any piece of genuine evidence; an index of images is the largest."""
TOTAL_LIMIT: Final = 32 * MIB
MANIFEST_LIMIT: Final = 512 * KIB
FILES_LIMIT: Final = 1000
# What in a record names a file of the bundle.
_REFERENCES: Final = ("chain", "file")


@dataclass(frozen=True, slots=True)
class Bundle:
    """What was collected about one host.

    Attributes:
        manifest: what was asked, of whom, when, and what came back.
        bodies: every listed file by its path.
        text: the bytes of `bundle.json`; as it lists the digests of all files, its own digest
            stands for the whole bundle.
    """

    manifest: Manifest
    bodies: Mapping[str, bytes] = field(repr=False)
    text: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 of `bundle.json`, in hex."""
        return hashlib.sha256(self.text).hexdigest()

    def file(self, path: str | None) -> bytes | None:
        """Return the body that a record names, if it names one."""
        return None if path is None else self.bodies[path]


def open_bundle(text: bytes, bodies: Mapping[str, bytes]) -> Bundle:
    """Check the bytes of a bundle against its manifest.

    Args:
        text: the bytes of `bundle.json`.
        bodies: files by path; those that the manifest doesn't list are left out.

    Raises:
        BundleError: the manifest is none, or a file is missing or altered.
    """
    manifest = read_manifest(text)
    for path, listed in manifest.files.items():
        _check(path, listed, bodies.get(path))
    return Bundle(manifest, {path: bodies[path] for path in manifest.files}, text)


def read_manifest(text: bytes) -> Manifest:
    """Read `bundle.json`; raises `BundleError`."""
    try:
        manifest = Manifest.model_validate(read_object(text, MANIFEST, limit=MANIFEST_LIMIT))
    except (EvidenceMalformed, EvidenceTooLarge) as error:
        raise BundleError(f"{error.message}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise BundleError(f"{MANIFEST} is none of this version: {where}: {first['msg']}.") from None
    if len(manifest.files) > FILES_LIMIT:
        raise BundleError(f"{MANIFEST} lists more than {FILES_LIMIT} files.")
    if sum(file.size for file in manifest.files.values()) > TOTAL_LIMIT:
        raise BundleError(f"{MANIFEST} lists more than {TOTAL_LIMIT} bytes.")
    names = [record.name for record in manifest.ingress]
    if len(set(names)) != len(names):
        raise BundleError(f"{MANIFEST} has an evidence file twice.")
    for path in references(manifest):
        if path not in manifest.files:
            raise BundleError(f"{MANIFEST} speaks of {path} and does not list it.")
    return manifest


def references(manifest: Manifest) -> Iterator[str]:
    """Name every file that a record of the manifest speaks of."""
    records: list[BaseModel | None] = [
        *manifest.endpoints,
        *manifest.ingress,
        *manifest.dns,
        *manifest.images,
        manifest.info,
        manifest.collateral,
    ]
    for record in records:
        for name in _REFERENCES:
            path = getattr(record, name, None)
            if path is not None:
                yield path


def _check(path: str, listed: File, body: bytes | None) -> None:
    if body is None:
        raise BundleError(f"The bundle lacks {path}.")
    if len(body) != listed.size or hashlib.sha256(body).hexdigest() != listed.sha256:
        raise BundleError(f"{path} is not what was collected: its digest differs.")
