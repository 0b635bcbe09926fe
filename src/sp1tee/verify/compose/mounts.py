"""What services mount: named volumes and the guest's own files."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sp1tee.verify.compose.compose_file import ComposeFile, Service
from sp1tee.verify.compose.yaml_tree import Listing, Node, Scalar, Table

_OWN_STORAGE: Final = ("tmpfs", "nfs", "nfs4", "cifs")
"""Types of volumes in which nothing of the guest's is."""
_PATH_STARTS: Final = ("/", ".", "~", "$")
UNREADABLE: Final = "(unreadable)"


@dataclass(frozen=True, slots=True)
class Mount:
    """One mount of a service.

    Attributes:
        source: a path of the guest, or a volume's name; a volume that is only another name for a
            path is that path, and one with another real name goes by that.
        is_path: whether it is a path of the guest.
        target: where the container has it.
        line: where it is written.
    """

    source: str
    is_path: bool
    target: str
    line: int


def mounts(file: ComposeFile, service: Service) -> Iterator[Mount]:
    """Yield a service's mounts but those that nothing stands behind (tmpfs, anonymous volumes)."""
    listed = service.settings.get("volumes")
    if listed is None:
        return
    for item in listed.items if isinstance(listed, Listing) else (listed,):
        found = _short(item) if isinstance(item, Scalar) else _long(item)
        if found is not None:
            yield _resolved(file, found)


def _short(item: Scalar) -> Mount | None:
    source, colon, rest = split_outside_braces(item.text)
    if not colon:
        return None
    target = split_outside_braces(rest)[0]
    is_path = source.startswith(_PATH_STARTS)
    return Mount(source, is_path, _normal(target), item.line)


def _long(item: Node) -> Mount | None:
    if not isinstance(item, Table):
        return Mount(UNREADABLE, True, UNREADABLE, item.line)
    kind, source, target = (_text(item, key) for key in ("type", "source", "target"))
    source = source or _text(item, "src")
    if kind == "tmpfs" or not source:
        return None
    return Mount(source, kind != "volume", _normal(target or _text(item, "dst")), item.line)


def _resolved(file: ComposeFile, mount: Mount) -> Mount:
    """Look a volume up at the end of the file, where it may turn out to be something else."""
    if mount.is_path:
        return Mount(_normal(mount.source), True, mount.target, mount.line)
    volumes = file.tree.get("volumes")
    volume = volumes.get(mount.source) if isinstance(volumes, Table) else None
    if not isinstance(volume, Table):
        return mount
    options = volume.get("driver_opts")
    if options is not None and not isinstance(options, Table):
        return Mount(UNREADABLE, True, mount.target, mount.line)
    device = _behind(options)
    if device:
        return Mount(_normal(device), True, mount.target, mount.line)
    return Mount(_text(volume, "name") or mount.source, False, mount.target, mount.line)


def _behind(options: Table | None) -> str:
    """Return what of the guest a volume's options show: a device, or the layers of an overlay."""
    if options is None or _text(options, "type") in _OWN_STORAGE:
        return ""
    told = (_text(options, "device"), _text(options, "o"), _text(options, "mountpoint"))
    paths = [each for each in told if each.startswith(_PATH_STARTS)]
    return next(iter(paths), "") or next((each for each in told if "/" in each or "$" in each), "")


def split_outside_braces(text: str) -> tuple[str, str, str]:
    """Part a text at its first colon that is not inside ``${…}``."""
    depth = 0
    for index, character in enumerate(text):
        if character == "{" and text[index - 1 : index] == "$":
            depth += 1
        elif character == "}" and depth:
            depth -= 1
        elif character == ":" and not depth:
            return text[:index], ":", text[index + 1 :]
    return text, "", ""


def _text(table: Table, key: str) -> str:
    value = table.get(key)
    return value.text if isinstance(value, Scalar) else ""


def _normal(path: str) -> str:
    return "/" + posixpath.normpath(path).lstrip("/") if path.startswith("/") else path
