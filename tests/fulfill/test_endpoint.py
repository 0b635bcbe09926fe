"""Where the server is, and that the way there is ours."""

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from support.fulfilling import ScriptedProver, sample_work, settings_for, working
from support.worker_listener import TOKEN, WorkerListener

from sp1tee.errors import ConfigError
from sp1tee.fulfill.endpoint import ClientCertificate, Endpoint, parse_url
from sp1tee.fulfill.server import Server
from sp1tee.fulfill.settings import FulfillSettings


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("http://127.0.0.1:8081", "http://127.0.0.1:8081"),
        ("http://server:8081/", "http://server:8081"),
        ("https://prover.example", "https://prover.example"),
        ("http://[::1]:8081", "http://[::1]:8081"),
    ],
)
def test_a_url_is_a_host_and_a_port(url: str, base: str):
    assert Endpoint.of(url, "token").url == base


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8081",
        "grpc://server:8081",
        "http://",
        "http://server:8081/path",
        "http://server:8081?token=secret",
        "http://user:secret@server:8081",
        "http://server:port",
        "http://server:0",
        "http://server:99999",
        "http://[::1",
    ],
)
def test_anything_else_is_refused_without_repeating_it(url: str):
    with pytest.raises(ConfigError) as refused:
        Endpoint.of(url, "token")
    assert "secret" not in refused.value.message + refused.value.advice


@given(st.text())
def test_any_text_is_a_url_or_a_config_error(text: str):
    try:
        parts = parse_url(text)
    except ConfigError:
        return
    assert parts.hostname


@pytest.mark.parametrize(
    ("url", "in_clear"),
    [
        ("http://127.0.0.1:1", False),
        ("http://[::1]:1", False),
        ("http://localhost:1", False),
        ("https://far.example", False),
        ("http://far.example", True),
        ("http://10.0.0.1:1", True),
    ],
)
def test_only_http_between_machines_is_in_clear(url: str, in_clear: bool):
    assert Endpoint.of(url, "token").in_clear is in_clear


def test_the_token_shows_in_no_repr():
    assert "the-token" not in repr(Endpoint.of("http://server:1", "the-token"))


@pytest.mark.anyio
async def test_a_proxy_from_the_environment_never_sees_an_input(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with Endpoint.of("http://server:1", "token").http_client() as http:
        assert not http.trust_env
        assert not http._mounts


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[WorkerListener]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2", "http/1.1"])
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with WorkerListener(tls=context).serving() as listener:
        yield listener


@pytest.mark.anyio
async def test_calls_transfers_and_heartbeats_go_over_https_to_a_trusted_server(
    secure: WorkerListener, authority: trustme.CA, tmp_path: Path
):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    prover = ScriptedProver()
    secure.offer(work := sample_work(ttl_ms=300))
    async with working(secure, prover, server_ca_file=tmp_path / "ca.pem"):
        await secure.eventually(lambda: work.stages)
        prover.open()
        await secure.eventually(lambda: work.proof)


@pytest.mark.anyio
async def test_a_server_far_away_is_reached_at_the_first_try(
    secure: WorkerListener, authority: trustme.CA, tmp_path: Path
):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")

    async def far(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.4)  # what a handshake across an ocean takes
        there = await asyncio.open_connection("127.0.0.1", secure.port)
        await asyncio.gather(_copy(reader, there[1]), _copy(there[0], writer))

    async with await asyncio.start_server(far, "127.0.0.1", 0) as front:
        url = f"https://127.0.0.1:{front.sockets[0].getsockname()[1]}"
        endpoint = Endpoint.of(url, TOKEN, tmp_path / "ca.pem")
        async with endpoint.aio_channel() as channel:
            await Server(channel, endpoint, "far").greet()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
    writer.close()


@pytest.mark.anyio
async def test_a_server_with_a_certificate_of_nobodys_is_told_no_token(secure: WorkerListener):
    async with settings_for(secure).endpoint.http_client() as http:
        with pytest.raises(httpx.ConnectError):
            await http.get("/")
    assert not secure.events


@pytest.fixture
def strict(authority: trustme.CA) -> Iterator[WorkerListener]:
    """A server that talks to nobody without a certificate of the authority's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with WorkerListener(tls=context).serving() as listener:
        yield listener


@pytest.fixture
def node(authority: trustme.CA, tmp_path: Path) -> dict[str, Path]:
    """What a worker is given: the server's CA, a certificate of its own and the key of that."""
    issued = authority.issue_cert("node-1")
    files = {name: tmp_path / f"{name}.pem" for name in ("ca", "cert", "key")}
    authority.cert_pem.write_to_path(files["ca"])
    issued.cert_chain_pems[0].write_to_path(files["cert"])
    issued.private_key_pem.write_to_path(files["key"])
    return {
        "server_ca_file": files["ca"],
        "client_cert_file": files["cert"],
        "client_key_file": files["key"],
    }


@pytest.mark.anyio
async def test_a_server_that_asks_who_is_there_is_shown_a_certificate(
    strict: WorkerListener, node: dict[str, Path]
):
    prover = ScriptedProver()
    strict.offer(work := sample_work(ttl_ms=300))
    async with working(strict, prover, **node):
        await strict.eventually(lambda: work.stages)
        prover.open()
        await strict.eventually(lambda: work.proof)


@pytest.mark.anyio
async def test_without_a_certificate_such_a_server_hears_no_token(
    strict: WorkerListener, node: dict[str, Path]
):
    settings = settings_for(strict, server_ca_file=node["server_ca_file"])
    async with settings.endpoint.http_client() as http:
        with pytest.raises(httpx.TransportError):
            await http.get("/")
    assert not strict.events


@pytest.mark.parametrize("missing", ["client_cert_file", "client_key_file"])
def test_a_certificate_without_its_key_is_refused(node: dict[str, Path], missing: str):
    settings = FulfillSettings(server="https://server", token=SecretStr("token"), **node)
    with pytest.raises(ConfigError, match="belong together"):
        _ = settings.model_copy(update={missing: None}).endpoint


def test_a_certificate_in_clear_is_refused(node: dict[str, Path]):
    settings = FulfillSettings(server="http://server:1", token=SecretStr("token"), **node)
    with pytest.raises(ConfigError, match="https alone"):
        _ = settings.endpoint


@pytest.mark.parametrize("content", [None, b"", b"not a key", b"\xff"])
@pytest.mark.parametrize("which", ["client_cert_file", "client_key_file"])
def test_files_that_are_no_pair_are_named(node: dict[str, Path], which: str, content: bytes | None):
    node[which].unlink()
    if content is not None:
        node[which].write_bytes(content)
    with pytest.raises(ConfigError, match="no certificate and its key"):
        Endpoint.of(
            "https://server",
            "token",
            certificate=ClientCertificate(node["client_cert_file"], node["client_key_file"]),
        )


def test_a_key_with_a_password_is_refused_without_asking(node: dict[str, Path]):
    key = serialization.load_pem_private_key(node["client_key_file"].read_bytes(), None)
    node["client_key_file"].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(ConfigError, match="no certificate and its key"):
        ClientCertificate(node["client_cert_file"], node["client_key_file"]).read()


@pytest.mark.parametrize("content", [None, b"", b"not a certificate", b"\xff"])
def test_certificates_that_are_none_are_refused(tmp_path: Path, content: bytes | None):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match="certificates"):
        Endpoint.of("https://server", "token", file)
