"""What a running server and worker can still do, as the kernel tells it."""

import os
import stat
from pathlib import Path

import pytest
from support.people import sp1tee

from sp1tee.sim.processes import LocalService, Process

pytestmark = pytest.mark.e2e

NOTHING = "0" * 16


def status(process: Process) -> dict[str, str]:
    lines = Path(f"/proc/{process.popen.pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def test_server_and_worker_give_up_what_they_do_not_need(service: LocalService) -> None:
    server = service.serve("--allow-mock")
    worker = service.fulfill(server)
    service.wait_for(worker, server)
    for process in (server, worker):
        said = status(process)
        assert said["NoNewPrivs"] == "1"
        assert said["Umask"] == "0077"
        assert said["CapAmb"] == NOTHING
        if os.geteuid() == 0:
            assert said["CapBnd"] == NOTHING
        limits = Path(f"/proc/{process.popen.pid}/limits").read_text()
        assert "Max core file size        0" in limits


def test_nothing_that_a_server_writes_can_be_read_by_others(service: LocalService) -> None:
    service.serve("--allow-mock")
    made = [path for path in (service.folder / "server").rglob("*") if path.is_file()]
    assert made
    assert not [path for path in made if stat.S_IMODE(path.stat().st_mode) & 0o077]


@pytest.mark.parametrize("name", ["worker.token", "admin.token", "vault.key"])
def test_a_server_does_not_start_with_a_secret_that_others_can_read(
    service: LocalService, name: str
) -> None:
    server = service.serve("--allow-mock")
    assert server.stop() == 0
    (service.folder / "server" / name).chmod(0o640)
    done = sp1tee(
        *("serve", "--data-dir", str(service.folder / "server"), "--listen", "127.0.0.1:0"),
        *("--worker-listen", "127.0.0.1:0"),
    )
    assert done.returncode != 0
    assert "chmod 600" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_worker_does_not_start_with_a_token_that_others_can_read(tmp_path: Path) -> None:
    token = tmp_path / "worker.token"
    token.write_text("a-token-that-is-long-enough")
    token.chmod(0o644)
    done = sp1tee("fulfill", "--token-file", str(token))
    assert done.returncode == 2
    assert "SP1TEE-C003" in done.stderr
    assert "a-token-that-is-long-enough" not in done.stderr
