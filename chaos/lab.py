"""The processes of one epoch, each of which somebody starts again when it has ended."""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import requests

from chaos import prover
from chaos.clock import Clock
from chaos.disk import Disk
from chaos.load import Load
from chaos.rogue import Rogue
from sp1tee.sim.processes import LocalService, Process, ProcessDiedError
from sp1tee.wire.hexes import to_hex
from sp1tee.wire.signing import KEY_SIZE, Signer

LEASE_TTL_S: Final = 2
SETTLED_SECONDS: Final = 30.0
"""How long anything that must happen is waited for."""

_LOOK_SECONDS: Final = 0.02
_WORKING: Final = b"waiting for work"
_HTTP_SECONDS: Final = 20.0


class NeverHappened(Exception):  # noqa: N818 - it is what a round reports
    """Something that must happen did not."""


def until(true: Callable[[], object], what: str, seconds: float = SETTLED_SECONDS) -> None:
    """Look into other processes until something is true; they offer no event to await."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise NeverHappened(what)
        time.sleep(_LOOK_SECONDS)


@dataclass(slots=True)
class Kept:
    """A process that is started again after each end, as an init system would.

    Attributes:
        name: what people call it.
        begin: starts it.
        ready: what it logs once it can be told to stop; empty if it starts only when it is ready.
        exits: how often it ended on SIGTERM with which code.
    """

    name: str
    begin: Callable[[], Process]
    ready: bytes = b""
    exits: list[int] = field(default_factory=list)
    hands: threading.RLock = field(default_factory=threading.RLock)
    _process: Process | None = None
    _log_began: int = 0

    @property
    def process(self) -> Process:
        """The process as it was started last."""
        assert self._process is not None
        return self._process

    def up(self, seconds: float = SETTLED_SECONDS) -> None:
        """Start it unless it runs, again and again while it ends before it is ready."""
        end = time.monotonic() + seconds
        with self.hands:
            while self._process is None or not self._process.alive:
                log = self._process.log if self._process else None
                self._log_began = log.stat().st_size if log else 0
                try:
                    self._process = self.begin()
                except ProcessDiedError as died:
                    if time.monotonic() > end:
                        raise NeverHappened(f"{self.name} started: {died.message}") from None

    def kill(self) -> None:
        """SIGKILL, to it alone: what it started has to notice by itself."""
        with self.hands, contextlib.suppress(ProcessLookupError):
            os.kill(self.process.popen.pid, signal.SIGKILL)
            self.process.popen.wait()

    def stop(self) -> None:
        """SIGTERM, and note how it ends. Before Python runs, nothing can answer to a signal."""
        with self.hands:
            until(self._answers, f"{self.name} was ready")
            if self.process.alive:
                self.exits.append(self.process.stop())

    def _answers(self) -> bool:
        if not self.ready or not self.process.alive:
            return True
        with self.process.log.open("rb") as log:
            log.seek(self._log_began)
            return self.ready in log.read()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop the clock for it."""
        with self.hands:
            os.kill(self.process.popen.pid, signal.SIGSTOP)
            try:
                yield
            finally:
                os.kill(self.process.popen.pid, signal.SIGCONT)


