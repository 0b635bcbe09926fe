"""Bodies are byte for byte what the Rust SDK sent, wherever the recordings show all inputs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.wire_data import recorded_requests

from sp1tee.client.bodies import Demand, Market, offer, program_body, request_body, seal
from sp1tee.client.order import UNLIMITED, Limits, Strategy
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import auction_pb2, types_pb2
from sp1tee.wire.signing import Signer
from sp1tee.wire.versions import Family, latest

SIGNER = Signer.from_hex("11" * 32)
V6 = bytes.fromhex("4b09a69719d8d7793685b23f44969aac34bbac442f0cadf1218b30a94f77891e")
V5 = bytes.fromhex("2970d8de3df67e8b61fbdc0033004f192f44b31f53008f646d30fad603e22513")
TERMS = {
    "domain": b"\x11" * 32,
    "auctioneer": b"\x02" * 20,
    "executor": b"\x03" * 20,
    "verifier": b"\x04" * 20,
    "treasury": b"\x05" * 20,
    "base_fee": "0",
    "provers": (b"\x06" * 20,),
}
CASES = {
    "5.2.4/reserved": {"strategy": Strategy.RESERVED, "limits": Limits(1621, 1_003_634)},
    "5.2.4/default": {"strategy": Strategy.HOSTED, "limits": Limits(1621, 1_003_634)},
    "5.2.4/mainnet": {
        "strategy": Strategy.AUCTION,
        "limits": Limits(1621, 1_003_634),
        "public_values_hash": bytes.fromhex(
            "d0abd303eefe48a35a09197c8840467029bde2832f61695991207d60fb6a2354"
        ),
        "market": Market(max_price_per_pgu=200_000, **TERMS),
    },
    "6.10.0/reserved": {"strategy": Strategy.RESERVED, "limits": Limits(18_320, 20_173)},
    "6.10.0/hosted": {"strategy": Strategy.HOSTED, "limits": Limits(UNLIMITED, UNLIMITED)},
    "6.10.0/private-stdin": {
        "strategy": Strategy.RESERVED,
        "limits": Limits(18_320, 20_173),
        "private_stdin": True,
    },
    "6.10.0/mainnet": {
        "strategy": Strategy.AUCTION,
        "limits": Limits(18_320, 20_173),
        "public_values_hash": bytes.fromhex(
            "eb61af091de14d64211b5f413bbb0da5a66e3de8cec2cb754b1fc56f8b0b2189"
        ),
        "market": Market(max_price_per_pgu=offer(200_000, 0), **TERMS),
    },
}


@pytest.mark.parametrize("name", CASES)
def test_a_request_has_the_recorded_bytes(name: str) -> None:
    [recorded] = recorded_requests(name, "RequestProof")
    envelope = types_pb2.SignedRequest.FromString(recorded)
    told = types_pb2.RequestProofRequestBody.FromString(envelope.body)
    family = Family.V5 if name.startswith("5") else Family.V6
    demand = Demand(
        vk_hash=V5 if family is Family.V5 else V6,
        version=latest(family),
        mode=Mode.CORE if family is Family.V5 else Mode.COMPRESSED,
        stdin_uri=told.stdin_uri,
        deadline=told.deadline,
        **CASES[name],
    )
    assert seal(request_body(7, demand), SIGNER).SerializeToString() == recorded


@pytest.mark.parametrize("name", CASES)
def test_a_registration_has_the_recorded_bytes(name: str) -> None:
    [recorded] = recorded_requests(name, "CreateProgram")
    told = types_pb2.CreateProgramRequestBody.FromString(
        types_pb2.SignedRequest.FromString(recorded).body
    )
    body = program_body(7, vk_hash=told.vk_hash, vk=told.vk, program_uri=told.program_uri)
    assert seal(body, SIGNER).SerializeToString() == recorded


def test_limits_of_zero_leave_no_trace() -> None:
    demand = Demand(
        vk_hash=V6,
        version=latest(Family.V6),
        mode=Mode.CORE,
        strategy=Strategy.RESERVED,
        stdin_uri="s",
        deadline=1,
        limits=Limits(0, 0),
    )
    assert request_body(0, demand).endswith(b"\x38\x01")


@pytest.mark.parametrize(
    ("price", "tick", "offered"),
    [(200_000, 0, 240_000), (200_000, 1, 240_000), (3, 0, 3), (200_000, 50_000, 200_000)],
)
def test_an_offer_is_a_fifth_above_the_price_in_whole_ticks(
    price: int, tick: int, offered: int
) -> None:
    assert offer(price, tick) == offered


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**32))
def test_an_offer_is_never_more_than_a_fifth_above_the_price(price: int, tick: int) -> None:
    assert offer(price, tick) <= price * 12 // 10


def test_an_auction_body_without_simulation_names_no_public_values() -> None:
    demand = Demand(
        vk_hash=V6,
        version=latest(Family.V6),
        mode=Mode.CORE,
        strategy=Strategy.AUCTION,
        stdin_uri="s",
        deadline=1,
        limits=Limits(1, 1),
        private_stdin=True,
        market=Market(max_price_per_pgu=1, **TERMS),
    )
    body = auction_pb2.RequestProofRequestBody.FromString(request_body(1, demand))
    assert not body.HasField("public_values_hash")
    assert body.stdin_private
