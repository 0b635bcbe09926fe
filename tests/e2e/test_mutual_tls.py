"""A worker listener that wants certificates: who gets in, who does not, and how they are renewed.

Everything is made with the commands that operators use.
"""

import shutil
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from support.people import eventually, prove, solvency, sp1tee

from sp1tee.authority import Authority, Issued
from sp1tee.sim.processes import LocalService, Process

pytestmark = pytest.mark.e2e

REFUSED = r"(?i)alert|reset|eof|^$"


def run(*arguments: str | Path) -> str:
    done = sp1tee(*map(str, arguments))
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass
class Site:
    """An operator's files, their server, and how to ask it."""

    folder: Path
    service: LocalService
    server: Process

    @property
    def port(self) -> int:
        return int(self.server.worker_url.rpartition(":")[2])

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def admin(self) -> tuple[str, ...]:
        return (
            *("--server", self.url, "--ca-file", str(self.folder / "ca" / "ca.pem")),
            *("--token-file", str(self.service.folder / "server" / "admin.token")),
            *("--client-cert", str(self.folder / "operator.pem")),
            *("--client-key", str(self.folder / "operator.key")),
        )

    def token(self, name: str = "worker") -> str:
        return (self.service.folder / "server" / f"{name}.token").read_text().strip()

    def worker(self, name: str) -> tuple[Path, Path]:
        files = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        Authority.read(self.folder / "ca").worker(name, 10).write(*files)
        return files

    def fulfills(self, *flags: str) -> Process:
        log = self.service.folder / "fulfiller.log"
        trusted = ("--server-ca-file", str(self.folder / "ca" / "ca.pem"))
        asked = ("fulfill", "--server", self.url, *trusted, *flags)
        process = Process.start("fulfiller", asked, log, ready=False)
        self.service.processes.append(process)
        return process

    @contextmanager
    def connection(self, shown: tuple[Path, Path] | None) -> Iterator[ssl.SSLSocket]:
        """A connection that the server took; raises `OSError` where it does not."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca" / "ca.pem"))
        if shown:
            context.load_cert_chain(*shown)
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=60) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            yield secure

    def asks(self, shown: tuple[Path, Path] | None, token: str | None = None) -> int:
        """The status of GET /metrics; raises `OSError` where no connection is to be had."""
        with self.connection(shown) as secure:
            bearer = f"authorization: Bearer {token}\r\n" if token else ""
            secure.sendall(f"GET /metrics HTTP/1.1\r\nhost: x\r\n{bearer}\r\n".encode())
            head = secure.recv(64)
            if not head:
                raise ConnectionResetError
            return int(head.split()[1])

    def presented(self, shown: tuple[Path, Path]) -> bytes | None:
        with self.connection(shown) as secure:
            return secure.getpeercert(binary_form=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("operator")
    run("keys", "ca", "--out", folder / "ca", "--host", "localhost")
    run("keys", "server", "--ca", folder / "ca", "--out", folder)
    run("keys", "worker", "operator", "--ca", folder / "ca", "--out", folder)
    return folder


@pytest.fixture
def site(service: LocalService, made: Path, tmp_path: Path) -> Site:
    folder = Path(shutil.copytree(made, tmp_path / "operator"))
    server = service.serve(
        *("--worker-tls-cert-file", str(folder / "server.pem")),
        *("--worker-tls-key-file", str(folder / "server.key")),
        *("--worker-client-ca-file", str(folder / "ca" / "ca.pem")),
        *("--allow-mock", "--log-level", "debug"),
    )
    assert server.worker_url.startswith("https://")
    return Site(folder, service, server)


def test_a_worker_needs_its_certificate_and_nothing_else(
    site: Site, folder: Path, key: Path
) -> None:
    cert, cert_key = site.worker("gpu-1")
    run("workers", "add", "gpu-1", "--certificate", cert, *site.admin)
    worker = site.fulfills("--client-cert-file", str(cert), "--client-key-file", str(cert_key))
    result = prove(solvency(folder), site.server, key, folder / "proof.bin")
    assert result["mock"] is True
    listed = run("workers", "ls", *site.admin)
    assert "gpu-1" in listed
    assert "wcert_" in listed
    look = ("top", "--once", "--server", site.url, "--client-cert", cert)
    shown = run(*look, "--client-key", cert_key, "--ca-file", site.folder / "ca" / "ca.pem")
    assert "gpu-1" in shown
    assert worker.stop() == 0


def test_nobody_connects_without_a_certificate_of_the_authority(site: Site) -> None:
    stranger = Authority.new(["127.0.0.1"], 10).worker("gpu-1", 10)
    stranger.write(site.folder / "stranger.pem", site.folder / "stranger.key")
    expired = _expired(Authority.read(site.folder / "ca"))
    expired.write(site.folder / "expired.pem", site.folder / "expired.key")
    shown: list[tuple[Path, Path] | None] = [
        None,
        *(
            (site.folder / f"{name}.pem", site.folder / f"{name}.key")
            for name in (
                "stranger",
                "expired",
                "server",
            )
        ),
    ]
    for files in shown:
        for token in (None, site.token(), site.token("admin")):
            with pytest.raises(OSError, match=REFUSED):
                site.asks(files, token)
    assert (
        site.asks((site.folder / "operator.pem", site.folder / "operator.key"), site.token()) == 200
    )


def test_a_stolen_token_needs_the_certificate_that_goes_with_it(site: Site) -> None:
    gpu_1, gpu_2 = site.worker("gpu-1"), site.worker("gpu-2")
    token = run("workers", "add", "gpu-1", *site.admin).strip()
    assert site.asks(gpu_1, token) == 200
    assert site.asks(gpu_2, token) == 401
    assert site.asks(gpu_1) == 401


def test_a_revoked_certificate_opens_nothing_from_that_moment(site: Site) -> None:
    gpu_1 = site.worker("gpu-1")
    run("workers", "add", "gpu-1", "--certificate", gpu_1[0], *site.admin)
    assert site.asks(gpu_1) == 200
    run("workers", "revoke", "gpu-1", *site.admin)
    assert site.asks(gpu_1) == 401
    assert site.asks(gpu_1, site.token()) == 401
    run("workers", "add", "gpu-1", *site.admin)
    assert site.asks(gpu_1) == 401


def test_a_certificate_is_admitted_for_the_worker_that_it_names(site: Site) -> None:
    cert, _ = site.worker("gpu-1")
    done = sp1tee("workers", "add", "gpu-2", "--certificate", str(cert), *site.admin)
    assert done.returncode == 2
    assert "not one of gpu-2" in done.stderr
    run("workers", "add", "gpu-1", "--certificate", cert, *site.admin)
    again = sp1tee("workers", "add", "gpu-1", "--certificate", str(cert), *site.admin)
    assert again.returncode == 4
    assert "good already" in again.stderr


def test_certificates_are_renewed_without_a_restart(site: Site, folder: Path, key: Path) -> None:
    shown = (site.folder / "operator.pem", site.folder / "operator.key")
    cert, cert_key = site.worker("gpu-1")
    run("workers", "add", "gpu-1", "--certificate", cert, *site.admin)
    worker = site.fulfills("--client-cert-file", str(cert), "--client-key-file", str(cert_key))
    before = site.presented(shown)
    (site.folder / "server.pem").write_text("rubbish")
    site.server.popen.send_signal(signal.SIGHUP)
    eventually(lambda: "the old certificates go on" in site.server.log_tail() or None, "a refusal")
    assert site.presented(shown) == before
    for name in ("server.pem", "server.key"):
        (site.folder / name).unlink()
    run("keys", "server", "--ca", site.folder / "ca", "--out", site.folder)
    site.server.popen.send_signal(signal.SIGHUP)
    eventually(lambda: site.presented(shown) != before or None, "the new certificate")
    prove(solvency(folder), site.server, key, folder / "proof.bin")
    assert worker.stop() == 0
    assert site.server.stop() == 0


def test_a_worker_may_reach_its_server_at_an_address(service: LocalService, tmp_path: Path) -> None:
    run("keys", "ca", "--out", tmp_path / "ca", "--host", "127.0.0.1")
    run("keys", "server", "--ca", tmp_path / "ca", "--out", tmp_path)
    server = service.serve(
        *("--worker-tls-cert-file", str(tmp_path / "server.pem")),
        *("--worker-tls-key-file", str(tmp_path / "server.key"), "--allow-mock"),
    )
    token = service.folder / "server" / "worker.token"
    said = run(
        *("doctor", "--server", server.worker_url, "--token-file", token),
        *("--server-ca-file", tmp_path / "ca" / "ca.pem"),
    )
    assert "answers and takes the token" in said


def test_a_server_does_not_start_with_what_is_no_certificate(
    service: LocalService, tmp_path: Path
) -> None:
    (tmp_path / "rubbish").write_text("rubbish")
    done = sp1tee(
        *("serve", "--data-dir", str(tmp_path / "data"), "--listen", "127.0.0.1:0"),
        *("--worker-listen", "127.0.0.1:0", "--worker-tls-cert-file", str(tmp_path / "rubbish")),
        *("--worker-tls-key-file", str(tmp_path / "rubbish")),
    )
    assert done.returncode == 2
    assert "no certificate and its key" in done.stderr
    assert "Traceback" not in done.stderr


def _expired(ca: Authority) -> Issued:
    made = ca.worker("gpu-1", 1)
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(made.certificate.subject)
        .issuer_name(made.certificate.issuer)
        .public_key(made.key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=3))
        .not_valid_after(now - timedelta(days=1))
    )
    for extension in made.certificate.extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    return Issued(builder.sign(ca.key, hashes.SHA256()), made.key)
