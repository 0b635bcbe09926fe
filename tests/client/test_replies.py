"""What a server says is shown as one harmless line, or not at all."""

import io
import json

import grpc
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.client.http_replies import Told, read_told
from sp1tee.client.replies import CODE_KEY, MAX_TEXT, REASON_KEY, clean, notes, translate
from sp1tee.errors import NetworkError, Unreachable


class Metadatum:
    """One pair of trailing metadata, as grpcio gives it."""

    def __init__(self, key: str, value: str | bytes) -> None:
        self.key = key
        self.value = value


def answer(body: bytes, content_type: str = "application/json") -> requests.Response:
    response = requests.Response()
    response.status_code = 400
    response.headers["content-type"] = content_type
    response.raw = io.BytesIO(body)
    return response


@given(st.text(max_size=3 * MAX_TEXT))
def test_a_cleaned_text_is_one_printable_line_of_limited_length(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.isprintable()
    assert len(cleaned) <= MAX_TEXT + 1
    assert cleaned == cleaned.strip()


@given(st.text(), st.text())
def test_notes_are_read_whatever_stands_in_them(code: str, reason: str) -> None:
    said = notes([Metadatum(CODE_KEY, code), Metadatum(REASON_KEY, reason)])
    assert all(text.isprintable() for text in said)


def test_a_reason_is_decoded() -> None:
    assert notes([Metadatum(REASON_KEY, "100%25%20wrong%2e")]) == ("", "100% wrong.")


def test_binary_metadata_is_passed_over() -> None:
    assert notes([Metadatum(REASON_KEY, b"\xff"), Metadatum("other", "x")]) == ("", "")
    assert notes(None) == ("", "")


@given(st.binary(max_size=300))
def test_any_body_is_either_read_or_says_nothing(body: bytes) -> None:
    assert isinstance(read_told(answer(body)), Told)


@given(st.recursive(st.none() | st.booleans() | st.text(), lambda x: st.dictionaries(st.text(), x)))
def test_any_json_is_either_read_or_says_nothing(value: object) -> None:
    assert read_told(answer(json.dumps(value).encode())) == Told()


def test_json_counts_only_if_it_is_called_so() -> None:
    body = json.dumps({"code": "SP1TEE-R020", "message": "Gone.", "advice": "Again."}).encode()
    assert read_told(answer(body)) == Told("Gone.", "Again.", "SP1TEE-R020")
    assert read_told(answer(body, "text/html")) == Told()


class Failed(grpc.RpcError):
    """A call that found nobody to answer."""

    def __init__(self, details: str) -> None:
        super().__init__()
        self._details = f"failed to connect to all addresses; last error: UNKNOWN: {details}"

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> None:
        return None


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "1: Tls handshake failed (TSI_PROTOCOL_FAILURE): SSL_ERROR_SSL: error:1000007d:SSL routines:OPENSSL_internal:CERTIFICATE_VERIFY_FAILED: unable to get local issuer certificate: OK",
            "certificate is not trusted",
        ),
        (
            "1: Custom verification check failed with error: UNAUTHENTICATED: Hostname Verification Check failed.",
            "certificate is for another name",
        ),
        (
            "1: Cannot check peer: missing selected ALPN property.",
            "does not offer HTTP/2",
        ),
    ],
)
def test_what_tls_refuses_is_named_and_not_tried_again(said: str, told: str) -> None:
    error = translate(Failed(said), "look")
    assert isinstance(error, NetworkError)
    assert not isinstance(error, Unreachable)
    assert told in error.message
    assert error.advice


def test_who_is_away_may_come_back() -> None:
    error = translate(Failed("ipv4:127.0.0.1:1: Connection refused"), "look")
    assert isinstance(error, Unreachable)
    assert error.message == "The server cannot be reached: Connection refused."
