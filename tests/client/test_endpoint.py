"""Addresses: what is accepted, what counts as private, what never shows."""

from pathlib import Path

import pytest

from sp1tee.client.endpoint import Endpoint
from sp1tee.client.rpc import Calls
from sp1tee.errors import CleartextRefused, ConfigError


@pytest.mark.parametrize(
    ("given", "url", "target"),
    [
        ("https://prover.example", "https://prover.example:443", "prover.example:443"),
        ("https://prover.example:8443/", "https://prover.example:8443", "prover.example:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080", "127.0.0.1:8080"),
        ("http://localhost", "http://localhost:80", "localhost:80"),
        ("http://[::1]:9", "http://[::1]:9", "[::1]:9"),
    ],
)
def test_an_address_is_taken_in_its_usual_forms(given: str, url: str, target: str) -> None:
    endpoint = Endpoint.parse(given)
    assert (endpoint.url, endpoint.target) == (url, target)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "prover.example",
        "grpc://prover.example",
        "https://",
        "https://user:password@prover.example",
        "https://prover.example/path",
        "https://prover.example/?token=SECRET",
        "https://prover.example#SECRET",
        "https://prover.example:port",
        "https://[::1",
    ],
)
def test_what_is_no_address_is_refused_without_being_repeated(given: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Endpoint.parse(given)
    assert "SECRET" not in caught.value.message
    assert "password" not in caught.value.message


@pytest.mark.parametrize("url", ["http://prover.example", "http://10.0.0.1:8080"])
def test_cleartext_beyond_this_machine_must_be_allowed(url: str) -> None:
    with pytest.raises(CleartextRefused, match="not encrypted"):
        Endpoint.parse(url)
    assert not Endpoint.parse(url, allow_cleartext=True).encrypted


def test_credentials_belong_to_one_origin() -> None:
    endpoint = Endpoint.parse("https://prover.example")
    assert endpoint.is_at("https://prover.example/artifacts/1?token=x")
    assert endpoint.is_at("https://PROVER.example:443/")
    assert not endpoint.is_at("https://prover.example:444/")
    assert not endpoint.is_at("http://prover.example/")
    assert not endpoint.is_at("https://elsewhere.example/")
    assert not endpoint.is_at("https://[::1")


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "ä"])
def test_a_token_that_no_header_can_carry_is_refused(token: str) -> None:
    with pytest.raises(ConfigError, match="bearer token"):
        Endpoint.parse("https://prover.example", bearer_token=token)


def test_a_token_does_not_show() -> None:
    assert "letmein" not in repr(Endpoint.parse("https://x.example", bearer_token="letmein"))


def test_half_a_client_certificate_is_refused() -> None:
    with pytest.raises(ConfigError, match="belong together"):
        Endpoint.parse("https://prover.example", client_cert=Path("cert.pem"))


def test_a_missing_certificate_file_is_told(tmp_path: Path) -> None:
    endpoint = Endpoint.parse("https://prover.example", ca_file=tmp_path / "ca.pem")
    with pytest.raises(ConfigError, match="TLS file cannot be read: No such file"):
        Calls(endpoint)