@dataclass(slots=True, kw_only=True)
class Lab:
    """What faults strike.

    Attributes:
        folder: holds everything of this epoch.
        upstream: whether requests are registered and settled at a simulated network.
        disk: what the server's data is on.
        clock: the server's clock, where it can be moved.
        server: `sp1tee serve`.
        network: `sp1tee sim network`; None in stand-alone epochs.
        workers: `sp1tee fulfill`, by name; ``prover`` is the one with a prover's process.
        load: who asks.
        ground: held by whoever meddles with the disk: what one writes must not meet another's
            full disk.
    """

    folder: Path
    upstream: bool
    disk: Disk
    clock: Clock | None
    service: LocalService = field(init=False)
    server: Kept = field(init=False)
    network: Process | None = None
    workers: dict[str, Kept] = field(default_factory=dict)
    operator: Signer = field(init=False)
    load: Load = field(init=False)
    ground: threading.RLock = field(default_factory=threading.RLock)
    _ports: tuple[int, ...] = field(init=False)
    _key: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.service = LocalService(self.folder)
        # A server that comes back is found where it was.
        self._ports = _free_ports(2)
        self._key = os.urandom(KEY_SIZE)
        self.operator = Signer.from_bytes(self._key)
        self.server = Kept("server", self._serve)

    @property
    def public_url(self) -> str:
        """Where requesters ask."""
        return f"http://127.0.0.1:{self._ports[0]}"

    @property
    def worker_url(self) -> str:
        """Where workers ask."""
        return f"http://127.0.0.1:{self._ports[1]}"

    @property
    def data(self) -> Path:
        """The server's data directory."""
        return self.folder / "server"

    @property
    def control(self) -> Path:
        """Where the stand-in prover takes orders."""
        return self.folder / "prover-control"

    @property
    def token(self) -> str:
        """What workers show."""
        return (self.data / "worker.token").read_text().strip()

    def open(self) -> None:
        """Start everything but the load."""
        self.disk.mount()
        if self.upstream:
            address = to_hex(self.operator.address)
            self.network = self.service.network("--fulfiller", address)
        self.server.up()
        prover.write_program(self.folder / "sp1tee-prover", self.control)
        for name in ("mock-1", "mock-2", "prover"):
            self.workers[name] = Kept(name, self._beginning(name), _WORKING)
            self.workers[name].up()
        for kept in self.workers.values():
            self.service.wait_for(kept.process, self.server.process)

    def rogue(self) -> Rogue:
        """Make a worker that does what no worker of ours does."""
        return Rogue(self.worker_url, self.token)

    def inject(self, **fault: object) -> None:
        """Make something go wrong at the network."""
        self._admin("POST", "faults", json=fault)

    def lift(self) -> None:
        """End whatever goes wrong at the network."""
        self._admin("DELETE", "faults")

    def network_ledger(self) -> list[dict[str, object]]:
        """Return the network's own books."""
        entries: list[dict[str, object]] = self._admin("GET", "ledger").json()
        return entries

    def requests_in(self, *states: str) -> float:
        """Return how many requests the server counts in some states."""
        headers = {"authorization": f"Bearer {self.token}"}
        page = requests.get(f"{self.worker_url}/metrics", headers=headers, timeout=_HTTP_SECONDS)
        wanted = tuple(f'sp1tee_requests{{state="{state}"}}' for state in states)
        lines = (line for line in page.text.splitlines() if line.startswith(wanted))
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def died(self) -> list[str]:
        """Name the processes that have ended without having been asked to."""
        kept = [self.server, *self.workers.values()]
        dead = [f"{k.name} ({k.process.popen.returncode})" for k in kept if not k.process.alive]
        if self.network is not None and not self.network.alive:
            dead.append(f"network ({self.network.popen.returncode})")
        return dead

    def _admin(self, method: str, page: str, **more: object) -> requests.Response:
        assert self.network is not None
        url = f"{self.network.facts['artifacts']}/{page}"
        answer = requests.request(method, url, timeout=_HTTP_SECONDS, **more)  # type: ignore[arg-type]
        answer.raise_for_status()
        return answer

    def _serve(self) -> Process:
        environment = self.clock.environment if self.clock else {}
        self.service.environment = environment
        try:
            return self.service.serve(
                *("--listen", f"127.0.0.1:{self._ports[0]}"),
                *("--worker-listen", f"127.0.0.1:{self._ports[1]}"),
                *("--allow-mock", "--lease-ttl-s", str(LEASE_TTL_S), "--max-attempts", "6"),
                *("--drain-s", "5", "--max-open-requests", "500"),
                *self._network_flags(),
            )
        finally:
            self.service.environment = {}

    def _network_flags(self) -> tuple[str, ...]:
        if self.network is None:
            return ()
        key = self.folder / "operator.key"
        if not key.exists():
            key.touch(mode=0o600)
            key.write_text(self._key.hex())
        return (
            *("--network", "upstream", "--upstream-url", self.network.public_url),
            *("--fulfiller-key-file", str(key)),
            *("--program-sources", f"s3://,{self.network.facts['artifacts']}/"),
        )

    def _beginning(self, name: str) -> Callable[[], Process]:
        flags: tuple[str, ...] = ("--drain-s", "3")
        if name == "prover":
            flags += ("--prover", "sp1", "--sp1-program", str(self.folder / "sp1tee-prover"))
        return lambda: self.service.fulfill(
            self.server.process, "--executor", "unicorn", *flags, name=name
        )


def _free_ports(count: int) -> tuple[int, ...]:
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return tuple(one.getsockname()[1] for one in sockets)
