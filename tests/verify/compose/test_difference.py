"""The published file and what runs, side by side."""

from hypothesis import given
from hypothesis import strategies as st
from support.composes import SP1

from sp1tee.verify.compose.difference import LINES, WIDTH, Difference, compare


def difference(published: bytes, inside: bytes) -> Difference:
    found = compare(published, inside)
    assert found is not None
    return found


def test_the_same_bytes_are_the_same():
    assert compare(SP1, SP1) is None


def test_a_changed_line_is_shown_with_its_surroundings():
    found = difference(SP1, SP1.replace(b"sp1-gpu:86a2bbf", b"sp1-gpu:evil"))

    assert found.line == 39
    assert "-    image: public.ecr.aws/example/sp1-gpu:86a2bbf" in found.lines
    assert "+    image: public.ecr.aws/example/sp1-gpu:evil" in found.lines


def test_a_missing_line_break_at_the_end_is_named_as_such():
    found = difference(SP1, SP1.rstrip(b"\n"))

    assert "Only the end differs" in found.summary
    assert "ends with 1 line breaks, what runs with 0" in found.summary


def test_other_line_endings_are_named_as_such():
    assert "Only the line endings" in difference(SP1, SP1.replace(b"\n", b"\r\n")).summary


def test_a_long_comparison_is_cut():
    found = difference(b"a\n" * 500, b"b\n" * 500)

    assert len(found.lines) == LINES + 1
    assert found.lines[-1] == "… and more"


def test_texts_with_too_many_lines_are_not_aligned():
    (line,) = difference(b"a\n" * 9000, b"b\n" * 9000).lines

    assert "too many to show" in line


def test_what_a_terminal_would_obey_is_shown_as_text():
    found = difference(b"a: b", b"a: \x1b[2J\xe2\x80\xae" + b"x" * 999)

    assert not any("\x1b" in line or "\u202e" in line for line in found.lines)
    assert max(map(len, found.lines)) < WIDTH + 40


def test_the_line_is_one_of_the_published_file():
    assert difference(b"a\nb", b"a\nb\nc").line == 2
    assert difference(b"", b"a").line == 1


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_any_two_texts_can_be_compared(one: bytes, other: bytes):
    assert (compare(one, other) is None) == (one == other)
