"""A host in operation: every server on loopback, on ports that were free."""

import asyncio
import ssl
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives import serialization

from sp1tee.errors import ConfigError
from sp1tee.sim.ingress.building import INFO, Served
from sp1tee.sim.ingress.dns_server import serve_dns
from sp1tee.sim.ingress.http_server import serve_http
from sp1tee.sim.ingress.images import REGISTRY
from sp1tee.sim.ingress.replies import Site
from sp1tee.sim.ingress.webpki import full_chain
from sp1tee.sim.pki.certificates import Certified

_LOCAL: Final = "127.0.0.1"
_TRIES: Final = 3
"""A port that is free at one address, or for TCP, need not be so at another, or for UDP."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where to listen; 0 takes any port."""

    tls: int = 0
    info: int = 0
    pccs: int = 0
    registry: int = 0
    dns: int = 0


class SimIngress:
    """Runs a host; an async context manager.

    Attributes:
        served: what it serves.
        port: where it takes TLS connections, at each of its addresses.
        resolvers: where its resolvers answer, as ``ADDRESS:PORT``.
    """

    def __init__(self, served: Served, ports: Ports = Ports()) -> None:
        self.served = served
        self.port = 0
        self.resolvers: tuple[str, ...] = ()
        self._wanted = ports
        self._urls: dict[str, str] = {}
        self._running = AsyncExitStack()

    @property
    def target(self) -> str:
        """The host as it is named on a command line."""
        return f"{self.served.host.name}:{self.port}"

    @property
    def info_url(self) -> str:
        """The guest agent's Info."""
        return self._urls["info"] + INFO

    @property
    def pccs_url(self) -> str:
        """Where collateral is."""
        return self._urls["pccs"]

    @property
    def registries(self) -> dict[str, str]:
        """Where images are, by the name that references have."""
        return {REGISTRY: self._urls["registry"]}

    async def __aenter__(self) -> Self:
        for left in reversed(range(_TRIES)):
            try:
                await self._start()
            except OSError as error:
                await self._running.aclose()
                if not left:
                    raise ConfigError(
                        f"A port cannot be listened on: {error.strerror or error}.",
                        advice="Choose another one, or 0 for any.",
                    ) from None
            else:
                break
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._running.aclose()

    async def _start(self) -> None:
        served, wanted = self.served, self._wanted
        self.port, self.resolvers = wanted.tls, ()
        for address, certified in served.chains.items():
            self.port = await self._serve(served.site, address, self.port, presenting(certified))
        for name, site, port in (
            ("info", served.agent, wanted.info),
            ("pccs", served.pccs, wanted.pccs),
            ("registry", served.registry, wanted.registry),
        ):
            self._urls[name] = f"http://{_LOCAL}:{await self._serve(site, _LOCAL, port)}"
        for address, zone in zip(served.host.addresses, served.zones, strict=True):
            resolver = await serve_dns(zone, address, wanted.dns)
            self._running.callback(resolver.close)
            self.resolvers += (f"{address}:{resolver.port}",)

    async def _serve(
        self, site: Site, address: str, port: int, tls: ssl.SSLContext | None = None
    ) -> int:
        """Serve a site until the end; returns the port."""
        server = await serve_http(site, address, port, tls)
        self._running.callback(server.close)
        taken: int = server.sockets[0].getsockname()[1]
        return taken


async def run_ingress(
    served: Served,
    *,
    ports: Ports = Ports(),
    ready: Callable[[SimIngress], None],
    stop: asyncio.Event,
) -> None:
    """Run a host until `stop` is set; `ready` is told once it answers."""
    async with SimIngress(served, ports) as running:
        ready(running)
        await stop.wait()


def presenting(certified: Certified, protocols: Sequence[str] = ("http/1.1",)) -> ssl.SSLContext:
    """Present a chain; the key protects nothing, and OpenSSL takes it from a file only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(list(protocols))
    key = certified.key.private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with tempfile.TemporaryDirectory(prefix="sp1tee-sim-") as folder:
        path = Path(folder) / "chain.pem"
        path.write_bytes(key + full_chain(certified))
        context.load_cert_chain(path)
    return context
