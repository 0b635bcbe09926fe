"""Debian's HAProxy and nginx in the two shapes of dstack-ingress, in front of a server on loopback.

What our compose files say about the ingress is what they are configured with here: the one's ALPN, the
other's whole `server` block. They write into a folder of the test, and are no services of this machine.
"""

import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol, Self

import pytest
import trustme
from ruamel.yaml import YAML

from support.tools import ROOT

HOST = "localhost"
# Debian 12's nginx does not know `http2 on`, and newer ones still know the other.
NGINX_LISTENS = "listen 443 ssl;\n  http2 on;"
START_S = 20.0
STOP_S = 10.0


@dataclass(frozen=True)
class Site:
    """What is the same for any ingress: a name, a certificate for it, evidence.

    Attributes:
        folder: of its own; logs stay in it.
        port: of loopback, where it speaks TLS.
    """

    folder: Path
    port: int

    @classmethod
    def below(cls, folder: Path) -> Self:
        """Make the certificate and some evidence; the port is free by now."""
        site = cls(folder, _free_port())
        site.evidences.mkdir(parents=True)
        (site.evidences / "quote.json").write_text('{"quote": "of a test"}')
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(site.ca))
        issued = authority.issue_cert(HOST)
        issued.private_key_and_cert_chain_pem.write_to_path(str(site.certificate))
        return site

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    @property
    def ca(self) -> Path:
        """Whom clients have to trust."""
        return self.folder / "ca.pem"

    @property
    def certificate(self) -> Path:
        """Key and chain in one file, as HAProxy wants them."""
        return self.folder / "certificate.pem"

    @property
    def evidences(self) -> Path:
        return self.folder / "evidences"

    @property
    def log(self) -> Path:
        """What the ingress says, about every connection or request."""
        return self.folder / "ingress.log"

    def context(self) -> ssl.SSLContext:
        """Trusts this site's authority, and nobody else."""
        return ssl.create_default_context(cafile=str(self.ca))


class Ingress(Protocol):
    """A proxy, configured but not started."""

    site: Site

    @property
    def program(self) -> str:
        """Its program, and the Debian package that has it."""

    def configuration(self) -> str:
        """The text of its configuration file."""

    def flags(self, configuration: Path) -> list[str]:
        """Arguments that keep it in the foreground."""


@dataclass(frozen=True)
class HaProxy:
    """dstack-ingress 2.x: the bytes inside of TLS go to the server as they are.

    Only a connection whose first bytes ask for evidence goes to a small HTTP server instead.

    Attributes:
        backend: the server's public listener, ``host:port``.
        evidence: that small server's, likewise.
        alpn: what the variable ALPN of the image holds.
    """

    site: Site
    backend: str
    evidence: str
    alpn: str

    @property
    def program(self) -> str:
        return "haproxy"

    def configuration(self) -> str:
        alpn = f" alpn {self.alpn}" if self.alpn else ""
        return f"""
global
    log stdout format raw local0
    maxconn 512
    ssl-default-bind-options ssl-min-ver TLSv1.2 no-tls-tickets

defaults
    log global
    mode tcp
    option tcplog
    timeout connect 10s
    timeout client 86400s
    timeout server 86400s

frontend tls
    bind 127.0.0.1:{self.site.port} ssl crt {self.site.certificate}{alpn}
    tcp-request inspect-delay 5s
    tcp-request content accept if {{ req.len ge 16 }}
    acl evidence payload(0,16) -m beg "GET /evidences"
    acl evidence payload(0,16) -m beg "HEAD /evidences"
    use_backend evidences if evidence
    default_backend public

backend public
    server public {self.backend}

backend evidences
    mode http
    http-request replace-path /evidences(.*) \\1
    server files {self.evidence}
"""

    def flags(self, configuration: Path) -> list[str]:
        return ["-db", "-f", str(configuration)]


