"""A server behind an ingress, and those who are on either side of it."""

import hashlib
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import httpx
import requests

from sp1tee.sim.processes import LocalService, Process
from sp1tee.wire.pb import worker_pb2
from sp1tee.wire.signing import Signer
from support.hostile_client import PATIENCE_S, RawReply, Requester, post_over
from support.ingress_limits import LIMITING
from support.ingress_proxies import SHAPES, Site
from support.people import eventually, metrics

WORKERS = "/sp1tee.worker.v1.Workers"


@dataclass
class SecureRequester(Requester):
    """A requester with stock gRPC over TLS, who trusts one authority."""

    ca: Path

    def __post_init__(self) -> None:
        trust = grpc.ssl_channel_credentials(self.ca.read_bytes())
        self.channel = grpc.secure_channel(urlsplit(self.url).netloc, trust)


@dataclass(frozen=True)
class HandWorker:
    """A worker's rights, used by hand: what a fulfiller would be given."""

    url: str
    token: str = field(repr=False)

    @property
    def rights(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}

    def lease(self) -> worker_pb2.Lease:
        capability = worker_pb2.Capability(version="sp1-v6.1.0", modes=[1], mock=True)
        ask = worker_pb2.LeaseRequest(worker="a", capabilities=[capability], wait_ms=10_000)
        reply = worker_pb2.LeaseReply.FromString(self._call("Lease", ask.SerializeToString()))
        return reply.lease

    def fail(self, held: worker_pb2.Lease, text: str, printed: str = "") -> None:
        """Say that a request cannot be proved."""
        ask = worker_pb2.FailRequest(
            lease_id=held.lease_id, lease_token=held.lease_token, text=text, printed=printed
        )
        self._call("Fail", ask.SerializeToString())

    def digest_of_stdin(self, held: worker_pb2.Lease) -> str:
        """Fetch the input as it was uploaded; its sha256."""
        rights = self.rights | {"sp1tee-lease": held.lease_token.hex()}
        url = f"{self.url}/blobs/stdin/{held.lease_id}"
        answer = requests.get(url, headers=rights, timeout=PATIENCE_S)
        assert answer.status_code == 200, answer.text
        return hashlib.sha256(answer.content).hexdigest()

    def _call(self, method: str, message: bytes) -> bytes:
        with Requester(self.url, Signer.from_bytes(b"\x0a" * 32)) as worker:
            return worker.call(f"{WORKERS}/{method}", message, *self.rights.items())


@dataclass
class Place:
    """A server behind an ingress.

    Attributes:
        shape: a key of `SHAPES`, or of `LIMITING`.
        server: the process that runs now.
    """

    shape: str
    service: LocalService
    site: Site
    server: Process
    flags: tuple[str, ...]

    @property
    def contact(self) -> tuple[str, ...]:
        """How commands are told where the server is."""
        return ("--server", self.site.url, "--ca-file", str(self.site.ca))

    @property
    def worker(self) -> HandWorker:
        token = (self.service.folder / self.server.name / "worker.token").read_text().strip()
        return HandWorker(self.server.worker_url, token)

    def requester(self, signer: Signer) -> SecureRequester:
        return SecureRequester(self.site.url, signer, self.site.ca)

    def http(self, version: str) -> httpx.Client:
        """A client that speaks "HTTP/1.1" or "HTTP/2"."""
        h2 = version == "HTTP/2"
        trust = self.site.context()
        return httpx.Client(
            base_url=self.site.url, http1=not h2, http2=h2, verify=trust, timeout=PATIENCE_S
        )

    @contextmanager
    def line(self, protocol: str = "http/1.1") -> Iterator[ssl.SSLSocket]:
        """A bare connection."""
        trust = self.site.context()
        trust.set_alpn_protocols([protocol])
        host, port = "127.0.0.1", self.site.port
        with (
            socket.create_connection((host, port), PATIENCE_S) as plain,
            trust.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            assert secure.selected_alpn_protocol() == protocol
            yield secure

    def post(self, path: str, body: bytes, **headers: str) -> RawReply:
        """Send a gRPC call's body as it is; see `hostile_client.post`."""
        with self.line("h2") as line:
            return post_over(line, "localhost", path, body, **headers)

    @contextmanager
    def command(self, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
        """Run `sp1tee` as a requester, who comes through the ingress, while the block runs."""
        process = subprocess.Popen(
            [sys.executable, "-m", "sp1tee", *arguments, *self.contact],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    def blobs(self) -> frozenset[str]:
        """The names of the files that hold uploads and proofs, or parts of them."""
        found = (self.service.folder / self.server.name / "blobs").rglob("*")
        return frozenset(path.name for path in found if path.is_file())

    def has(self, metric: str) -> bool | None:
        """Whether the operator sees a figure."""
        return metric in metrics(self.service, self.server) or None

    def restart(self) -> None:
        """Start the server again, with its data and at its addresses."""
        old = self.server
        at = ("--listen", urlsplit(old.public_url).netloc)
        workers_at = ("--worker-listen", urlsplit(old.worker_url).netloc)
        self.server = self.service.serve(*self.flags, *at, *workers_at)

    def fulfill(self) -> None:
        """Start a fulfiller."""
        fulfiller = self.service.fulfill(self.server)
        there = 'sp1tee_workers{state="active"} 1.0'
        eventually(lambda: self.has(there), f"{fulfiller.name} at work")


@contextmanager
def behind(shape: str, folder: Path, *flags: str, uploads_around: bool = False) -> Iterator[Place]:
    """Run a server behind an ingress.

    Args:
        shape: a key of `SHAPES`, or of `LIMITING`.
        folder: where everything is written.
        flags: the server's.
        uploads_around: whether uploads and downloads go to the server directly.
    """
    with ExitStack() as stack:
        service = stack.enter_context(LocalService(folder / "service"))
        # Where searches for inputs look: an ingress must not keep any either.
        site = Site.below(service.folder / "ingress")
        url = () if uploads_around else ("--public-url", site.url)
        flags = ("--allow-mock", "--evidences-dir", str(site.evidences), *url, *flags)
        server = service.serve(*flags)
        run = (SHAPES | LIMITING)[shape]
        stack.enter_context(run(site, urlsplit(server.public_url).netloc))
        yield Place(shape, service, site, server, flags)
