"""Making a bundle: bodies get a name and a digest, and records get to know it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import BaseModel

from sp1tee import __version__
from sp1tee.verify.evidence.bundle import Bundle, open_bundle
from sp1tee.verify.evidence.manifest import (
    DnsReply,
    Download,
    Endpoint,
    File,
    ImageManifest,
    IngressFile,
    Manifest,
    Target,
)

R = TypeVar("R", bound=BaseModel)


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@dataclass
class Collector:
    """Takes what fetchers bring, in the order in which it is asked for."""

    target: Target
    begun: datetime = field(default_factory=_now)
    _bodies: dict[str, bytes] = field(default_factory=dict, repr=False)
    _endpoints: list[Endpoint] = field(default_factory=list)
    _ingress: list[IngressFile] = field(default_factory=list)
    _dns: list[DnsReply] = field(default_factory=list)
    _images: list[ImageManifest] = field(default_factory=list)
    _info: Download | None = None
    _collateral: Download | None = None

    def endpoints(self, found: Sequence[tuple[Endpoint, bytes | None]]) -> None:
        """Keep what addresses presented."""
        for number, (record, chain) in enumerate(found, len(self._endpoints)):
            path = self._keep(f"tls/{number}.pem", chain)
            self._endpoints.append(record.model_copy(update={"chain": path}))

    def ingress(self, found: Sequence[tuple[IngressFile, bytes | None]]) -> None:
        """Keep evidence files."""
        for number, (record, body) in enumerate(found, len(self._ingress)):
            self._ingress.append(self._with_file(record, f"ingress/{number}", body))

    def dns(self, found: Sequence[tuple[DnsReply, bytes | None]]) -> None:
        """Keep answers of resolvers."""
        for number, (record, body) in enumerate(found, len(self._dns)):
            self._dns.append(self._with_file(record, f"dns/{number}.bin", body))

    def images(self, found: Sequence[tuple[ImageManifest, bytes | None]]) -> None:
        """Keep manifests of images."""
        for number, (record, body) in enumerate(found, len(self._images)):
            self._images.append(self._with_file(record, f"images/{number}.json", body))

    def info(self, record: Download, body: bytes | None) -> None:
        """Keep the guest agent's Info."""
        self._info = self._with_file(record, "info.json", body)

    def collateral(self, record: Download, body: bytes | None) -> None:
        """Keep the quote's collateral."""
        self._collateral = self._with_file(record, "collateral.json", body)

    def finish(self) -> Bundle:
        """Make the bundle."""
        manifest = Manifest(
            tool=f"sp1tee {__version__}",
            target=self.target,
            begun=self.begun,
            finished=_now(),
            endpoints=tuple(self._endpoints),
            ingress=tuple(self._ingress),
            dns=tuple(self._dns),
            info=self._info,
            collateral=self._collateral,
            images=tuple(self._images),
            files={path: _file(body) for path, body in self._bodies.items()},
        )
        told = manifest.model_dump(mode="json", by_alias=True, exclude_none=True)
        text = (json.dumps(told, indent=2, ensure_ascii=False) + "\n").encode()
        return open_bundle(text, self._bodies)

    def _with_file(self, record: R, path: str, body: bytes | None) -> R:
        return record.model_copy(update={"file": self._keep(path, body)})

    def _keep(self, path: str, body: bytes | None) -> str | None:
        if body is None:
            return None
        self._bodies[path] = body
        return path


def _file(body: bytes) -> File:
    return File(sha256=hashlib.sha256(body).hexdigest(), size=len(body))
