"""What happens to services while the SDK waits, and what its user gets all the same."""

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from conformance.places import Place, a_place
from support.native_programs import PATIENCE_S, SdkRun, sdk_at_work, sdk_program
from support.people import Task, eventually, sp1tee
from support.proof_archive import sample_task

from sp1tee.sim.processes import Process

pytestmark = [pytest.mark.e2e, pytest.mark.sdk]


@pytest.fixture
def task(tmp_path: Path) -> Task:
    sdk_program()
    folder = tmp_path / "requester"
    folder.mkdir()
    return sample_task(folder)


@pytest.fixture
def place(tmp_path: Path, task: Task) -> Iterator[Place]:
    with a_place(tmp_path / "place", task, task.secret) as place:
        yield place


def proving(server: Process, task: Task, seconds: int = 3600) -> AbstractContextManager[SdkRun]:
    """The SDK at work on a core proof, telling what it does."""
    return sdk_at_work(
        task.elf.parent,
        *("reserved", server.public_url, str(task.elf), str(task.stdin), "core", str(seconds)),
        variables={"RUST_LOG": "info"},
    )


def has_its_proof(sdk: SdkRun) -> None:
    said = sdk.said()
    assert said.code == 0, said
    assert said.out.splitlines()[-1] == "verified"


def request_id(sdk: SdkRun) -> str:
    """The id that the SDK was given, once it was."""

    def given() -> str | None:
        found = re.search(r"Created request (0x[0-9a-f]{64})", sdk.heard())
        return found[1] if found else None

    return eventually(given, "a request of the SDK")


def start_again(place: Place, server: Process) -> None:
    """The server once more, with its data and where it was."""
    public, worker = (url.removeprefix("http://") for url in (server.public_url, server.worker_url))
    place.service.serve("--listen", public, "--worker-listen", worker)


def test_a_request_waits_for_the_first_worker(place: Place, task: Task) -> None:
    server = place.service.serve()
    with proving(server, task) as sdk:
        waiting = sp1tee("status", request_id(sdk), "--server", server.public_url)
        assert "assigned" in waiting.stdout
        place.works(server, place.archive())
        has_its_proof(sdk)


def test_a_request_is_over_when_it_is_due(place: Place, task: Task) -> None:
    server = place.service.serve()
    with proving(server, task, seconds=3) as sdk:
        said = sdk.said()
    assert said.code == 1
    assert re.search(r"Proof request 0x[0-9a-f]{64} (timed out|is unfulfillable)", said.err), said


def test_the_sdk_asks_on_while_the_server_is_killed_and_started_again(
    place: Place, task: Task
) -> None:
    server, archive = place.service.serve(), place.archive()
    archive.open.clear()
    place.works(server, archive)
    with proving(server, task) as sdk:
        assert archive.begun.wait(PATIENCE_S)
        server.kill()
        start_again(place, server)
        archive.open.set()
        has_its_proof(sdk)


def test_another_worker_takes_over_from_one_that_is_killed(place: Place, task: Task) -> None:
    server, archive = place.service.serve("--lease-ttl-s", "2"), place.archive(name="first")
    archive.open.clear()
    worker = place.works(server, archive, name="first")
    with proving(server, task) as sdk:
        assert archive.begun.wait(PATIENCE_S)
        worker.kill()
        place.works(server, place.archive(name="second"), name="second")
        has_its_proof(sdk)
