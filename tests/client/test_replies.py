"""What a server says is shown as one harmless line, or not at all."""

import io
import json

import requests
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.client.http_replies import Told, read_told
from sp1tee.client.replies import CODE_KEY, MAX_TEXT, REASON_KEY, clean, notes


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
