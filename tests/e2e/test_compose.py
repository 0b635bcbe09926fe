"""docker-compose.dev.yml on a real engine, with the images that were built, used from outside.

The containers are killed, restarted and stopped in the middle of requests.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.compose_engine import own_engine
from support.compose_images import built_images, images_tool
from support.compose_projects import Project, a_project
from support.people import detach, eventually, fetch, fibonacci, prove, solvency

from sp1tee.sim import canary
from sp1tee.wire.proof import decode_proof

pytestmark = pytest.mark.e2e

DEV = Path(__file__).parents[2] / "compose" / "docker-compose.dev.yml"
RUNNING = ("network", "server", "fulfiller")
LEDGER = "http://127.0.0.1:9001/ledger"
METRICS = "http://127.0.0.1:8081/metrics"
LONG = {b'"executor": "unicorn"': 300_000_000, b'"executor": "native': 12_000_000}
"""Keeps an executor busy for seconds, long enough for somebody to be killed in the middle."""
WHO = """
import os
print(open("/proc/1/status").read(), "Writable:", not os.statvfs("/").f_flag & os.ST_RDONLY)
"""


@dataclass(frozen=True)
class Network:
    """The network behind the service, which everybody may ask."""

    public_url: str = "http://127.0.0.1:9000"


@dataclass(frozen=True)
class Service:
    """What requesters see of the project, and what they must never find in it."""

    project: Project
    public_url: str = "http://127.0.0.1:8080"
    secrets: list[bytes] = field(default_factory=list)

    def settled(self, request_id: object) -> int:
        """How often the network has settled a request."""
        wanted = str(request_id).removeprefix("0x")
        ledger = json.loads(self.project.page("network", LEDGER))
        settled = [each["request_id"] for each in ledger if each["kind"] == "fulfilled"]
        return settled.count(wanted)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    images = built_images()
    with (
        own_engine() as engine,
        engine.entered(),
        a_project(engine, DEV) as project,
    ):
        images_tool("load", images, DOCKER_HOST=engine.url)
        project.compose("up", "--detach", "--no-build")
        yield Service(project)


@pytest.fixture
def project(service: Service) -> Iterator[Project]:
    yield service.project
    print(service.project.told())  # noqa: T201 - shown beside a test that failed


def hand_out(service: Service, folder: Path, key: Path) -> str:
    """Have a request that a worker has in its hands, and freeze the worker."""
    project = service.project
    said = project.container("fulfiller").logs()
    (long,) = (length for executor, length in LONG.items() if executor in said)
    task = fibonacci(folder, long)
    request_id = detach(task, service, key, "--cycle-limit", "10000000000")
    eventually(lambda: leased(project) or None, "a leased request")
    project.container("fulfiller").pause()
    assert leased(project)
    return request_id


def leased(project: Project) -> bool:
    return b'sp1tee_requests{state="leased"} 1.0' in project.page("server", METRICS)


def test_a_requester_outside_gets_a_checked_proof_that_is_settled_once(
    service: Service, folder: Path, key: Path
) -> None:
    task = solvency(folder)
    service.secrets.extend(task.secret)
    out = folder / "proof.bin"
    result = prove(task, service, key, out, "--mode", "groth16")
    assert result["mock"] is True
    assert result["public_values"] == task.public_values.hex()
    assert decode_proof(out.read_bytes()).public_values == task.public_values
    assert service.settled(result["request_id"]) == 1


@pytest.mark.parametrize("name", RUNNING)
def test_each_runs_as_nobody_may_do_nothing_and_can_write_nowhere(
    project: Project, name: str
) -> None:
    said = project.run(name, WHO).decode().splitlines()
    facts = dict(line.strip().split(":", 1) for line in said)
    assert facts["Uid"].split() == facts["Gid"].split() == ["65532"] * 4
    assert {int(facts[kind], 16) for kind in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert facts["NoNewPrivs"].strip() == "1"
    assert facts["Writable"].strip() == "False"


def test_nothing_is_published_beyond_this_machine(project: Project) -> None:
    published = {
        (binding["HostIp"], binding["HostPort"])
        for each in project.containers()
        for bindings in each.attrs["NetworkSettings"]["Ports"].values()
        for binding in bindings or ()
    }
    assert published == {("127.0.0.1", port) for port in ("8080", "9000", "9001")}


def test_a_waiting_request_outlives_a_restart_and_a_kill_of_its_server(
    service: Service, project: Project, folder: Path, key: Path
) -> None:
    task = solvency(folder)
    service.secrets.extend(task.secret)
    with project.without("fulfiller"):
        request_id = detach(task, service, key)
        project.compose("restart", "server")
        project.kill("server")
    result = fetch(request_id, service, folder / "proof.bin")
    assert result["public_values"] == task.public_values.hex()
    assert service.settled(request_id) == 1


def test_a_request_in_a_workers_hands_outlives_its_server(
    service: Service, project: Project, folder: Path, key: Path
) -> None:
    request_id = hand_out(service, folder, key)
    project.kill("server")
    project.container("fulfiller").unpause()
    fetch(request_id, service, folder / "proof.bin")
    assert service.settled(request_id) == 1


def test_a_request_outlives_the_worker_that_had_it(
    service: Service, project: Project, folder: Path, key: Path
) -> None:
    request_id = hand_out(service, folder, key)
    project.kill("fulfiller")
    fetch(request_id, service, folder / "proof.bin")
    assert service.settled(request_id) == 1


def test_all_that_can_be_asked_are_healthy(project: Project) -> None:
    for name in ("server", "fulfiller"):
        project.await_healthy(name)
    assert project.state("token")["ExitCode"] == 0


def test_no_disk_no_log_and_no_answer_shows_an_input(
    service: Service, project: Project, folder: Path, key: Path
) -> None:
    task = solvency(folder)
    service.secrets.extend(task.secret)
    request_id = str(prove(task, service, key, folder / "proof.bin")["request_id"])
    data = project.engine.folder / "data"
    disks = canary.search(
        [data / "volumes", data / "containers"], service.secrets, controls=[b"artifact_", b"req_"]
    )
    assert disks.clean, disks
    answers = [
        ("ledger", project.page("network", LEDGER)),
        ("metrics", project.page("server", METRICS)),
        ("proof", published_proof(request_id, folder)),
        *((str(each.name), each.logs()) for each in project.containers()),
    ]
    assert {name for name, answer in answers if not answer} <= {project.container("token").name}
    assert canary.found_in(answers, service.secrets) == ()


def published_proof(request_id: str, folder: Path) -> bytes:
    """What the network gives to everybody who knows the request."""
    out = folder / "published.bin"
    fetch(request_id, Network(), out)
    return out.read_bytes()


def test_what_was_proved_is_still_there_when_the_server_was_made_anew(
    service: Service, project: Project, folder: Path, key: Path
) -> None:
    out = folder / "proof.bin"
    request_id = str(prove(solvency(folder), service, key, out)["request_id"])
    before = project.container("server").id
    project.compose("up", "--detach", "--no-build", "--no-deps", "--force-recreate", "server")
    assert project.container("server").id != before
    again = folder / "again.bin"
    fetch(request_id, service, again)
    assert again.read_bytes() == out.read_bytes()


def test_told_to_stop_all_end_in_time_with_work_in_their_hands(
    service: Service, project: Project, folder: Path, key: Path
) -> None:
    hand_out(service, folder, key)
    project.container("fulfiller").unpause()
    project.compose("stop")
    ends = {name: project.state(name) for name in RUNNING}
    assert {name: end["ExitCode"] for name, end in ends.items()} == dict.fromkeys(RUNNING, 0)
    assert not any(end["OOMKilled"] or end["Running"] for end in ends.values())
