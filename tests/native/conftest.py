"""A server for the tests of the native programs; they are skipped where there is none."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from native.peer import Client, Server, program


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "native: needs sp1tee-prover (SP1TEE_PROVER or PATH)")


@pytest.fixture(scope="session")
def built() -> None:
    if program() is None:
        pytest.skip("no sp1tee-prover on PATH and SP1TEE_PROVER names none (just native builds it)")


@pytest.fixture(scope="session")
def server(built: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("prover") / "socket")
    running.wait_until_it_listens()
    yield running
    if running.process.poll() is None:
        running.stop()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.path) as connected:
        yield connected


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A place for a socket."""
    return tmp_path / "socket"