@dataclass(frozen=True)
class Nginx:
    """dstack-ingress 1.x with the `server` block of our compose file.

    Attributes:
        backend: the server's public listener, ``host:port``.
        scheme: of the image's TARGET_ENDPOINT; ours is grpc, and http has it use `proxy_pass`.
    """

    site: Site
    backend: str
    scheme: str = "grpc"

    @property
    def program(self) -> str:
        return "nginx"

    def configuration(self) -> str:
        return nginx_with(self.site, self._server())

    def _server(self) -> str:
        text = str(_compose("docker-compose.ingress-1.in.yml")["configs"]["nginx"]["content"])
        site, kept = self.site, "/etc/letsencrypt/live/prover.example.org/"
        changes = {
            NGINX_LISTENS: f"listen 127.0.0.1:{site.port} ssl http2;",
            "server_name prover.example.org;": f"server_name {HOST};",
            f"{kept}fullchain.pem;": f"{site.certificate};",
            f"{kept}privkey.pem;": f"{site.certificate};",
            "alias /evidences/;": f"alias {site.evidences}/;",
            "grpc://server:8080;": f"grpc://{self.backend};",
        }
        text = changed(text, changes)
        if self.scheme == "http":
            text = text.replace("grpc_", "proxy_").replace("grpc://", "http://")
        return text

    def flags(self, configuration: Path) -> list[str]:
        return ["-p", str(self.site.folder), "-e", "stderr", "-c", str(configuration)]


def changed(text: str, changes: Mapping[str, str]) -> str:
    """Put a test's names and ports into a configuration, in which each stands once."""
    for old, new in changes.items():
        assert text.count(old) == 1, f"the proxy's configuration has no `{old}`"
        text = text.replace(old, new)
    return text


def nginx_with(site: Site, servers: str) -> str:
    """Write a whole configuration around what belongs into its `http` block."""
    # The workers of a root's nginx give up their rights, and cannot read a test's folder.
    user = "user root;" if os.geteuid() == 0 else ""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"  {kind}_temp_path {site.folder}/{kind};" for kind in kinds)
    return f"""
daemon off;
{user}
worker_processes 1;
pid {site.folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 512; }}
http {{
  access_log {site.log};
{temporary}
{servers}
}}
"""


@contextmanager
def ingress_2(site: Site, backend: str, *, alpn: str | None = None) -> Iterator[HaProxy]:
    """Run the 2.x shape; `alpn` is that of our compose file."""
    if alpn is None:
        alpn = _compose("docker-compose.in.yml")["services"]["ingress"]["environment"]["ALPN"]
    with _evidence_server(site.evidences) as evidence:
        made = HaProxy(site, backend, evidence, alpn)
        with running(made):
            yield made


@contextmanager
def ingress_1(site: Site, backend: str, *, scheme: str = "grpc") -> Iterator[Nginx]:
    """Run the 1.x shape."""
    made = Nginx(site, backend, scheme)
    with running(made):
        yield made


SHAPES: dict[str, Callable[[Site, str], Any]] = {"2.x": ingress_2, "1.x": ingress_1}
"""How each is run; gives a context manager."""


@contextmanager
def running(ingress: Ingress) -> Iterator[None]:
    """Start a proxy, and end it after the block."""
    site = ingress.site
    program = _program(ingress.program)
    configuration = site.folder / f"{ingress.program}.conf"
    configuration.write_text(ingress.configuration())
    with site.log.open("ab") as log:
        process = subprocess.Popen(
            [program, *ingress.flags(configuration)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _await_listening(process, site)
        yield
    finally:
        _end(process)


def _program(name: str) -> str:
    """Find a program. Whoever names images wants to know about ingresses, too: no skipping then."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        lacking = f"needs Debian's {name} (apt-get install {name})"
        (pytest.fail if "SP1TEE_IMAGES" in os.environ else pytest.skip)(lacking)
    return found


def _await_listening(process: "subprocess.Popen[bytes]", site: Site) -> None:
    waiting = threading.Event()
    for _ in range(int(START_S / 0.02)):
        if process.poll() is not None:
            pytest.fail(f"the ingress ended: {site.log.read_text()}")
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", site.port), 1).close()
            return
        waiting.wait(0.02)
    pytest.fail(f"the ingress does not listen: {site.log.read_text()}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(STOP_S)
    # nginx has workers, which would outlive a master that is killed.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def _evidence_server(folder: Path) -> Iterator[str]:
    """Serve a folder over HTTP/1 as the 2.x image does; yields ``host:port``."""
    handler = partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base calls it so
        pass


def _compose(name: str) -> Any:
    """Read one of our compose files; their images are filled in only when there are any."""
    text = (ROOT / "compose" / name).read_text()
    return YAML(typ="safe").load(text.replace("@SERVER@", "s").replace("@FULFILLER@", "f"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
