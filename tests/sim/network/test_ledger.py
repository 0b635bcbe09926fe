"""The simulator's own books."""

import asyncio
import hashlib
import json

import pytest
from support.network_peer import VK_HASH, Peer, base_body, mock_core

from sp1tee.sim.network import BurnNonce, Entry, Kind, Ledger, SimNetwork
from sp1tee.wire.pb import artifact_pb2, types_pb2

pytestmark = pytest.mark.anyio


async def test_every_accepted_change_is_written_down(
    sim: SimNetwork, requester: Peer, fulfiller: Peer
):
    await requester.register()
    body = base_body()
    request_id = await requester.request(body)
    proof = types_pb2.FulfillProofRequestBody(request_id=request_id, proof=mock_core())
    await fulfiller.send("FulfillProof", proof)

    registered, requested, assigned, fulfilled = sim.ledger
    assert registered.kind is Kind.REGISTERED
    assert requested.call is not None
    assert requested.call.signer == requester.signer.address
    assert requested.call.nonce == 1
    assert requested.call.body_sha256 == hashlib.sha256(body.SerializeToString()).digest()
    assert (requested.request_id, requested.vk_hash) == (request_id, VK_HASH)
    assert (assigned.call, assigned.account) == (None, fulfiller.signer.address)
    assert fulfilled.call is not None
    assert fulfilled.call.signer == fulfiller.signer.address
    assert fulfilled.proof_sha256 == hashlib.sha256(mock_core()).digest()
    assert sim.ledger.about(request_id) == (requested, assigned, fulfilled)
    assert len(sim.ledger) == 4


async def test_every_nonce_that_was_used_up_is_accounted_for(
    sim: SimNetwork, requester: Peer, fulfiller: Peer
):
    await requester.register()
    await sim.inject(BurnNonce(address=requester.signer.address))
    stdin_uri = await requester.upload(artifact_pb2.PRIVATE_STDIN, b"an input")
    request_id = await requester.request(base_body(stdin_uri=stdin_uri, stdin_private=True))
    ask = types_pb2.GetStdinUriRequestBody(request_id=request_id)
    await requester.send("GetStdinUri", ask)
    await fulfiller.send("GetStdinUri", ask)

    used = [entry.call for entry in sim.ledger if entry.call]
    burnt = [entry.account for entry in sim.ledger.of(Kind.NONCE_BURNT)]
    for peer in (requester, fulfiller):
        account = peer.signer.address
        nonces = [call.nonce for call in used if call.signer == account]
        assert len(nonces) + burnt.count(account) == sim.nonce(account)
    assert len(sim.ledger.of(Kind.DISCLOSED, request_id)) == 2


async def test_a_waiter_wakes_with_the_entry_it_waits_for(sim: SimNetwork, requester: Peer):
    waiter = asyncio.create_task(sim.wait_for(lambda ledger: bool(ledger.of(Kind.REQUESTED))))
    await requester.register()
    assert not waiter.done()
    await requester.request(base_body())
    await waiter


async def test_what_holds_already_is_not_waited_for():
    await Ledger().wait_for(lambda ledger: not len(ledger))


async def test_a_cancelled_waiter_is_forgotten():
    ledger = Ledger()
    waiter = asyncio.create_task(ledger.wait_for(lambda _: False))
    await asyncio.sleep(0)
    waiter.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiter
    ledger.append(Entry(at=1.0, kind=Kind.EXPIRED))


def test_entries_become_json_with_hex_digits():
    ledger = Ledger()
    ledger.append(Entry(at=1.0, kind=Kind.FAILED, request_id=b"\xab" * 32, error=1))
    (entry,) = json.loads(ledger.to_json())
    assert entry["kind"] == "failed"
    assert entry["request_id"] == "ab" * 32
    assert entry["call"] is None
