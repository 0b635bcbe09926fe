"""The messages between an executor and its fork server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.fulfill.executors import control


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_a_number_arrives_as_it_was_sent(number: int):
    assert control.decode(control.encode(number)) == number


@given(st.binary(max_size=20).filter(lambda message: len(message) != control.SIZE))
def test_a_message_that_is_not_whole_is_an_end(message: bytes):
    with pytest.raises(EOFError):
        control.decode(message)
