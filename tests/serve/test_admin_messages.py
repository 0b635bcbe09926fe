"""What operators ask, read with suspicion."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.errors import MalformedCall
from sp1tee.serve.admin_messages import MOST, moment, wanted_of
from sp1tee.store.records import OPEN_STATES, RequestFilter, State


def wanted(**fields: str) -> RequestFilter:
    return wanted_of(fields.get)


def test_without_a_word_it_is_what_has_not_ended_oldest_first() -> None:
    assert wanted() == RequestFilter(states=OPEN_STATES, limit=100, oldest_first=True)


def test_states_requester_and_number_are_honoured() -> None:
    asked = wanted(state="held,failed", requester="0x" + "ab" * 20, limit="7")
    assert asked.states == {State.HELD, State.FAILED}
    assert asked.requester == b"\xab" * 20
    assert asked.limit == 7


@pytest.mark.parametrize(("limit", "most"), [("0", 1), ("1000", MOST), ("9999", MOST)])
def test_a_number_out_of_bounds_is_brought_back_into_them(limit: str, most: int) -> None:
    assert wanted(limit=limit).limit == most


@pytest.mark.parametrize(
    "fields",
    [
        {"state": ""},
        {"state": "held,"},
        {"state": "gone"},
        {"requester": ""},
        {"requester": "0x12"},
        {"limit": ""},
        {"limit": "-1"},
        {"limit": "1e3"},
        {"limit": "٣"},
        {"limit": "10000000"},
    ],
)
def test_what_means_nothing_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(MalformedCall):
        wanted(**fields)


@given(st.dictionaries(st.sampled_from(["state", "requester", "limit"]), st.text()))
def test_nothing_but_a_refusal_comes_of_any_query(fields: dict[str, str]) -> None:
    with contextlib.suppress(MalformedCall):
        assert 1 <= wanted(**fields).limit <= MOST


@given(st.none() | st.floats(allow_nan=False, allow_infinity=False))
def test_any_number_is_a_moment_or_none(seconds: float | None) -> None:
    written = moment(seconds)
    assert written is None or written.endswith("+00:00")
