"""Lists of CT logs."""

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scts import CtLog, log_list

from sp1tee.errors import EvidenceMalformed, EvidenceTooLarge, VerifyError
from sp1tee.verify.cert import LogState, read_logs, shipped_logs


def test_the_shipped_list_has_the_logs_of_this_year_and_the_next():
    logs = shipped_logs()
    names = {log.name for log in logs.logs.values()}
    assert len(names) == 44
    assert {"Let's Encrypt 'Sycamore2027h1'", "Google 'Argon2026h2' log"} <= names
    assert logs.timestamp.startswith("2026-08-20")
    assert all(hashlib.sha256(log.key).digest() == log.id for log in logs.logs.values())
    assert {log.state for log in logs.logs.values()} == {
        LogState.QUALIFIED,
        LogState.USABLE,
        LogState.READONLY,
        LogState.RETIRED,
    }


def test_a_log_of_either_kind_is_read():
    log = CtLog("Test log")
    document = json.loads(log_list(log))
    operator = document["operators"][0]
    operator["tiled_logs"] = operator.pop("logs")
    for text in (log_list(log), json.dumps(document).encode()):
        read = read_logs(text).logs[log.id]
        assert (read.name, read.operator, read.state) == ("Test log", "Test operator", "usable")


def test_an_interval_is_of_expiry_dates_and_half_open():
    log = CtLog("x", interval=("2026-07-01T00:00:00Z", "2027-01-01T00:00:00Z"))
    read = read_logs(log_list(log)).logs[log.id]
    assert read.first is not None
    assert read.end is not None
    assert [read.takes(at) for at in (read.first - 1, read.first, read.end - 1, read.end)] == [
        False, True, True, False,
    ]  # fmt: skip
    everything = CtLog("y", interval=None)
    assert read_logs(log_list(everything)).logs[everything.id].takes(0)


@pytest.mark.parametrize(
    ("state", "counted"),
    [
        ("qualified", True),
        ("usable", True),
        ("readonly", True),
        ("pending", False),
        ("rejected", False),
        ("retired", False),
        ("invented", False),
    ],
)
def test_only_trusted_states_count(state: str, counted: bool):
    log = CtLog("x", state=state, since="2026-01-01T00:00:00Z")
    read = read_logs(log_list(log)).logs[log.id]
    assert read.counts(1_780_000_000_000) is counted


def test_a_retired_log_s_earlier_timestamps_count():
    log = CtLog("x", state="retired", since="2026-01-01T00:00:00Z")
    read = read_logs(log_list(log)).logs[log.id]
    assert read.counts(read.since - 1)
    assert not read.counts(read.since)


def test_test_logs_do_not_count():
    log = CtLog("x", log_type="test")
    assert read_logs(log_list(log)).logs[log.id].state is LogState.UNKNOWN


def test_a_log_whose_id_is_not_its_key_s_is_refused():
    document = json.loads(log_list(CtLog("x"), CtLog("y")))
    entries = [operator["logs"][0] for operator in document["operators"]]
    entries[0]["key"] = entries[1]["key"]
    with pytest.raises(EvidenceMalformed, match="not its key's"):
        read_logs(json.dumps(document).encode())


def test_a_log_that_is_there_twice_is_refused():
    log = CtLog("x")
    with pytest.raises(EvidenceMalformed, match="twice"):
        read_logs(log_list(log, log))


@pytest.mark.parametrize(
    "change",
    [
        {"operators": None},
        {"operators": {}},
        {"operators": []},
        {"operators": [1]},
        {"operators": [{"name": 1, "logs": []}]},
        {"operators": [{"name": "x", "logs": [1]}]},
        {"operators": [{"name": "x", "logs": [{"key": "!", "log_id": "AA=="}]}]},
        {"log_list_timestamp": None},
        {"log_list_timestamp": "yesterday"},
        {"log_list_timestamp": "2026-01-01T00:00:00"},
    ],
)
def test_anything_but_a_log_list_is_refused(change: dict[str, object]):
    document = json.loads(log_list(CtLog("x")))
    with pytest.raises(EvidenceMalformed):
        read_logs(json.dumps({**document, **change}).encode())


def test_a_gigantic_list_is_refused():
    with pytest.raises(EvidenceTooLarge):
        read_logs(b" " * (5 * 1024 * 1024))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["operators", "logs", "name", "state", "key", "log_id", "usable"]),
            inner,
        )
    ),
)


@given(JSON)
def test_only_documented_errors_come_out(value: object):
    try:
        assert read_logs(json.dumps(value).encode()).logs
    except VerifyError:
        return
