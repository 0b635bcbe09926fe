"""Lists: filters are honoured or refused, never dropped; a request shows in its own dialect."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.serving import ALICE, BOB, proof_body, record

from sp1tee.errors import MalformedCall, Refusal, UnsupportedFilter
from sp1tee.serve.listing import describe, read_filter
from sp1tee.store.records import Program, RequestFilter, State
from sp1tee.wire.dialect import Dialect
from sp1tee.wire.pb import auction_pb2, types_pb2

SELF = b"\x77" * 20
PROGRAM = Program(
    vk_hash=bytes(32),
    vk=b"",
    uri="http://prover.test/artifacts/program/1",
    owner=b"",
    created_at=0,
    blob="blob_1",
    size=4,
    sha256=bytes(32),
)


def ask(**fields: Any) -> bytes:
    return types_pb2.GetFilteredProofRequestsRequest(**fields).SerializeToString()


def wanted(**fields: Any) -> RequestFilter:
    return read_filter(ask(**fields), SELF).wanted


def test_without_filters_the_first_hundred_are_meant() -> None:
    assert wanted() == RequestFilter(limit=100, offset=0)


def test_pages_count_from_one_and_are_capped() -> None:
    assert (wanted(limit=1_000_000, page=3).limit, wanted(limit=1_000_000, page=3).offset) == (
        100,
        200,
    )
    assert wanted(limit=10, page=1).offset == wanted(limit=10, page=0).offset == 0


@pytest.mark.parametrize(
    ("status", "states"),
    [
        (types_pb2.REQUESTED, {State.ACCEPTED}),
        (types_pb2.ASSIGNED, {State.QUEUED, State.LEASED, State.HELD, State.PROVED}),
        (types_pb2.FULFILLED, {State.SETTLED}),
        (types_pb2.UNFULFILLABLE, {State.FAILED, State.EXPIRED}),
    ],
)
def test_a_status_means_the_states_that_show_it(status: int, states: set[State]) -> None:
    assert wanted(fulfillment_status=status).states == states


@pytest.mark.parametrize("status", [0, 5, 6, 77])
def test_a_status_that_nothing_has_here_matches_nothing(status: int) -> None:
    assert read_filter(ask(fulfillment_status=status), SELF).impossible


def test_everything_else_that_is_known_is_honoured() -> None:
    fields = {
        "requester": ALICE.address,
        "vk_hash": b"\x01" * 32,
        "version": "sp1-v6.1.0",
        "mode": types_pb2.PLONK,
        "minimum_deadline": 5,
        "from": 6,
        "to": 7,
        "fulfiller": SELF,
    }
    assert wanted(**fields) == RequestFilter(
        requester=ALICE.address,
        vk_hash=b"\x01" * 32,
        version="sp1-v6.1.0",
        mode=3,
        min_deadline=5,
        created_from=6,
        created_to=7,
    )


def test_somebody_else_s_requests_are_none() -> None:
    assert read_filter(ask(fulfiller=BOB.address), SELF).impossible


@pytest.mark.parametrize(
    "name",
    [
        "execution_status",
        "execute_fail_cause",
        "settlement_status",
        "error",
        "is_timed_out",
        "use_mainnet",
    ],
)
def test_a_filter_that_cannot_be_honoured_is_refused_by_name(name: str) -> None:
    with pytest.raises(UnsupportedFilter, match=name):
        read_filter(ask(**{name: 0}), SELF)


def test_a_filter_by_bidders_is_refused() -> None:
    with pytest.raises(UnsupportedFilter, match="not_bid_by"):
        read_filter(ask(not_bid_by=SELF), SELF)


@pytest.mark.parametrize("fields", [{"requester": b"x"}, {"vk_hash": b"x"}])
def test_a_filter_of_the_wrong_length_is_refused(fields: dict[str, bytes]) -> None:
    with pytest.raises(MalformedCall, match="instead of"):
        read_filter(ask(**fields), SELF)


def test_times_beyond_any_date_are_no_fault() -> None:
    assert (wanted(minimum_deadline=2**64 - 1).min_deadline or 0) < 2**63


@given(st.binary(max_size=200))
def test_any_list_call_is_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(Refusal):
        read_filter(data, SELF)


def test_a_base_request_is_shown_in_the_base_dialect() -> None:
    body = proof_body("http://prover.test/artifacts/stdin/1", stdin_private=True)
    shown = describe(record(body=body, error=types_pb2.UNKNOWN_FAILURE), PROGRAM, SELF)
    assert isinstance(shown, types_pb2.ProofRequest)
    assert shown.stdin_private
    assert shown.error == types_pb2.UNKNOWN_FAILURE
    assert shown.stdin_uri == "http://prover.test/artifacts/stdin/1"
    assert shown.program_uri == PROGRAM.uri
    assert shown.stdin_public_uri == ""


def test_an_auction_request_is_shown_in_the_auction_dialect() -> None:
    body = proof_body("http://prover.test/artifacts/stdin/1", Dialect.AUCTION)
    shown = describe(record(body=body, state=State.QUEUED), PROGRAM, SELF)
    assert isinstance(shown, auction_pb2.ProofRequest)
    assert (shown.base_fee, shown.max_price_per_pgu) == ("0", "240000")
    assert shown.fulfiller == SELF
    assert shown.strategy == types_pb2.AUCTION


def test_what_execution_showed_is_shown() -> None:
    done = record(
        state=State.SETTLED, cycles=5, gas=6, public_values_hash=bytes(32), fulfilled_at=7
    )
    shown = describe(done, None, SELF)
    assert (shown.cycles, shown.gas_used, shown.fulfilled_at) == (5, 6, 7)
    assert shown.fulfillment_status == types_pb2.FULFILLED
