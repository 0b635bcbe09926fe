"""Text from evidence is harmless before it is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.reports import HOSTILE

from sp1tee.verify.formats import clean


@given(st.text() | st.text(st.characters()))
def test_what_is_shown_is_printable(text: str) -> None:
    assert clean.line(text).isprintable()
    assert all(line.isprintable() for line in clean.lines(text))


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=clean.LINE))
def test_printable_text_stays_as_it_is(text: str) -> None:
    assert clean.line(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("\u202egnirts", "\\u202egnirts"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
        ("one\r\ntwo\n", "one two"),
        ("one\rtwo", "one\\x0dtwo"),
        ("one\u2028two", "one\\u2028two"),
    ],
)
def test_what_moves_or_hides_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert clean.line(text) == shown


def test_lines_are_kept_where_a_text_has_several() -> None:
    assert clean.lines("[rtmr3]\napp_id = 1\n") == ["[rtmr3]", "app_id = 1"]


def test_what_is_too_long_says_how_much_is_missing() -> None:
    assert clean.line("x" * (clean.LINE + 7)).endswith("x… (7 more characters)")
    assert clean.lines("\n".join("x" * 100))[-1] == "… and 41 more lines"


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_tamed(text: str) -> None:
    assert clean.line(text).isprintable()
