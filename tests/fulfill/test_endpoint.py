"""Where the server is, and that the way there is ours."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from support.fulfilling import ScriptedProver, sample_work, settings_for, working
from support.worker_listener import WorkerListener

from sp1tee.errors import ConfigError
from sp1tee.fulfill.endpoint import Endpoint, parse_url


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
async def test_a_server_with_a_certificate_of_nobodys_is_told_no_token(secure: WorkerListener):
    async with settings_for(secure).endpoint.http_client() as http:
        with pytest.raises(httpx.ConnectError):
            await http.get("/")
    assert not secure.events


@pytest.mark.parametrize("content", [None, b"", b"not a certificate", b"\xff"])
def test_certificates_that_are_none_are_refused(tmp_path: Path, content: bytes | None):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match="certificates"):
        Endpoint.of("https://server", "token", file)
