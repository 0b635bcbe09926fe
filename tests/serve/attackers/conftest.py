"""A real server that takes loopback's addresses for strangers, so that each has limits of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil
import pytest
import requests
from support.attacks import Way
from support.hostile_client import Requester

from sp1tee.sim.processes import LocalService, Process
from sp1tee.wire.signing import Signer

ATTACKER = "127.0.0.2"
CONNECTIONS = 64
PEER_CONNECTIONS = 16


@dataclass(frozen=True)
class Attacked:
    """A server under attack."""

    service: LocalService
    server: Process

    @property
    def url(self) -> str:
        return self.server.public_url

    @property
    def way(self) -> Way:
        """From the attacker to the public listener."""
        where = urlsplit(self.url)
        assert where.hostname is not None
        assert where.port is not None
        return Way(where.hostname, where.port, ATTACKER)

    @property
    def worker_token(self) -> str:
        return (self.service.folder / self.server.name / "worker.token").read_text().strip()

    def honest(self) -> Requester:
        return Requester(self.url, Signer.from_bytes(b"\x0a" * 32))

    def serves(self) -> bool:
        """Tell whether it answers somebody who connects now, over both protocols."""
        with self.honest() as requester:
            requester.nonce()
        return requests.get(f"{self.url}/health", timeout=30).status_code == 200

    def resident(self) -> int:
        return int(psutil.Process(self.server.popen.pid).memory_info().rss)


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    flags = {"trusted-peers": "192.0.2.1", "max-connections": CONNECTIONS}
    flags |= {"max-peer-connections": PEER_CONNECTIONS}
    with LocalService(tmp_path_factory.mktemp("attacked")) as service:
        server = service.serve(*(f"--{name}={value}" for name, value in flags.items()))
        yield Attacked(service, server)
        assert server.alive
        assert server.stop() == 0
