"""Real processes, and a search for the private input when each test has ended."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.people import sp1tee

from sp1tee.sim import canary
from sp1tee.sim.processes import LocalService

pytestmark = pytest.mark.e2e


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
    """Put an input in, and after the test it must stand nowhere below the service's folder."""
    secrets: list[bytes] = []
    yield secrets
    for process in reversed(service.processes):
        process.stop()
    # What is known to be there must be found: ids of artifacts stand in the database.
    report = canary.search([service.folder], secrets, controls=[b"artifact_"])
    assert report.hits == ()
    assert report.missed_controls == ()
