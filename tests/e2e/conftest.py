"""Real processes, and a search for the private input when each test has ended."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import postgres
from support.lookout import looking_out
from support.people import sp1tee
from support.postgres import Postgres
from support.watching import watching

from sp1tee.sim.processes import LocalService

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", autouse=True)
def canary() -> Iterator[None]:
    """No input of any test may show anywhere, whether the test thinks of it or not."""
    with looking_out():
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A PostgreSQL, for servers that share a database."""
    with postgres.running() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What belongs to the requester: their program, input and key."""
    path = tmp_path / "requester"
    path.mkdir()
    return path


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LocalService]:
    """Processes of one service; their data and logs stand below its folder."""
    with LocalService(tmp_path / "service") as service:
        yield service


@pytest.fixture
def key(folder: Path) -> Path:
    """A requester's key."""
    path = folder / "key"
    assert sp1tee("keys", "new", "--out", str(path)).returncode == 0
    return path


@pytest.fixture
def watched(service: LocalService) -> Iterator[list[bytes]]:
    """Put an input in, and after the test nothing that the service wrote or says may show it."""
    with watching(service) as secrets:
        yield secrets
