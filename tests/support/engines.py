"""Docker engines: a stand-in that speaks the three calls that matter, and a real one."""

import json
import os
import socket
import socketserver
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import unquote

import pytest

from support.compose_engine import own_engine

CONTAINERD = [["driver-type", "io.containerd.snapshotter.v1"]]
CLASSIC = [["Backing Filesystem", "extfs"], ["Supports d_type", "true"]]


@dataclass
class FakeEngine:
    """What it has: images by name as `docker inspect` shows them, and archives by id."""

    url: str = ""
    store: list[list[str]] = field(default_factory=lambda: CLASSIC)
    images: dict[str, Mapping[str, object]] = field(default_factory=dict)
    archives: dict[str, bytes] = field(default_factory=dict)
    saved: list[str] = field(default_factory=list)

    def answer(self, path: str) -> tuple[int, bytes]:
        parts = unquote(path.split("?", maxsplit=1)[0]).split("/", 2)
        what = (
            path.split("?", maxsplit=1)[0].removeprefix("/") if parts[1] == "version" else parts[2]
        )
        match what.split("/")[0], what.rpartition("/")[2]:
            case "version", _:
                return 200, json.dumps({"ApiVersion": "1.41"}).encode()
            case "info", _:
                return 200, json.dumps({"DriverStatus": self.store}).encode()
            case "images", "json":
                name = what.removeprefix("images/").removesuffix("/json")
                found = self.images.get(name)
                missing = {"message": f"No such image: {name}"}
                return (404 if found is None else 200), json.dumps(found or missing).encode()
            case "images", "get":
                name = what.removeprefix("images/").removesuffix("/get")
                self.saved.append(name)
                return 200, self.archives[name]
        return 500, b"{}"


@contextmanager
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEngine]:
    """Run a stand-in behind a Unix socket, where DOCKER_HOST points."""
    engine = FakeEngine()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = engine.answer(self.path)
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def address_string(self) -> str:
            return "a socket"

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "engine.sock")
        with socketserver.ThreadingUnixStreamServer(path, Handler) as server:
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            engine.url = f"unix://{path}"
            monkeypatch.setenv("DOCKER_HOST", engine.url)
            yield engine
            server.shutdown()
            thread.join()


@contextmanager
def real_engine() -> Iterator[str]:
    """Yield the address of a Docker engine: DOCKER_HOST's, or one that is started for the test."""
    given = os.environ.get("DOCKER_HOST")
    if given and _answers(given):
        yield given
        return
    with own_engine(networks=False) as engine:
        yield engine.url


def _answers(url: str) -> bool:
    if not url.startswith("unix://"):
        return True
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(url.removeprefix("unix://")) == 0
