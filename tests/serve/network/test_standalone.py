"""A server that is its own network, called as an SDK calls it."""

import pytest
from support.network_room import PROOF, Refused, a_room
from support.serving import ALICE, BOB, NOW, proof_body, real_program, sealed

from sp1tee.store.records import State
from sp1tee.wire.pb import types_pb2

pytestmark = pytest.mark.anyio


@pytest.fixture
async def room(tmp_path):
    async with a_room(tmp_path) as room:
        yield room


async def test_a_request_goes_all_the_way(room) -> None:
    program = await room.register()
    body = proof_body(await room.upload_stdin())
    reply = await room.request(body)
    assert len(reply.tx_hash) == len(reply.body.request_id) == 32
    waiting = await room.status(reply.body.request_id)
    assert waiting.fulfillment_status == types_pb2.ASSIGNED
    await room.prove()
    done = await room.status(reply.body.request_id)
    assert done.fulfillment_status == types_pb2.FULFILLED
    assert done.deadline == int(NOW) + 3600
    assert done.request_tx_hash == reply.tx_hash
