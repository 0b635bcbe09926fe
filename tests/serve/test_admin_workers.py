"""Names of workers, read with suspicion."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.errors import MalformedCall
from sp1tee.serve.admin_workers import worker_name_of


@pytest.mark.parametrize("name", ["gpu-1", "0", "a.b_c", "x" * 63])
def test_plain_names_are_taken(name: str) -> None:
    assert worker_name_of(name) == name


@pytest.mark.parametrize("name", ["", "-x", ".", "GPU", "a b", "a/b", "x" * 64, "gpu\n", "é"])
def test_what_could_be_mistaken_for_something_else_is_not(name: str) -> None:
    with pytest.raises(MalformedCall):
        worker_name_of(name)


@given(st.text())
def test_a_name_that_is_taken_is_printable_ascii(name: str) -> None:
    with contextlib.suppress(MalformedCall):
        taken = worker_name_of(name)
        assert taken.isascii()
        assert taken.isprintable()
        assert "/" not in taken
