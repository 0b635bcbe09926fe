"""Debian's redis-server on a free port, with a password, without a disk."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

PASSWORD = "a-redis-SECRET"


@dataclass(frozen=True)
class RedisServer:
    """A running server.

    Attributes:
        port: where it listens, on this machine only.
        process: what runs.
    """

    port: int
    process: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        return f"redis://:{PASSWORD}@127.0.0.1:{self.port}/0"

    def client(self) -> "redis.Redis":
        return redis.Redis(port=self.port, password=PASSWORD)

    def read(self, name: str) -> bytes | None:
        """Fetch an artifact as sp1-cluster's workers do (crates/artifact/src/redis.rs)."""
        with closing(self.client()) as client:
            count = client.hget(f"{name}:chunks", "__n")
            if count is None:
                return client.get(name)
            return b"".join(client.hget(f"{name}:chunks", n) for n in range(int(count)))

    def write(self, name: str, packed: bytes) -> None:
        with closing(self.client()) as client:
            client.set(name, packed, ex=21_600)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def redis_server(folder: Path, *flags: str) -> Iterator[RedisServer]:
    """Start a server; leaving ends it."""
    program = shutil.which("redis-server")
    assert program is not None
    port = _free_port()
    words = ("--port", str(port), "--bind", "127.0.0.1", "--requirepass", PASSWORD)
    quiet = ("--save", "", "--appendonly", "no", "--dir", str(folder), "--maxmemory", "256mb")
    command = (program, *words, *quiet, "--maxmemory-policy", "noeviction", *flags)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    server = RedisServer(port, process)
    try:
        _until_ready(process)
        yield server
    finally:
        server.stop()
        assert process.stdout is not None
        process.stdout.close()


def _until_ready(process: "subprocess.Popen[bytes]") -> None:
    said = []
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        if b"Ready to accept connections" in line:
            return
    raise AssertionError(b"".join(said).decode())


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
