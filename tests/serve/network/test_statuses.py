"""A request's state in the network's words, alone and combined with what the network says."""

from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest
from support.serving import NOW, record

from sp1tee.serve.network.overlay import overlay, readable
from sp1tee.serve.statuses import CODE, REASON, failure, failure_trailers, status_of
from sp1tee.store.records import State
from sp1tee.wire.pb import types_pb2

DIGEST = b"\x22" * 32
URI = "http://prover.test/proofs/token"


def told(**changes: Any) -> types_pb2.GetProofRequestStatusResponse:
    """What an upstream network says."""
    given = {
        "fulfillment_status": types_pb2.ASSIGNED,
        "execution_status": types_pb2.UNEXECUTED,
        "request_tx_hash": b"\x33" * 32,
        "deadline": int(NOW) + 60,
    }
    return types_pb2.GetProofRequestStatusResponse(**(given | changes))


@pytest.mark.parametrize(
    ("state", "fulfillment", "execution"),
    [
        (State.ACCEPTED, types_pb2.REQUESTED, types_pb2.UNEXECUTED),
        (State.QUEUED, types_pb2.ASSIGNED, types_pb2.UNEXECUTED),
        (State.LEASED, types_pb2.ASSIGNED, types_pb2.UNEXECUTED),
        (State.PROVED, types_pb2.ASSIGNED, types_pb2.EXECUTED),
        (State.SETTLED, types_pb2.FULFILLED, types_pb2.EXECUTED),
        (State.FAILED, types_pb2.UNFULFILLABLE, types_pb2.UNEXECUTED),
        (State.EXPIRED, types_pb2.UNFULFILLABLE, types_pb2.UNEXECUTED),
    ],
)
def test_each_state_has_its_words(state: State, fulfillment: int, execution: int) -> None:
    executed = state in (State.PROVED, State.SETTLED)
    status = status_of(record(state=state, public_values_hash=DIGEST if executed else None))
    assert (status.fulfillment_status, status.execution_status) == (fulfillment, execution)


def test_a_guest_that_cannot_run_is_unexecutable() -> None:
    failed = record(state=State.FAILED, error=types_pb2.EXECUTION_FAILURE)
    assert status_of(failed).execution_status == types_pb2.UNEXECUTABLE


def test_a_failure_after_execution_says_that_it_was_executed() -> None:
    failed = record(state=State.FAILED, error=types_pb2.PROVING_FAILURE, public_values_hash=DIGEST)
    assert status_of(failed).execution_status == types_pb2.EXECUTED


@pytest.mark.parametrize("state", list(State))
def test_every_reply_has_what_an_sdk_panics_without(state: State) -> None:
    status = status_of(record(state=state))
    assert len(status.request_tx_hash) == 32
    assert status.deadline == record().deadline


def test_only_a_settled_request_says_where_its_proof_is() -> None:
    assert status_of(record(state=State.SETTLED), URI).proof_uri == URI
    assert not status_of(record(state=State.PROVED), URI).HasField("proof_uri")


def test_the_reason_of_a_failure_travels_as_ascii() -> None:
    failed = record(state=State.FAILED, text="Zyklen überschritten: 10 > 5\nlimit 100%")
    trailers = dict(failure_trailers(failed))
    assert trailers[REASON].isascii()
    assert "\n" not in trailers[REASON]
    assert unquote(trailers[REASON]) == failed.text
    assert trailers[CODE].startswith("SP1TEE-R")


def test_a_request_that_ran_out_of_time_says_so() -> None:
    assert "deadline" in dict(failure_trailers(record(state=State.EXPIRED)))[REASON]


def test_an_endless_reason_is_cut() -> None:
    failed = record(state=State.FAILED, text="x" * 10_000)
    assert len(dict(failure_trailers(failed))[REASON]) <= 1_000


