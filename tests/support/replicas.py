"""Several servers behind one PostgreSQL and one balancer, with one vault."""

import json
import secrets
import socket
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from sp1tee.sim.processes import LocalService, Process
from support.balancer import Balancer
from support.lookout import lookout_of
from support.postgres import Postgres

SECRETS = ("worker.token", "admin.token", "vault.key")
DATABASE = "database.url"


@dataclass
class Replicas:
    """The servers ``one`` and ``other``, each of which may be killed and started again.

    Attributes:
        service: runs them.
        postgres: holds their database.
        database: its name.
        balancer: what requesters reach them through.
        flags: what both are started with, beside what makes them one service.
    """

    service: LocalService
    postgres: Postgres
    database: str
    balancer: Balancer
    flags: tuple[str, ...] = ()
    _ports: dict[str, tuple[int, int]] = field(default_factory=dict)
    _running: dict[str, Process] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _write_secrets(self._data, self.postgres.url(self.database))
        # What looks for a server's own files finds those that both have.
        for name in ("one", "other"):
            (self.service.folder / name).symlink_to(self._data)
            self._ports[name] = _free_ports()
        lookout_of(self.service).elsewhere += self.postgres.places(self.database)
        self.balancer.spread(*(f"http://127.0.0.1:{ports[0]}" for ports in self._ports.values()))

    @property
    def one(self) -> Process:
        return self._running["one"]

    @property
    def other(self) -> Process:
        return self._running["other"]

    def start(self, name: str) -> Process:
        """Start a server, or start it again where it was."""
        public, worker = self._ports[name]
        files = {secret: str(self._data / secret) for secret in (*SECRETS, DATABASE)}
        self._running[name] = self.service.serve(
            *("--listen", f"127.0.0.1:{public}", "--worker-listen", f"127.0.0.1:{worker}"),
            *("--data-dir", str(self._data), "--public-url", self.balancer.url),
            *("--database-url-file", files[DATABASE], "--vault-key-file", files["vault.key"]),
            *("--worker-token-file", files["worker.token"]),
            *("--admin-token-file", files["admin.token"]),
            *("--allow-mock", "--lease-ttl-s", "2", "--max-open-requests", "1000"),
            *self.flags,
            name=name,
        )
        return self._running[name]

    def states(self) -> dict[str, int]:
        """What the database says that requests are."""
        counted = self.postgres.sql(
            "SELECT state, count(*) FROM requests GROUP BY 1", self.database
        )
        return {state: int(n) for state, n in (line.split("|") for line in counted.splitlines())}

    def logged(self, state: str) -> Counter[str]:
        """How often any server has logged of each request that it came into a state."""
        found: Counter[str] = Counter()
        for name in self._ports:
            lines = (self.service.folder / f"{name}.log").read_text().splitlines()
            events = (json.loads(line) for line in lines if line.startswith("{"))
            steps = (event for event in events if event.get("event") == "state")
            found.update(step["request"] for step in steps if step["state"] == state)
        return found

    @property
    def _data(self) -> Path:
        return self.service.folder / "data"


def _write_secrets(folder: Path, database_url: str) -> None:
    folder.mkdir(parents=True)
    for name, text in {
        DATABASE: database_url,
        **{s: secrets.token_hex(32) for s in SECRETS},
    }.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text)


def _free_ports() -> tuple[int, int]:
    with ExitStack() as held:
        one, two = (held.enter_context(socket.socket()) for _ in range(2))
        for each in (one, two):
            each.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]
