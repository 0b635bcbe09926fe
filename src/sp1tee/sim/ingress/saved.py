"""A host's bytes as a saved bundle of evidence, without a socket.

What `sp1tee evidence fetch` would have collected, at the moment that the host was described for.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import dns.message

from sp1tee.errors import FetchError
from sp1tee.sim.ingress.building import EVIDENCE, INFO, LISTING, QUOTE, Served
from sp1tee.sim.ingress.images import INDEX
from sp1tee.sim.ingress.replies import Reply, look_up
from sp1tee.sim.ingress.webpki import der, full_chain
from sp1tee.sim.ingress.zone import answer
from sp1tee.verify.caa import questions
from sp1tee.verify.evidence.bundle import Bundle
from sp1tee.verify.evidence.collector import Collector
from sp1tee.verify.evidence.manifest import (
    DnsReply,
    Download,
    Endpoint,
    ImageManifest,
    IngressFile,
    Target,
    Trouble,
)

_PORT: Final = 443
_OK: Final = 200
_LARGEST: Final = 2 << 20
_LISTED: Final = re.compile(rb"[0-9a-fA-F]{64}  ([A-Za-z0-9.*-]{1,260})", re.ASCII)
_IMAGE: Final = re.compile(r"^\s*image: ([^\s$]+)$", re.MULTILINE)
_DNS: Final = "udp"


def save(served: Served) -> Bundle:
    """Make a bundle of what a host serves."""
    host = served.host
    collector = Collector(Target(host=host.name, port=_PORT), datetime.fromtimestamp(host.at, UTC))
    collector.endpoints(list(_endpoints(served)))
    collector.ingress(list(_files(served)))
    collector.dns(list(_answers(served)))
    collector.info(Download(source=f"https://agent.{host.name}{INFO}"), served.info)
    collector.collateral(Download(source="https://pccs.example.test"), served.collateral.to_json())
    collector.images(list(_images(served)))
    return collector.finish()


def _endpoints(served: Served) -> Iterator[tuple[Endpoint, bytes]]:
    name = served.host.name
    for address, certified in served.chains.items():
        record = Endpoint(address=address, port=_PORT, server_name=name, protocol="TLSv1.3")
        yield record, full_chain(certified)


def _files(served: Served) -> Iterator[tuple[IngressFile, bytes | None]]:
    """Fetch from the first address: the list, the quote, and what is listed."""
    address, certified = next(iter(served.chains.items()))
    listing = _got(served.site, EVIDENCE + LISTING)[0] or b""
    listed = [name.decode() for name in _LISTED.findall(listing)][:64]
    for name in dict.fromkeys((LISTING, QUOTE, *listed)):
        body, trouble = _got(served.site, EVIDENCE + name)
        url = f"https://{served.host.name}{EVIDENCE}{name}"
        yield (
            IngressFile(
                name=name,
                url=url,
                address=address,
                leaf_sha256=_sha256(der(certified)),
                trouble=trouble,
            ),
            body,
        )


def _answers(served: Served) -> Iterator[tuple[DnsReply, bytes | None]]:
    host = served.host
    for address, zone in zip(host.addresses, served.zones, strict=True):
        for name, kind in questions(host.name):
            query = dns.message.make_query(name, kind, want_dnssec=True, id=0)
            record = DnsReply(resolver=address, transport=_DNS, name=name, type=kind)
            yield record, answer(zone, query.to_wire())


def _images(served: Served) -> Iterator[tuple[ImageManifest, bytes | None]]:
    for reference in dict.fromkeys(_IMAGE.findall(served.host.docker_compose)):
        registry, _, rest = reference.partition("/")
        repository, _, pin = rest.partition("@")
        repository, _, tag = repository.partition(":")
        base = f"https://{registry}/v2/{repository}"
        yield from _image(served, ImageManifest(reference=reference, url=base), pin or tag)


def _image(
    served: Served, asked: ImageManifest, wanted: str
) -> Iterator[tuple[ImageManifest, bytes | None]]:
    """Fetch what a reference leads to, an index's manifest for amd64, and the configuration."""
    record, body = _document(served, asked, "manifests", wanted, None)
    yield record, body
    if body is None or f"sha256:{_sha256(body)}" != wanted:
        return
    if record.media_type == INDEX:
        record, body = _document(served, asked, "manifests", _amd64(json.loads(body)), wanted)
        yield record, body
    if body is not None:
        config = json.loads(body)["config"]["digest"]
        yield _document(served, asked, "blobs", config, wanted)


def _document(
    served: Served, asked: ImageManifest, kind: str, name: str, of: str | None
) -> tuple[ImageManifest, bytes | None]:
    url = f"{asked.url}/{kind}/{name}"
    path = urlsplit(url).path
    body, trouble = _got(served.registry, path)
    seen: dict[str, Any] = {"url": url, "of": of, "trouble": trouble}
    if body is not None:
        seen["digest"] = name if ":" in name else f"sha256:{_sha256(body)}"
    if kind == "manifests":
        seen["media_type"] = look_up(served.registry, path).media_type
    return asked.model_copy(update=seen), body


def _amd64(index: dict[str, Any]) -> str:
    platforms = ((each["platform"]["architecture"], each["digest"]) for each in index["manifests"])
    return str(dict(platforms)["amd64"])


def _got(site: Mapping[str, Reply], path: str) -> tuple[bytes | None, Trouble | None]:
    """Return a body, or why a fetcher would not have it."""
    reply = look_up(site, path)
    if reply.status != _OK:
        return None, _trouble(f"It was answered with the status {int(reply.status)}.")
    if len(reply.body) * reply.repeat > _LARGEST:
        return None, _trouble("It is too large.")
    if reply.pause:
        return None, _trouble("It took too long.")
    return reply.body * reply.repeat, None


def _trouble(message: str) -> Trouble:
    return Trouble(code=FetchError.code, message=message)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