def test_what_a_program_printed_is_told_behind_the_reason() -> None:
    failed = record(state=State.FAILED, text="It ended with exit code 1.")
    reason = unquote(dict(failure_trailers(failed, "panicked at src/main.rs: überzogen"))[REASON])
    assert reason == (
        "It ended with exit code 1. The program printed: panicked at src/main.rs: überzogen"
    )
    assert failure(failed, "panicked").message.endswith("The program printed: panicked")


@pytest.mark.parametrize("letter", ["x", "%", "ü", "😀"])
def test_of_what_was_printed_the_end_fits_into_the_metadata_that_clients_take(letter: str) -> None:
    failed = record(state=State.FAILED, text="It failed.")
    reason = dict(failure_trailers(failed, letter * 2048 + "the end"))[REASON]
    assert len(reason) < 5_000
    assert reason.endswith("the end")


# --- combined with the network's view ------------------------------------------------------


def test_a_proof_that_the_network_has_counts_whatever_we_think() -> None:
    fulfilled = told(fulfillment_status=types_pb2.FULFILLED, proof_uri="https://s3/p")
    for state in State:
        shown = overlay(record(state=state), fulfilled)
        assert shown.fulfillment_status == types_pb2.FULFILLED
        assert shown.proof_uri == "https://s3/p"


def test_what_waits_with_us_is_assigned_even_if_the_network_is_behind() -> None:
    shown = overlay(record(state=State.QUEUED), told(fulfillment_status=types_pb2.REQUESTED))
    assert shown.fulfillment_status == types_pb2.ASSIGNED


def test_what_waits_to_be_assigned_is_not_assigned_by_us() -> None:
    shown = overlay(record(state=State.ACCEPTED), told(fulfillment_status=types_pb2.REQUESTED))
    assert shown.fulfillment_status == types_pb2.REQUESTED


def test_a_proof_on_its_way_shows_as_executed() -> None:
    shown = overlay(record(state=State.PROVED, public_values_hash=DIGEST), told())
    assert shown.execution_status == types_pb2.EXECUTED
    assert shown.public_values_hash == DIGEST
    assert shown.fulfillment_status == types_pb2.ASSIGNED


def test_an_outage_upstream_does_not_end_the_wait() -> None:
    shown = overlay(record(state=State.LEASED), None)
    assert shown.fulfillment_status == types_pb2.ASSIGNED
    assert shown.deadline == record().deadline


def test_a_settled_proof_is_not_promised_while_nobody_says_where_it_is() -> None:
    shown = overlay(record(state=State.SETTLED, public_values_hash=DIGEST), None)
    assert shown.fulfillment_status == types_pb2.ASSIGNED


def test_the_end_that_the_network_says_is_the_end() -> None:
    shown = overlay(record(state=State.LEASED), told(fulfillment_status=types_pb2.UNFULFILLABLE))
    assert shown.fulfillment_status == types_pb2.UNFULFILLABLE


@pytest.mark.parametrize("status", [types_pb2.REVERTED, types_pb2.EXPIRED])
def test_statuses_that_sdk_5_cannot_read_become_one_that_it_can(status: int) -> None:
    assert readable(told(fulfillment_status=status)).fulfillment_status == types_pb2.UNFULFILLABLE


def test_an_execution_status_that_would_panic_a_client_is_left_out() -> None:
    assert readable(told(execution_status=9)).execution_status == 0


def test_what_an_sdk_panics_without_is_filled_in() -> None:
    shown = overlay(record(state=State.LEASED), told(request_tx_hash=b"", deadline=0))
    assert shown.request_tx_hash == record().tx_hash
    assert shown.deadline == record().deadline


def test_the_network_s_answer_itself_is_left_alone() -> None:
    answer = told(fulfillment_status=types_pb2.EXPIRED)
    readable(answer)
    assert answer == told(fulfillment_status=types_pb2.EXPIRED)


def test_a_record_without_ids_shows_none() -> None:
    assert status_of(replace(record(), tx_hash=None)).request_tx_hash == b""
