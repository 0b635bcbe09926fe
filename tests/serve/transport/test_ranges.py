"""Range headers as RFC 9110 reads them, and as strangers write them."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.errors import RangeRefused
from sp1tee.serve.ranges import Span, span_of


@pytest.mark.parametrize(
    ("header", "span"),
    [
        (b"bytes=0-0", Span(0, 1, 10)),
        (b"bytes=3-5", Span(3, 3, 10)),
        (b"bytes=3-", Span(3, 7, 10)),
        (b"bytes=3-999", Span(3, 7, 10)),
        (b"bytes=-4", Span(6, 4, 10)),
        (b"bytes=-999", Span(0, 10, 10)),
        (b" bytes=9-9 ", Span(9, 1, 10)),
    ],
)
def test_one_range_is_a_span(header: bytes, span: Span):
    assert span_of(header, 10) == span


@pytest.mark.parametrize(
    "header",
    [None, b"", b"bytes=", b"bytes=-", b"bytes=5-3", b"bytes=0-1,3-4", b"items=0-1", b"bytes=a-b"],
)
def test_what_is_no_single_range_means_the_whole(header: bytes | None):
    assert span_of(header, 10) is None


@pytest.mark.parametrize(
    ("header", "size"), [(b"bytes=10-", 10), (b"bytes=-0", 10), (b"bytes=0-", 0)]
)
def test_a_range_of_nothing_is_refused(header: bytes, size: int):
    with pytest.raises(RangeRefused):
        span_of(header, size)


def test_a_span_names_itself_as_the_answer_must():
    assert Span(3, 3, 10).content_range == b"bytes 3-5/10"


@given(
    st.binary(max_size=40) | st.from_regex(rb"bytes=[0-9]*-[0-9]*", fullmatch=True),
    st.integers(0, 2**40),
)
def test_any_header_gives_a_span_inside_or_is_refused(header: bytes, size: int):
    with contextlib.suppress(RangeRefused):
        span = span_of(header, size)
        if span is not None:
            assert 0 <= span.offset < span.offset + span.length <= size == span.size
