"""TypeIDs and hex text."""

import contextlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.wire_data import vectors

from sp1tee.errors import HexError, IdError
from sp1tee.wire.hexes import from_hex, to_hex
from sp1tee.wire.ids import new_id, parse_id

KNOWN = vectors()["typeid"]


def test_the_specifications_example_is_read() -> None:
    assert parse_id(KNOWN["typeid"], "artifact") == uuid.UUID(KNOWN["uuid"])


@pytest.mark.parametrize("prefix", ["artifact", "req", "lease"])
def test_new_ids_are_of_their_kind_and_differ(prefix: str) -> None:
    one, other = new_id(prefix), new_id(prefix)
    assert one.startswith(prefix + "_")
    assert len(one) == len(prefix) + 27
    assert parse_id(one, prefix).version == 7
    assert one != other


@pytest.mark.parametrize(
    "text",
    [
        "",
        "artifact_",
        "artifact",
        KNOWN["typeid"][9:],
        KNOWN["typeid"].upper(),
        KNOWN["typeid"] + "0",
        KNOWN["typeid"].replace("artifact", "req"),
        "artifact_81h455vb4pex5vsknk084sn02q",
        "artifact_01h455vb4pex5vsknk084sn0iq",
        "x_artifact_01h455vb4pex5vsknk084sn02q",
        "artifact_../../../../../etc/passwd..",
    ],
)
def test_what_is_no_id_of_the_kind_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(IdError) as caught:
        parse_id(text, "artifact")
    assert text in "artifact_" or text not in str(caught.value)


@given(st.text(max_size=40) | st.text(max_size=26).map("artifact_".__add__))
def test_arbitrary_texts_are_ids_or_id_errors(text: str) -> None:
    with contextlib.suppress(IdError):
        parse_id(text, "artifact")


@given(st.binary(max_size=64))
def test_hex_comes_back_in_any_form(data: bytes) -> None:
    text = to_hex(data)
    assert text == text.lower()
    assert from_hex(text) == from_hex("0x" + text.upper()) == from_hex(text, len(data)) == data


@pytest.mark.parametrize(
    "text", ["0", "0x0", "0X00", "zz", " 00", "00 00", "00\n", "\u0660\u0660", "0x0x00"]
)
def test_what_is_not_hex_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(HexError, match="token") as caught:
        from_hex(text, what="token")
    assert text not in str(caught.value)


def test_a_value_of_another_length_is_refused() -> None:
    with pytest.raises(HexError, match="2 bytes instead of 32") as caught:
        from_hex("0xabcd", 32, "vk_hash")
    assert "64 hex digits" in caught.value.advice
