"""Reading event logs."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import event_logs

from sp1tee.errors import EvidenceMalformed, EvidenceMissing, EvidenceTooLarge, VerifyError
from sp1tee.verify.rtmr3 import event_log_of, examine, read_events
from sp1tee.verify.rtmr3.events import MAX_EVENTS, MAX_NAME, MAX_PAYLOAD, MAX_TOTAL

GOOD = event_logs.made("app-id", bytes(20))


def test_a_list_and_a_string_that_holds_it_read_alike() -> None:
    log = event_logs.near_2026().log
    assert read_events(log) == read_events(json.dumps(log))


@pytest.mark.parametrize(
    "wrap",
    [
        lambda log: log,
        json.dumps,
        lambda log: {"event_log": log},
        lambda log: {"quote": "00", "event_log": json.dumps(log)},
        lambda log: {"tcb_info": {"event_log": log}},
        lambda log: {"tcb_info": json.dumps({"event_log": log, "app_compose": "{}"})},
        lambda log: json.dumps({"event_log": log}),
    ],
    ids=["list", "string", "tcb_info.json", "GetQuote", "Info, parsed", "Info", "string of object"],
)
def test_the_log_is_found_in_whatever_carries_it(wrap: Any) -> None:
    log = event_logs.phala().log
    assert read_events(event_log_of(wrap(log))) == read_events(log)


@pytest.mark.parametrize(
    "value", [{}, {"quote": "00"}, {"tcb_info": ""}, {"tcb_info": {}}, {"tcb_info": "{}"}]
)
def test_where_there_is_no_log_none_is_found(value: Any) -> None:
    with pytest.raises(EvidenceMissing, match="no event log"):
        event_log_of(value)


@pytest.mark.parametrize("imr", ["3", 3.0, True, 99, -1, 4, None, [3]])
def test_attack_29_an_imr_of_another_type_or_range_is_refused(imr: Any) -> None:
    with pytest.raises(EvidenceMalformed, match="imr"):
        read_events([GOOD | {"imr": imr}])


@pytest.mark.parametrize("kind", ["134217729", 134217729.0, True, -1, 2**32, None])
def test_an_event_type_of_another_type_or_range_is_refused(kind: Any) -> None:
    with pytest.raises(EvidenceMalformed, match="event_type"):
        read_events([GOOD | {"event_type": kind}])


@pytest.mark.parametrize("version", [0, 3, "2", 2.0, True, None, [2]])
def test_attack_30_a_version_that_is_neither_1_nor_2_is_refused(version: Any) -> None:
    with pytest.raises(EvidenceMalformed, match="version"):
        read_events([GOOD | {"version": version}])


@pytest.mark.parametrize("digest", ["00" * 47, "00" * 49, "0", "zz" * 48, None, False, " " * 96])
def test_attack_22_a_digest_of_another_size_is_refused(digest: Any) -> None:
    with pytest.raises(EvidenceMalformed, match=r"event_log\[0\].digest"):
        read_events([GOOD | {"digest": digest}])


def test_attack_22_an_empty_digest_is_none_at_all() -> None:
    assert read_events([GOOD | {"digest": ""}])[0].digest is None


@pytest.mark.parametrize(
    "change",
    [
        {"event": None},
        {"event": 3},
        {"event": "\ud800"},
        {"event_payload": None},
        {"event_payload": "0"},
        {"event_payload": "gg"},
        {"event_payload": ["00"]},
        {"preimage": 0},
        {"preimage": "x"},
    ],
)
def test_fields_of_another_type_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(EvidenceMalformed):
        read_events([GOOD | change])


@pytest.mark.parametrize("value", [{}, None, 3, "4", "", "{", [3], [[]], ["x"], "[3]"])
def test_what_is_no_list_of_objects_is_refused(value: Any) -> None:
    with pytest.raises(EvidenceMalformed):
        read_events(value)


@pytest.mark.parametrize("field", ["imr", "event_type", "digest", "event", "event_payload"])
def test_every_field_has_to_be_there(field: str) -> None:
    with pytest.raises(EvidenceMalformed):
        read_events([{key: value for key, value in GOOD.items() if key != field}])


def test_a_string_with_a_key_twice_is_refused() -> None:
    twice = json.dumps([GOOD]).replace('"imr": 3', '"imr": 0, "imr": 3')
    with pytest.raises(EvidenceMalformed, match="twice"):
        read_events(twice)


def test_hex_may_be_upper_case_and_prefixed() -> None:
    upper = GOOD | {"digest": "0x" + GOOD["digest"].upper()}
    assert read_events([upper]) == read_events([GOOD])


def test_other_keys_measure_nothing() -> None:
    assert read_events([GOOD | {"comment": "x"}]) == read_events([GOOD])


def test_too_many_events_are_refused() -> None:
    assert len(read_events([GOOD] * MAX_EVENTS)) == MAX_EVENTS
    with pytest.raises(EvidenceTooLarge, match="events"):
        read_events([GOOD] * (MAX_EVENTS + 1))


def test_too_long_a_name_is_refused() -> None:
    with pytest.raises(EvidenceTooLarge, match="name"):
        read_events([GOOD | {"event": "n" * (MAX_NAME + 1)}])


def test_too_long_a_payload_is_refused() -> None:
    longest = GOOD | {"event_payload": "00" * MAX_PAYLOAD}
    assert len(read_events([longest])[0].payload) == MAX_PAYLOAD
    with pytest.raises(EvidenceTooLarge, match="payload"):
        read_events([GOOD | {"event_payload": "00" * (MAX_PAYLOAD + 1)}])


def test_too_much_payload_in_all_is_refused() -> None:
    longest = GOOD | {"event_payload": "00" * MAX_PAYLOAD}
    with pytest.raises(EvidenceTooLarge, match="payloads"):
        read_events([longest] * (MAX_TOTAL // MAX_PAYLOAD + 1))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["imr", "event_type", "digest", "event", "event_payload", "version", "preimage"]
)
ODD_EVENTS = st.dictionaries(
    FIELDS, JSON | st.sampled_from([0, 3, 2, 0x08000001, "", "00", "00" * 48, "app-id", "ä", "a:b"])
).map(lambda change: GOOD | change)


@settings(max_examples=200, deadline=None)
@given(JSON | st.lists(ODD_EVENTS, max_size=5) | st.text())
def test_whatever_is_read_only_documented_errors_come_out(value: Any) -> None:
    try:
        events = read_events(event_log_of(value))
    except VerifyError:
        return
    examine(events, bytes(48), boot=[bytes(48)] * 3)
