"""Registries: Debian's `docker-registry` on loopback, and ones that lie."""

import http.client
import json
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import pytest

from support.compose_engine import missing
from support.oci import Image, MultiImage, digest

PROGRAM = "docker-registry"
MISSING = "needs Debian's docker-registry (apt-get install docker-registry)"
MANIFESTS = "/v2/{}/manifests/{}"
BLOBS = "/v2/{}/blobs/{}"


@dataclass(frozen=True)
class Registry:
    """The real one."""

    url: str

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    def push(self, repository: str, made: Image | MultiImage, *tags: str) -> str:
        """Push an image with all that it names; returns its digest."""
        for each in made.images if isinstance(made, MultiImage) else (made,):
            for name, blob in each.blobs.items():
                self._upload(repository, name, blob)
            self._put(repository, each.digest, each.manifest, each.media_type)
        body = made.index if isinstance(made, MultiImage) else made.manifest
        for name in (made.digest, *tags):
            self._put(repository, name, body, made.media_type)
        return made.digest

    def _upload(self, repository: str, name: str, blob: bytes) -> None:
        status, headers = self._send("POST", f"/v2/{repository}/blobs/uploads/", b"", {})
        assert status == 202
        where = urlsplit(headers["location"])
        kind = {"content-type": "application/octet-stream"}
        path = f"{where.path}?{where.query}&digest={name}"
        assert self._send("PUT", path, blob, kind)[0] == 201

    def _put(self, repository: str, name: str, body: bytes, media_type: str) -> None:
        path = MANIFESTS.format(repository, name)
        status, headers = self._send("PUT", path, body, {"content-type": media_type})
        assert (status, headers["docker-content-digest"]) == (201, digest(body))

    def _send(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, dict[str, str]]:
        connection = http.client.HTTPConnection(self.host, timeout=30)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            answer.read()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}
        finally:
            connection.close()


@contextmanager
def real_registry() -> Iterator[Registry]:
    """Run Debian's registry on a free port of loopback; skips where it is not installed."""
    program = shutil.which(PROGRAM)
    if program is None:
        missing(MISSING)
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        config = Path(folder) / "config.yml"
        config.write_text(
            json.dumps(
                {
                    "version": "0.1",
                    "log": {"level": "error"},
                    "storage": {"filesystem": {"rootdirectory": str(Path(folder) / "data")}},
                    "http": {"addr": f"127.0.0.1:{port}", "secret": "of a test"},
                }
            )
        )
        process = subprocess.Popen(
            [program, "serve", str(config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _await_answer(port, process)
            yield Registry(f"http://127.0.0.1:{port}")
        finally:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_answer(port: int, process: "subprocess.Popen[bytes]") -> None:
    waiting = threading.Event()
    for _ in range(600):
        assert process.poll() is None, "docker-registry ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            waiting.wait(0.05)
        else:
            return
    pytest.fail("docker-registry does not answer")


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: Iterator[bytes] | None = None


@dataclass(frozen=True)
class Asked:
    path: str
    headers: Mapping[str, str]


Reply = Answer | Callable[[Asked], Answer]


class FakeRegistry:
    """Answers as it is told, and remembers what it was asked."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.replies: dict[str, Reply] = {}
        self.asked: list[Asked] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        scheme = "http"
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}"

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    def holds(self, repository: str, made: Image | MultiImage, *tags: str) -> str:
        """Serve an image as a registry should."""
        for each in made.images if isinstance(made, MultiImage) else (made,):
            self.manifest(repository, each.digest, each.manifest, each.media_type)
            for name, blob in each.blobs.items():
                self.replies[BLOBS.format(repository, name)] = Answer(body=blob)
        body = made.index if isinstance(made, MultiImage) else made.manifest
        for name in (made.digest, *tags):
            self.manifest(repository, name, body, made.media_type)
        return made.digest

    def manifest(self, repository: str, name: str, body: bytes, media_type: str) -> None:
        headers = {"content-type": media_type, "docker-content-digest": digest(body)}
        self.replies[MANIFESTS.format(repository, name)] = Answer(body=body, headers=headers)

    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(self.path, headers)
                registry.asked.append(asked)
                reply = registry.replies.get(self.path.split("?")[0], Answer(404))
                answer = reply if isinstance(reply, Answer) else reply(asked)
                try:
                    self._send(answer)
                except OSError:  # the client has hung up, as it should
                    self.close_connection = True

            def _send(self, answer: Answer) -> None:
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.chunks is None:
                    self.send_header("content-length", str(len(answer.body)))
                else:
                    self.send_header("transfer-encoding", "chunked")
                self.end_headers()
                self.wfile.write(answer.body)
                for chunk in answer.chunks or ():
                    self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        return Handler


def with_tokens(
    registry: FakeRegistry, realm: str | None = None, token: str = "for-anybody"
) -> None:
    """Have a registry demand its token for everything that it holds."""
    where = realm or f"{registry.url}/token"
    challenge = f'Bearer realm="{where}",service="registry.test",scope="repository:x:pull"'
    unauthorised = Answer(401, headers={"www-authenticate": challenge})

    def guarded(reply: Reply) -> Reply:
        def answer(asked: Asked) -> Answer:
            if asked.headers.get("authorization") != f"Bearer {token}":
                return unauthorised
            return reply if isinstance(reply, Answer) else reply(asked)

        return answer

    registry.replies = {path: guarded(reply) for path, reply in registry.replies.items()}
    registry.replies["/token"] = Answer(body=json.dumps({"token": token}).encode())


def ranged(blob: bytes) -> Reply:
    """Serve a blob in the parts that are asked for."""

    def answer(asked: Asked) -> Answer:
        start, end = map(int, asked.headers["range"].removeprefix("bytes=").split("-"))
        part = blob[start : end + 1]
        headers = {"content-range": f"bytes {start}-{start + len(part) - 1}/{len(blob)}"}
        return Answer(206, part, headers)

    return answer
