"""Our own commands as processes: what is said when one dies, and what is left when one is done."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sp1tee.sim.processes import LocalService, Process, ProcessDiedError


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LocalService]:
    service = LocalService(tmp_path)
    yield service
    for process in service.processes:
        process.kill()


def running(service: LocalService, script: str = "import time; time.sleep(600)") -> Process:
    """Any program in place of one of ours."""
    name = f"process-{len(service.processes)}"
    log = service.folder / f"{name}.log"
    with log.open("wb") as sink:
        popen = subprocess.Popen(
            [sys.executable, "-c", script], stdout=sink, stderr=sink, start_new_session=True
        )
    process = Process(name, ("fulfill",), log, popen)
    service.processes.append(process)
    return process


def test_leaving_a_service_stops_all_its_processes(service: LocalService) -> None:
    first, second = running(service), running(service)
    with service:
        pass
    assert not first.alive
    assert not second.alive


def test_who_is_interrupted_while_it_stops_leaves_no_process(
    service: LocalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = running(service), running(service)

    def interrupted(_: Process) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(Process, "stop", interrupted)
    with pytest.raises(KeyboardInterrupt), service:
        pass
    assert not first.alive
    assert not second.alive


def test_a_process_that_died_is_told_with_its_words_to_people(service: LocalService) -> None:
    script = 'print(\'{"event": "checkup"}\\nerror SP1TEE-F008: no disk\\n  Add one.\'); exit(3)'
    process = running(service, script)
    process.popen.wait(60)
    with pytest.raises(ProcessDiedError, match="ended with exit code 3") as caught:
        process.require()
    assert caught.value.advice == "error SP1TEE-F008: no disk\n  Add one."


def test_a_process_that_said_nothing_to_people_is_told_with_its_log(service: LocalService) -> None:
    process = running(service, 'print(\'{"event": "out of memory"}\'); exit(3)')
    process.popen.wait(60)
    with pytest.raises(ProcessDiedError) as caught:
        process.require()
    assert "out of memory" in caught.value.advice


def test_a_process_that_runs_is_all_right(service: LocalService) -> None:
    running(service).require()


@pytest.mark.e2e
class TestWaitingForAFulfiller:
    def test_it_ends_when_the_fulfiller_asks_for_work(self, tmp_path: Path) -> None:
        with LocalService(tmp_path) as service:
            server = service.serve("--allow-mock")
            fulfiller = service.fulfill(server, "--prover", "mock")
            service.wait_for(fulfiller, server)
            assert fulfiller.alive

    def test_it_ends_when_the_fulfiller_has_died(self, tmp_path: Path) -> None:
        with LocalService(tmp_path) as service:
            server = service.serve()
            fulfiller = service.fulfill(server, "--prover", "mock")
            with pytest.raises(ProcessDiedError, match="`sp1tee fulfill` ended") as caught:
                service.wait_for(fulfiller, server)
            assert "mock" in caught.value.advice

    def test_it_ends_when_the_server_has_died(self, tmp_path: Path) -> None:
        with LocalService(tmp_path) as service:
            server = service.serve("--allow-mock")
            fulfiller = service.fulfill(server, "--prover", "mock")
            server.kill()
            with pytest.raises(ProcessDiedError, match="`sp1tee serve` ended"):
                service.wait_for(fulfiller, server)

    def test_variables_reach_all_processes(self, tmp_path: Path) -> None:
        environment = {"SP1TEE_SERVE_MAX_STDIN_BYTES": "nonsense"}
        with (
            LocalService(tmp_path, environment=environment) as service,
            pytest.raises(ProcessDiedError, match="did not get ready") as caught,
        ):
            service.serve()
        assert "max_stdin_bytes" in caught.value.advice
