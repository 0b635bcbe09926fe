"""The small programs of the images: the worker token's maker, and the health check."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parents[2] / "compose" / "image"
TOKEN = "a-token-of-a-worker"


def run(name: str, *words: object, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-I", str(PROGRAMS / name), *map(str, words)],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("program", sorted(PROGRAMS.iterdir()), ids=lambda path: path.name)
def test_every_program_runs_in_isolation_from_the_environment(program: Path) -> None:
    assert program.read_text().splitlines()[0] == "#!/usr/bin/python3.11 -I"
    assert os.access(program, os.X_OK)


class TestToken:
    def test_it_is_long_random_and_its_owners_alone(self, tmp_path: Path) -> None:
        made = []
        for name in ("a", "b"):
            assert run("sp1tee-token", tmp_path / name).returncode == 0
            assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
            made.append((tmp_path / name).read_text().strip())
        assert made[0] != made[1]
        assert min(map(len, made)) > 40
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]

    def test_one_that_is_there_stays(self, tmp_path: Path) -> None:
        (tmp_path / "token").write_text("old")
        assert run("sp1tee-token", tmp_path / "token").returncode == 0
        assert (tmp_path / "token").read_text() == "old"

    def test_one_that_was_made_by_halves_is_made_again(self, tmp_path: Path) -> None:
        (tmp_path / ".token").write_text("ha")
        assert run("sp1tee-token", tmp_path / "token").returncode == 0
        assert len((tmp_path / "token").read_text()) > 40


class Listener:
    """The worker listener of a server, as far as its health goes."""

    def __init__(self) -> None:
        self.status = 200
        self.body: object = {"ready": True, "workers": [{"name": "fulfiller"}]}
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shown = self.headers["authorization"] == f"Bearer {TOKEN}"
                found = self.path == "/health/ready" and shown
                data = json.dumps(listener.body).encode()
                self.send_response(listener.status if found else 401)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


class TestHealth:
    @pytest.fixture
    def serving(self, listener: Listener, tmp_path: Path) -> dict[str, str]:
        (tmp_path / "worker.token").write_text(f"{TOKEN}\n")
        return {
            "SP1TEE_SERVE_DATA_DIR": str(tmp_path),
            "SP1TEE_SERVE_WORKER_LISTEN": listener.address.replace("127.0.0.1", "0.0.0.0"),
        }

    @pytest.fixture
    def fulfilling(self, listener: Listener, tmp_path: Path) -> dict[str, str]:
        (tmp_path / "token").write_text(f"{TOKEN}\n")
        return {
            "SP1TEE_FULFILL_SERVER": f"http://{listener.address}",
            "SP1TEE_FULFILL_TOKEN_FILE": str(tmp_path / "token"),
            "SP1TEE_FULFILL_NAME": "fulfiller",
        }

    def test_a_server_that_is_ready_is_well(self, serving: dict[str, str]) -> None:
        assert run("sp1tee-ready", **serving).returncode == 0

    def test_a_token_of_another_place_is_shown(
        self, serving: dict[str, str], tmp_path: Path
    ) -> None:
        (tmp_path / "worker.token").rename(tmp_path / "elsewhere")
        file = str(tmp_path / "elsewhere")
        assert run("sp1tee-ready", **serving, SP1TEE_SERVE_WORKER_TOKEN_FILE=file).returncode == 0

    def test_a_server_that_is_not_ready_is_not(
        self, serving: dict[str, str], listener: Listener
    ) -> None:
        listener.status = 503
        ran = run("sp1tee-ready", **serving)
        assert (ran.returncode, ran.stderr) == (1, "not ready: the server answers 503\n")

    def test_nor_is_one_that_is_not_there(self, serving: dict[str, str]) -> None:
        ran = run("sp1tee-ready", **(serving | {"SP1TEE_SERVE_WORKER_LISTEN": "0.0.0.0:1"}))
        assert (ran.returncode, ran.stderr) == (1, "not ready: ConnectionRefusedError\n")

    def test_a_worker_that_its_server_knows_is_well(self, fulfilling: dict[str, str]) -> None:
        assert run("sp1tee-ready", **fulfilling).returncode == 0

    def test_a_worker_that_its_server_has_not_heard_of_is_not(
        self, fulfilling: dict[str, str]
    ) -> None:
        ran = run("sp1tee-ready", **(fulfilling | {"SP1TEE_FULFILL_NAME": "another"}))
        assert ran.returncode == 1
        assert "has not heard of this worker" in ran.stderr

    def test_nor_one_whose_token_is_not_there_yet(self, fulfilling: dict[str, str]) -> None:
        ran = run("sp1tee-ready", **(fulfilling | {"SP1TEE_FULFILL_TOKEN_FILE": "/nowhere"}))
        assert (ran.returncode, ran.stderr) == (1, "not ready: FileNotFoundError\n")
