"""The simulated Prover Network as one object, and as a program."""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

from sp1tee.sim.network.admin_pages import AdminPages
from sp1tee.sim.network.asking import Asking
from sp1tee.sim.network.book import Book
from sp1tee.sim.network.calls import services
from sp1tee.sim.network.faults import (
    Assign,
    Assignment,
    BurnNonce,
    CallFault,
    Fault,
    Faults,
    Outage,
)
from sp1tee.sim.network.fulfilling import Fulfilling
from sp1tee.sim.network.grpc_server import GrpcServer
from sp1tee.sim.network.http_server import HttpServer
from sp1tee.sim.network.ledger import Ledger
from sp1tee.sim.network.object_pages import ObjectPages
from sp1tee.sim.network.objects import ObjectStore
from sp1tee.sim.network.policy import Policy
from sp1tee.sim.network.requesting import Requesting
from sp1tee.sim.network.requests import Program, Request
from sp1tee.sim.network.settings import OWN_PROVER, SimSettings
from sp1tee.wire.pb import artifact_pb2
from sp1tee.wire.signing import Address

_LOOPBACK: Final = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - nothing is bound


class SimNetwork:
    """A Prover Network on this machine; use it as an async context manager.

    Everything it keeps is in memory. It follows a real network's rules strictly and does what its
    faults say.

    Args:
        settings: how it listens and behaves.
        clock: Unix seconds; with a clock of your own call `tick` after moving it.
        entropy: makes random bytes of a length.
    """

    def __init__(
        self,
        settings: SimSettings | None = None,
        *,
        clock: Callable[[], float] = time.time,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.settings = settings = settings or SimSettings()
        self._faults = Faults()
        self._book = Book(_policy(settings), clock=clock, entropy=entropy)
        self._store = ObjectStore(settings.bucket, ttl_s=settings.upload_ttl_s, clock=clock)
        self._grpc = self._grpc_server()
        self._http = HttpServer(
            settings,
            ObjectPages(self._store, self._faults, max_bytes=settings.max_artifact_bytes),
            AdminPages(self),
        )

    async def __aenter__(self) -> Self:
        if self.settings.tls is not None:
            self.settings.tls.check()
        await self._http.open()
        self._store.base_url = self.artifacts_url
        try:
            await self._grpc.open()
            for fault in self.settings.faults:
                await self.inject(fault)
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._close()

    @property
    def url(self) -> str:
        """Where its gRPC services are."""
        return f"{self._scheme}://{_reachable(self._grpc.address)}"

    @property
    def artifacts_url(self) -> str:
        """Where its artifact store (S3's endpoint, path style) and its admin pages are."""
        return f"{self._scheme}://{_reachable(self._http.address)}"

    @property
    def ledger(self) -> Ledger:
        """What happened so far."""
        return self._book.ledger

    @property
    def faults(self) -> tuple[CallFault, ...]:
        """The faults of calls that are in force."""
        return self._faults.in_force()

    async def wait_for(self, predicate: Callable[[Ledger], bool]) -> None:
        """Wait until the ledger satisfies `predicate`."""
        await self.ledger.wait_for(predicate)

    def tick(self) -> None:
        """Do what has become due; every call does this first."""
        self._book.tick()

    def request(self, request_id: bytes) -> Request:
        """Return a request as it is now.

        Raises:
            NetworkRefusal: there is none of this id.
        """
        self.tick()
        return self._book.request(request_id)

    def nonce(self, account: Address) -> int:
        """Return an account's next nonce."""
        return self._book.accounts.nonce(account)

    def put_program(self, vk_hash: bytes, vk: bytes, artifact: bytes) -> str:
        """Have a program registered and uploaded already; return its URI.

        Args:
            vk_hash: its name, 32 bytes.
            vk: its verifying key, as an SDK registers it.
            artifact: what an SDK would upload (`sp1tee.wire.program`, `sp1tee.wire.artifacts`).
        """
        key = self._store.new_key(artifact_pb2.PROGRAM)
        self._store.put(key, artifact)
        uri, now = self._store.uri(key), self._book.now
        self._book.adopt(Program(vk_hash=vk_hash, vk=vk, uri=uri, owner=OWN_PROVER, created_at=now))
        return uri

    async def inject(self, fault: Fault) -> None:
        """Make something go wrong, or change whom requests are assigned to.

        Raises:
            NetworkRefusal: the request to assign is not waiting for that.
        """
        match fault:
            case Outage():
                await self._go_down(closed=fault.closed)
            case Assignment():
                fulfiller = None if fault.fulfiller is None else Address(fault.fulfiller)
                self._book.policy = replace(
                    self._book.policy, fulfiller=fulfiller, delay_s=fault.delay_s
                )
            case Assign():
                self._book.assign(fault.request_id, Address(fault.fulfiller))
            case BurnNonce():
                for _ in range(fault.times):
                    self._book.burn_nonce(Address(fault.address))
            case _:
                self._faults.add(fault)

    async def lift(self) -> None:
        """End all faults of calls and any outage; whom requests are assigned to stays."""
        self._faults.lift()
        await self._grpc.open()

    async def _close(self) -> None:
        self._faults.lift()
        await self._grpc.aclose()
        await self._http.close()

    async def _go_down(self, *, closed: bool) -> None:
        self._faults.outage = True
        if closed:
            await self._grpc.close()

    @property
    def _scheme(self) -> str:
        return "https" if self.settings.tls else "http"

    def _grpc_server(self) -> GrpcServer:
        settings, book, store = self.settings, self._book, self._store
        answered = services(
            Asking(settings, book, store, self._faults),
            Requesting(settings.auction, book, store),
            Fulfilling(settings.auction, book, store, refuse_mocks=settings.refuse_mocks),
        )
        return GrpcServer(settings, answered, self._faults, book.tick)


async def run_sim(
    settings: SimSettings, *, ready: Callable[[SimNetwork], None], stop: asyncio.Event
) -> None:
    """Run a simulated network until `stop` is set.

    Args:
        settings: how it listens and behaves.
        ready: told the network once it answers.
        stop: ends it.
    """
    async with SimNetwork(settings) as network:
        ready(network)
        await stop.wait()


def _policy(settings: SimSettings) -> Policy:
    return Policy(
        fulfiller=settings.fulfiller,
        hosted=settings.hosted_fulfiller,
        delay_s=settings.assignment_delay_s,
        stale_nonce=settings.stale_nonce,
        wrong_state=settings.wrong_state,
    )


def _reachable(address: str) -> str:
    """Return where a listener can be reached from this machine, also if it is on every address."""
    host, _, port = address.rpartition(":")
    return f"{_LOOPBACK.get(host, host)}:{port}"
