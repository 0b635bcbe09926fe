"""How a request ends without a proof, and how its requester learns why."""

from pathlib import Path

import pytest
from support.network_room import Refused, Room, a_room
from support.serving import (
    ALICE,
    BOB,
    Clock,
    proof_body,
    sealed,
)

from sp1tee.store.records import State
from sp1tee.wire.dialect import Dialect
from sp1tee.wire.pb import auction_pb2, types_pb2
from sp1tee.wire.signing import Signer

pytestmark = pytest.mark.anyio


async def test_a_failure_is_told_at_once_and_explained_beside_the_enums(room: Room) -> None:
    request_id = await room.failed_request()
    status = await room.status(request_id)
    assert status.fulfillment_status == types_pb2.UNFULFILLABLE
    assert status.execution_status == types_pb2.UNEXECUTABLE
    assert room.trailers["sp1tee-reason"] == "The guest exited with code 3."
    assert room.trailers["sp1tee-code"].startswith("SP1TEE-R")


async def test_a_failure_can_be_told_as_text_instead(tmp_path: Path) -> None:
    async with a_room(tmp_path, failure_replies="text") as room:
        request_id = await room.failed_request()
        with pytest.raises(Refused) as refused:
            await room.status(request_id)
    assert refused.value.status == "FAILED_PRECONDITION"
    assert "The guest exited with code 3." in refused.value.text


async def test_a_request_past_its_deadline_expires(tmp_path: Path) -> None:
    clock = Clock()
    async with a_room(tmp_path, clock=clock, run=True) as room:
        await room.register()
        reply = await room.request(proof_body(await room.upload_stdin()))
        clock.pass_by(3601)
        await room.until(lambda record: record.state is State.EXPIRED)
        status = await room.status(reply.body.request_id)
        assert status.fulfillment_status == types_pb2.UNFULFILLABLE
        assert "deadline" in room.trailers["sp1tee-reason"]


async def test_an_unknown_id_is_not_found(room: Room) -> None:
    with pytest.raises(Refused) as refused:
        await room.status(b"\x5a" * 32)
    assert refused.value.status == "NOT_FOUND"


async def test_an_id_of_the_wrong_length_is_refused(room: Room) -> None:
    with pytest.raises(Refused) as refused:
        await room.status(b"short")
    assert refused.value.status == "INVALID_ARGUMENT"


def cancel(request_id: bytes, signer: Signer = ALICE, nonce: int = 3) -> bytes:
    body = auction_pb2.CancelRequestRequestBody(nonce=nonce, request_id=request_id)
    return sealed(signer, body.SerializeToString())


async def test_a_requester_can_cancel_and_do_so_twice(room: Room) -> None:
    await room.register()
    reply = await room.request(proof_body(await room.upload_stdin(), Dialect.AUCTION))
    for _ in range(2):
        answer = await room.call("CancelRequest", cancel(reply.body.request_id))
        assert len(auction_pb2.CancelRequestResponse.FromString(answer).tx_hash) == 32
    status = await room.status(reply.body.request_id)
    assert status.fulfillment_status == types_pb2.UNFULFILLABLE


async def test_nobody_else_can_cancel(room: Room) -> None:
    await room.register()
    reply = await room.request(proof_body(await room.upload_stdin()))
    with pytest.raises(Refused) as refused:
        await room.call("CancelRequest", cancel(reply.body.request_id, BOB))
    assert refused.value.status == "PERMISSION_DENIED"


async def test_what_is_proved_cannot_be_cancelled(room: Room) -> None:
    await room.register()
    reply = await room.request(proof_body(await room.upload_stdin()))
    await room.prove()
    with pytest.raises(Refused) as refused:
        await room.call("CancelRequest", cancel(reply.body.request_id))
    assert refused.value.status == "FAILED_PRECONDITION"
