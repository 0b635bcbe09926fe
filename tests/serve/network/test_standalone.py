"""A request on a server that is its own network, called as an SDK calls it."""

from pathlib import Path

import pytest
from support.network_room import Refused, Room, a_room
from support.serving import (
    ALICE,
    NOW,
    PUBLIC_URL,
    proof_body,
)

from sp1tee.errors import StoreFull
from sp1tee.wire.dialect import Dialect
from sp1tee.wire.pb import types_pb2

pytestmark = pytest.mark.anyio


async def test_a_request_goes_all_the_way(room: Room) -> None:
    await room.register()
    reply = await room.request(proof_body(await room.upload_stdin()))
    assert len(reply.tx_hash) == len(reply.body.request_id) == 32

    waiting = await room.status(reply.body.request_id)
    assert waiting.fulfillment_status == types_pb2.ASSIGNED
    assert waiting.request_tx_hash == reply.tx_hash
    assert waiting.deadline == int(NOW) + 3600

    record = await room.prove()
    done = await room.status(reply.body.request_id)
    assert done.fulfillment_status == types_pb2.FULFILLED
    assert done.execution_status == types_pb2.EXECUTED
    assert done.proof_uri == f"{PUBLIC_URL}/proofs/{record.proof_token}"
    assert done.public_values_hash == record.public_values_hash


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_both_dialects_are_taken_and_kept_byte_for_byte(room: Room, dialect: Dialect) -> None:
    await room.register()
    body = proof_body(await room.upload_stdin(), dialect)
    reply = await room.request(body)
    record = await room.store.requests.get(reply.body.request_id)
    assert (record.body, record.dialect) == (body, dialect.value)


@pytest.mark.parametrize("strategy", [types_pb2.HOSTED, types_pb2.RESERVED, types_pb2.AUCTION])
async def test_every_strategy_is_taken(room: Room, strategy: int) -> None:
    await room.register()
    assert await room.request(proof_body(await room.upload_stdin(), strategy=strategy))


async def test_limits_of_a_hosted_request_are_kept_whole(room: Room) -> None:
    await room.register()
    limits = {"cycle_limit": 2**64 - 1, "gas_limit": 2**64 - 1}
    reply = await room.request(proof_body(await room.upload_stdin(), **limits))
    record = await room.store.requests.get(reply.body.request_id)
    assert (record.cycle_limit, record.gas_limit) == (2**64 - 1, 2**64 - 1)


async def test_nonces_move_past_those_that_were_used(room: Room) -> None:
    async def nonce() -> int:
        ask = types_pb2.GetNonceRequest(address=ALICE.address)
        return (await room.ask("GetNonce", ask, types_pb2.GetNonceResponse)).nonce

    assert await nonce() == 0
    await room.register()
    assert await nonce() == 1
    await room.request(proof_body(await room.upload_stdin(), nonce=7))
    assert await nonce() == 8


async def test_a_nonce_belongs_to_an_address(room: Room) -> None:
    with pytest.raises(Refused) as refused:
        await room.ask(
            "GetNonce", types_pb2.GetNonceRequest(address=b"x"), types_pb2.GetNonceResponse
        )
    assert refused.value.status == "INVALID_ARGUMENT"


async def test_a_replayed_envelope_gets_the_same_id_and_makes_no_work(room: Room) -> None:
    await room.register()
    body = proof_body(await room.upload_stdin())
    first, again = await room.request(body), await room.request(body)
    assert first == again
    assert sum((await room.store.requests.counts()).values()) == 1


async def test_a_retry_with_another_nonce_gets_the_same_id(room: Room) -> None:
    await room.register()
    uri = await room.upload_stdin()
    first = await room.request(proof_body(uri, nonce=1))
    assert await room.request(proof_body(uri, nonce=2)) == first


async def test_a_reply_that_was_lost_can_be_had_again_after_the_proof(room: Room) -> None:
    await room.register()
    body = proof_body(await room.upload_stdin())
    first = await room.request(body)
    await room.prove()
    assert await room.request(body) == first


async def test_another_deadline_is_another_request(room: Room) -> None:
    await room.register()
    uri = await room.upload_stdin()
    first = await room.request(proof_body(uri))
    second = await room.request(proof_body(uri, deadline=int(NOW) + 60))
    assert first.body.request_id != second.body.request_id


async def test_ids_survive_a_restart(tmp_path: Path) -> None:
    async with a_room(tmp_path) as room:
        await room.register()
        body = proof_body(await room.upload_stdin())
        reply = await room.request(body)
    async with a_room(tmp_path) as room:
        assert (await room.status(reply.body.request_id)).fulfillment_status == types_pb2.ASSIGNED
        assert await room.request(body) == reply


async def test_a_poll_reads_neither_disk_nor_database(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    await room.register()
    reply = await room.request(proof_body(await room.upload_stdin()))

    async def fail(*_: object) -> None:
        raise AssertionError("a poll went to the store")

    monkeypatch.setattr(room.store.requests, "get", fail)
    for _ in range(3):
        await room.status(reply.body.request_id)
    await room.prove()
    done = await room.status(reply.body.request_id)
    assert done.fulfillment_status == types_pb2.FULFILLED


async def test_the_same_servicers_run_under_grpc_aio(tmp_path: Path) -> None:
    async with a_room(tmp_path, server="grpc.aio") as room:
        request_id = await room.failed_request()
        await room.status(request_id)
        assert "exited" in room.trailers["sp1tee-reason"]
        with pytest.raises(Refused) as refused:
            await room.status(b"\x5a" * 32)
    assert refused.value.status == "NOT_FOUND"


async def test_a_store_out_of_order_is_a_reason_to_wait(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> None:
        raise StoreFull("The disk is full.")

    monkeypatch.setattr(room.store.artifacts, "create", full)
    with pytest.raises(Refused) as refused:
        await room.create_artifact()
    assert refused.value.status == "UNAVAILABLE"
