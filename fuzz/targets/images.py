"""What registries serve and builders write: documents, layers, archives."""

import gzip
import hashlib
import io
import json
import tarfile
import tempfile
import zlib
from collections.abc import Mapping
from contextlib import closing
from functools import cache
from pathlib import Path

from fuzz import seeds
from fuzz.target import Target, chosen, each_way
from sp1tee.errors import VerifyError
from sp1tee.verify.digests.configs import read_config
from sp1tee.verify.digests.documents import read_document
from sp1tee.verify.digests.layers import Layer, check_layer
from sp1tee.verify.digests.opening import open_built
from sp1tee.verify.digests.platforms import LINUX_AMD64
from sp1tee.verify.digests.rootfs import Rootfs
from sp1tee.verify.fetch.repository import _token
from sp1tee.wire.artifacts import pack
from sp1tee.wire.versions import Family

_READ = (VerifyError,)
_LARGE = 1 << 15


def _document(data: bytes) -> None:
    way, rest = chosen(data, 3)
    (read_document, read_config, _token)[way](rest)


def _documents() -> list[bytes]:
    return each_way(3, [*seeds.evidence("images/"), b'{"token": "abc", "access_token": "d"}'])


def _named(data: bytes) -> Layer:
    """Name a layer by what it unpacks to, as the one who made a hostile one would."""
    unpacked = data
    if data[:2] == b"\x1f\x8b":
        try:
            unpacked = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            unpacked = b""
    digest = hashlib.sha256(unpacked).hexdigest()
    return Layer(f"sha256:{digest}", lambda: closing(io.BytesIO(data)))


def _layer(data: bytes) -> None:
    Rootfs([_named(data)]).sha256("/usr/a")


def _packed(data: bytes) -> None:
    check_layer(_named(data))


def _tar(entries: Mapping[str, bytes | str | None]) -> bytes:
    """Make a tar stream: bytes are a file, text is a link's target, None is a folder."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in entries.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                info.type = tarfile.DIRTYPE if content is None else tarfile.SYMTYPE
                info.linkname = content or ""
                archive.addfile(info)
    return made.getvalue()


@cache
def _layers() -> list[bytes]:
    plain = _tar({"usr": None, "usr/a": b"1" * 600, "b": "usr/a", "é" * 120: b"2"})
    return [plain[: 20 * 512], _tar({"usr/.wh.a": b"", "c": "c", "usr": "c"})]


def _packings() -> list[bytes]:
    return [
        *(gzip.compress(layer, mtime=0) for layer in _layers()),
        *(pack(layer, Family.V6) for layer in _layers()),
    ]


def _built(data: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="sp1tee-fuzz-") as folder:
        path = Path(folder) / "image.tar"
        path.write_bytes(data)
        for kind in ("oci", "docker"):
            try:
                with open_built(path, kind, LINUX_AMD64):
                    pass
            except VerifyError:
                continue


@cache
def _archives() -> list[bytes]:
    layer = _tar({"a": b"1"})
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        }
    ).encode()
    listing = json.dumps([{"Config": "c.json", "RepoTags": ["a:b"], "Layers": ["l.tar"]}]).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "config": _descriptor("config.v1+json", config),
            "layers": [_descriptor("layer.v1.tar", layer)],
        }
    ).encode()
    index = json.dumps(
        {"schemaVersion": 2, "manifests": [_descriptor("manifest.v1+json", manifest)]}
    ).encode()
    blobs = {f"blobs/sha256/{_digest(b)[7:]}": b for b in (config, manifest, layer)}
    layout = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}', "index.json": index, **blobs}
    return [
        _tar({"manifest.json": listing, "c.json": config, "l.tar": layer}),
        _tar(layout),
    ]


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _descriptor(kind: str, data: bytes) -> dict[str, object]:
    named = f"application/vnd.oci.image.{kind}"
    return {"mediaType": named, "digest": _digest(data), "size": len(data)}


TARGETS = (
    Target(
        "verify.image_document",
        ("verify.digests.documents", "verify.digests.configs"),
        _document,
        _READ,
        _documents,
    ),
    Target("verify.layer", ("verify.digests.rootfs",), _layer, _READ, _layers, size=_LARGE),
    Target(
        "verify.packed_layer",
        ("verify.digests.layers", "verify.digests._zstd"),
        _packed,
        _READ,
        _packings,
    ),
    Target(
        "verify.built_image",
        (
            "verify.digests.docker_archives",
            "verify.digests.oci_layouts",
            "verify.digests.opening",
            "verify.digests.stores",
        ),
        _built,
        _READ,
        _archives,
        size=_LARGE,
    ),
)
