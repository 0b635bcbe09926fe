"""Bytes that nobody vouches for."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.errors import EvidenceFileError, EvidenceMalformed, EvidenceTooLarge, VerifyError
from sp1tee.verify.reading import from_hex, read_file, read_json, read_object
from sp1tee.verify.reading.strict_json import DEPTH

ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(ANY_JSON)
def test_what_is_json_is_read_as_it_was_written(value: object) -> None:
    assert read_json(json.dumps(value).encode(), "it", limit=1 << 20) == value


@pytest.mark.parametrize("number", ["1e999", "-1e999", "[1e400]", "Infinity", "NaN"])
def test_what_is_no_number_for_every_reader_is_refused(number: str) -> None:
    with pytest.raises(EvidenceMalformed):
        read_json(number.encode(), "it", limit=100)


@given(st.binary(max_size=200))
def test_whatever_comes_is_json_or_refused(data: bytes) -> None:
    try:
        read_json(data, "it", limit=150)
    except VerifyError:
        return


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ('{"a": 1, "a": 1}', "twice"),
        ('[{"b": {"a": 1, "a": 2}}]', "twice"),
        ("NaN", "NaN"),
        ("[Infinity]", "Infinity"),
        ("[-Infinity]", "Infinity"),
        ("{} {}", "not JSON"),
        ("{'a': 1}", "not JSON"),
        ("[1,]", "not JSON"),
        ('"\\ud800"', "surrogate"),
        ('{"\\udfff": 1}', "surrogate"),
        ("[" * (DEPTH + 1) + "]" * (DEPTH + 1), "deeper"),
        ("[" * 1_000_000, "deeper"),
        ('{"a":' * 200_000, "deeper"),
        ("1" * 5000, "not JSON"),
        ("\ufeff{}", "not JSON"),
    ],
)
def test_json_that_two_readers_could_read_differently_is_refused(text: str, reason: str) -> None:
    with pytest.raises(EvidenceMalformed, match=reason):
        read_json(text.encode(), "it", limit=1 << 21)


def test_brackets_in_text_are_no_nesting() -> None:
    deep = json.dumps(["[{" * 100, '"\\"[' * 50])
    assert read_json(deep.encode(), "it", limit=1 << 20) == json.loads(deep)


def test_text_that_is_no_utf_8_is_refused() -> None:
    with pytest.raises(EvidenceMalformed, match="UTF-8"):
        read_json(b'"\xff"', "it", limit=10)


def test_json_above_its_limit_is_not_even_read() -> None:
    with pytest.raises(EvidenceTooLarge, match="10 bytes"):
        read_json(b"[" * 11, "it", limit=10)


def test_an_object_is_an_object() -> None:
    with pytest.raises(EvidenceMalformed, match="no object"):
        read_object(b"[]", "it", limit=10)


@given(st.binary(max_size=40), st.booleans(), st.booleans())
def test_hex_is_read_in_either_case_and_with_its_prefix(
    data: bytes, upper: bool, prefix: bool
) -> None:
    text = data.hex().upper() if upper else data.hex()
    assert from_hex(("0x" if prefix else "") + text, "it") == data


@pytest.mark.parametrize(
    "value", ["0", "0X00", "zz", "00 00", "0x0x00", " 00", "\u0660\u0660", None, 3, b"00", ["00"]]
)
def test_what_is_no_hex_is_refused(value: object) -> None:
    with pytest.raises(EvidenceMalformed):
        from_hex(value, "it")


def test_hex_of_another_size_is_refused() -> None:
    with pytest.raises(EvidenceMalformed, match="2 bytes, not 3"):
        from_hex("0011", "it", size=3)


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    assert read_file(file, 5) == b"12345"
    with pytest.raises(EvidenceTooLarge):
        read_file(file, 4)


def test_an_endless_file_is_not_read_to_its_end() -> None:
    with pytest.raises(EvidenceTooLarge):
        read_file(Path(os.devnull).with_name("zero"), 1000)


def test_a_file_that_is_missing_or_a_folder_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(EvidenceFileError) as caught:
            read_file(path, 10)
        assert caught.value.exit_code == 2
