"""A real S3 server on loopback: versitygw, with its buckets in a folder."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from obstore.store import S3Store

from sp1tee.store.s3_bucket import Bucket
from support.go_programs import go_program

KEY_ID, SECRET = "AKQ7VAULT41XGP0ZR2M9", "Zq8kV3nXw0bT5yRcL1mHsD7uJ4aPgE9fKo6iWt2v"
REGION = "eu-test-1"
PATIENCE_S = 30.0

_NAME = "vaults"
_numbers = count(1)


@dataclass(frozen=True)
class S3Server:
    """Where it is. Every `bucket` is a folder of one bucket, that nobody else uses."""

    address: tuple[str, int]
    root: Path

    @property
    def endpoint(self) -> str:
        return "http://{}:{}".format(*self.address)

    def bucket(self, *, at: str | None = None, secret: str = SECRET) -> Bucket:
        """Somewhere empty; `at` another address that leads here."""
        return Bucket(
            _NAME,
            f"room-{next(_numbers)}",
            endpoint=at or self.endpoint,
            region=REGION,
            access_key_id=KEY_ID,
            secret_access_key=secret,
        )

    def own_bucket(self) -> Bucket:
        """A bucket that can be taken away."""
        name = f"bucket-{next(_numbers)}"
        (self.root / name).mkdir()
        return Bucket(
            name,
            endpoint=self.endpoint,
            region=REGION,
            access_key_id=KEY_ID,
            secret_access_key=SECRET,
        )

    def take_away(self, bucket: Bucket) -> None:
        shutil.rmtree(self.root / bucket.name)


def client_of(bucket: Bucket) -> S3Store:
    """A client of a bucket that is not ours."""
    return S3Store(
        bucket.name,
        prefix=bucket.prefix or None,
        config={
            "endpoint": bucket.endpoint or "",
            "region": REGION,
            "access_key_id": KEY_ID,
            "secret_access_key": SECRET,
        },
        client_options={"allow_http": True},
    )


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run the server for as long as the block lasts."""
    program = go_program("versitygw")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "buckets")
        (root / _NAME).mkdir(parents=True)
        server = S3Server(_free_address(), root)
        with Path(folder, "log").open("wb") as log:
            process = subprocess.Popen(
                _command(program, server),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"ROOT_ACCESS_KEY_ID": KEY_ID, "ROOT_SECRET_ACCESS_KEY": SECRET},
            )
        try:
            _await(server.address, process, Path(folder, "log"))
            yield server
        finally:
            process.kill()
            process.wait()


def _command(program: str, server: S3Server) -> list[str]:
    listen = "{}:{}".format(*server.address)
    own = ["--port", listen, "--region", REGION, "--quiet"]
    return [program, *own, "posix", str(server.root)]


def _free_address() -> tuple[str, int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host, port = probe.getsockname()
        return host, port


def _await(address: tuple[str, int], process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection(address, 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"the S3 server does not answer: {log.read_text()}")
