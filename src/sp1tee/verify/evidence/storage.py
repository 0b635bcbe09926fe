"""Bundles on disk: a folder, or a tar file with the same files in it."""

import io
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sp1tee.errors import BundleError, EvidenceFileError, EvidenceTooLarge
from sp1tee.verify.evidence.bundle import (
    FILE_LIMIT,
    FILES_LIMIT,
    MANIFEST,
    MANIFEST_LIMIT,
    TOTAL_LIMIT,
    Bundle,
    open_bundle,
    read_manifest,
)
from sp1tee.verify.reading import is_folder, is_there, read_file

SUFFIX: Final = ".tar"


def load_bundle(path: Path) -> Bundle:
    """Read a bundle from a folder or a tar file.

    Nothing is unpacked: names in it never become paths outside of it.

    Raises:
        EvidenceFileError: there is nothing at `path`, or it cannot be read.
        BundleError: what is there is no bundle, or an altered one.
    """
    return _from_folder(path) if is_folder(path) else _from_tar(path)


def save_bundle(bundle: Bundle, path: Path) -> None:
    """Write a bundle: to a tar file if the name ends with ``.tar``, else to a folder.

    It appears whole or not at all. The same bundle gives the same bytes.

    Raises:
        EvidenceFileError: something is there already, or it cannot be written.
    """
    demand_free(path)
    try:
        _write(bundle, path)
    except OSError as error:
        raise EvidenceFileError(f"{path} cannot be written: {error.strerror}.") from None
    except ValueError:
        raise EvidenceFileError(f"{path} cannot be the name of a file.") from None


def demand_free(path: Path) -> None:
    """Demand that a bundle written to `path` would overwrite nothing.

    Worth asking before a minute is spent on collecting one.

    Raises:
        EvidenceFileError: something is there already.
    """
    try:
        taken = is_there(path) and not (path.is_dir() and not any(path.iterdir()))
    except OSError as error:
        raise EvidenceFileError(f"{path} cannot be read: {error.strerror}.") from None
    if taken:
        raise EvidenceFileError(f"{path} is there already.", advice="Choose another name.")


def _from_folder(path: Path) -> Bundle:
    if not (path / MANIFEST).is_file():
        raise BundleError(f"{path} holds no {MANIFEST}.")
    text = read_file(path / MANIFEST, MANIFEST_LIMIT)
    manifest = read_manifest(text)
    bodies = {}
    for name in manifest.files:
        file = path / name
        if file.is_symlink() or not file.is_file():
            raise BundleError(f"The bundle lacks {name}.")
        bodies[name] = read_file(file, FILE_LIMIT)
    return open_bundle(text, bodies)


def _from_tar(path: Path) -> Bundle:
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as tar:
            bodies = dict(_members(tar))
    except tarfile.TarError:
        raise BundleError(f"{path} is no tar file that can be read.") from None
    except OSError as error:
        raise EvidenceFileError(f"{path} cannot be read: {error.strerror}.") from None
    except (EOFError, ValueError, UnicodeError, OverflowError):
        raise BundleError(f"{path} is a damaged tar file.") from None
    if MANIFEST not in bodies:
        raise BundleError(f"{path} holds no {MANIFEST}.")
    return open_bundle(bodies.pop(MANIFEST), bodies)


def _members(tar: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    seen: set[str] = set()
    total = 0
    while (member := tar.next()) is not None:
        if len(seen) > FILES_LIMIT:
            raise BundleError(f"The tar file has more than {FILES_LIMIT} members.")
        if member.name in seen:
            raise BundleError("The tar file has a member twice.")
        seen.add(member.name)
        if not member.isreg() or member.issparse():
            continue
        total += member.size
        if member.size > FILE_LIMIT or total > TOTAL_LIMIT:
            raise EvidenceTooLarge(f"The bundle holds more than {TOTAL_LIMIT} bytes.")
        opened = tar.extractfile(member)
        yield member.name, opened.read() if opened else b""


def _write(bundle: Bundle, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".bundle-") as folder:
        draft = Path(folder) / "draft"
        if path.suffix == SUFFIX:
            draft.write_bytes(_tar(bundle))
        else:
            _fill(bundle, draft)
        draft.replace(path)


def _fill(bundle: Bundle, folder: Path) -> None:
    folder.mkdir()
    for name, body in _files(bundle):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)


def _tar(bundle: Bundle) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, body in _files(bundle):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(body), 0o644
            entry.mtime = int(bundle.manifest.finished.timestamp())
            tar.addfile(entry, io.BytesIO(body))
    return buffer.getvalue()


def _files(bundle: Bundle) -> Iterator[tuple[str, bytes]]:
    yield MANIFEST, bundle.text
    yield from sorted(bundle.bodies.items())
