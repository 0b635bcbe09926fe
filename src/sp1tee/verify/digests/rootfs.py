"""What a container of an image finds at a path: layers laid over one another, in memory.

OCI layer.md: a later layer's entry replaces an earlier one's, ``.wh.NAME`` removes what lower
layers have under NAME, and ``.wh..wh..opq`` everything that they have in its folder. Of a file
only its SHA-256 is kept.
"""

import hashlib
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from sp1tee.errors import EvidenceMalformed, EvidenceMissing, EvidenceTooLarge
from sp1tee.verify.digests.layers import CHUNK, Layer, Unpacked, unpacked

ENTRIES: Final = 200_000
"""How many files, folders and links a layer may have; a whole distribution has a third of that."""
_HOPS: Final = 40
"""How many links are followed: what Linux does."""
_DEPTH: Final = 255
_OPAQUE: Final = ".wh..wh..opq"
_WHITEOUT: Final = ".wh."


@dataclass(slots=True)
class Node:
    """A file (with its digest), a link (with its target), a folder, or anything else."""

    folder: bool = False
    sha256: bytes | None = None
    link: str | None = None
    children: dict[str, "Node"] = field(default_factory=dict)


class Rootfs:
    """The file system of an image."""

    def __init__(self, layers: Iterable[Layer]) -> None:
        """Read layers, the lowest first.

        Raises:
            EvidenceMalformed: a layer is none, is not the one that the configuration names, or
                means different things to different engines.
            EvidenceTooLarge: a layer is larger than anything genuine.
        """
        self._root = Node(folder=True)
        for layer in layers:
            with unpacked(layer) as stream:
                content = _Content(self._root)
                content.read(stream)
            stream.require(layer.diff_id)
            self._root = content.over()

    def sha256(self, path: str) -> str:
        """Return the digest of the file at an absolute path, links followed.

        Raises:
            EvidenceMissing: there is no file.
        """
        node = self._find(path)
        if node is None or node.sha256 is None:
            raise EvidenceMissing(f"The image has no file {path[:200]}.")
        return node.sha256.hex()

    def _find(self, path: str) -> Node | None:
        trail: list[Node] = [self._root]
        names = path.split("/")[::-1]
        hops = 0
        while names:
            name = names.pop()
            if name in {"", "."}:
                continue
            if name == "..":
                trail = trail[:-1] or [self._root]
                continue
            node = trail[-1].children.get(name)
            if node is not None and node.link is not None:
                hops += 1
                if hops > _HOPS or len(names) > _DEPTH * _HOPS:
                    return None
                trail = [self._root] if node.link.startswith("/") else trail
                names += node.link.split("/")[::-1]
            elif node is None:
                return None
            else:
                trail.append(node)
        return trail[-1]


class _Content:
    """One layer: what it adds, and what it removes of the layers below."""

    def __init__(self, lower: Node) -> None:
        self._lower = lower
        self._added: dict[tuple[str, ...], Node] = {}
        self._removed: list[tuple[str, ...]] = []
        self._emptied: list[tuple[str, ...]] = []

    def read(self, stream: Unpacked) -> None:
        """Read a layer to its end."""
        with tarfile.open(fileobj=stream, mode="r:") as tar:  # type: ignore[call-overload]
            while (member := tar.next()) is not None:
                self._take(tar, member)
                tar.members.clear()  # it would keep every header
                if len(self._added) + len(self._removed) + len(self._emptied) > ENTRIES:
                    raise EvidenceTooLarge(f"A layer has more than {ENTRIES} files.")
            stream.finish()

    def _take(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        path = _parts(member.name)
        if path and path[-1] == _OPAQUE:
            self._emptied.append(path[:-1])
        elif path and path[-1].startswith(_WHITEOUT):
            self._removed.append((*path[:-1], path[-1].removeprefix(_WHITEOUT)))
        elif path:
            self._added.pop(path, None)  # the later entry counts, in its own place
            self._added[path] = self._node(tar, member)

    def _node(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> Node:
        if member.issym():
            return Node(link=member.linkname)
        if member.islnk():
            return self._linked(_parts(member.linkname))
        if member.issparse():
            raise EvidenceMalformed("A layer has a sparse file, which image builders don't write.")
        return Node(member.isdir(), _digest(tar, member) if member.isreg() else None)

    def _linked(self, path: tuple[str, ...]) -> Node:
        node = self._added.get(path) or _walk(self._lower, path)
        if node is None or node.folder:
            raise EvidenceMalformed("A layer has a hard link to something that is not there.")
        return Node(sha256=node.sha256, link=node.link)

    def over(self) -> Node:
        """Lay it over the layers below."""
        for folder in self._emptied:
            if (node := _walk(self._lower, folder)) is not None:
                node.children.clear()
        for path in self._removed:
            if (parent := _walk(self._lower, path[:-1])) is not None:
                parent.children.pop(path[-1], None)
        for path, node in self._added.items():
            self._put(path, node)
        return self._lower

    def _put(self, path: tuple[str, ...], node: Node) -> None:
        parent = self._lower
        for name in path[:-1]:
            parent = parent.children.setdefault(name, Node(folder=True))
            if not parent.folder:
                # Some engines write through a link, others replace it by a folder.
                raise EvidenceMalformed("A layer writes through something that is no folder.")
        before = parent.children.get(path[-1])
        if before is not None and before.folder and node.folder:
            return
        parent.children[path[-1]] = node


def _walk(node: Node, path: tuple[str, ...]) -> Node | None:
    found: Node | None = node
    for name in path:
        found = None if found is None else found.children.get(name)
    return found


def _parts(name: str) -> tuple[str, ...]:
    parts = tuple(part for part in name.split("/") if part not in {"", "."})
    if ".." in parts or len(parts) > _DEPTH or "\0" in name:
        raise EvidenceMalformed("A layer has a path that leads out of the image.")
    return parts


def _digest(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = tar.extractfile(member)
    assert content is not None
    found, left = hashlib.sha256(), member.size
    while left:
        data = content.read(min(CHUNK, left))
        if not data:
            raise EvidenceMalformed("A layer ends within a file.")
        found.update(data)
        left -= len(data)
    return found.digest()
