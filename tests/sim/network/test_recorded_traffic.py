"""What the unmodified Rust SDKs sent is accepted, byte for byte and with its own signatures.

Each call is replayed on a network that is in the state it was made for: the recorder told nonce 7
every time, knew no program, and gave out request id 08…08.
"""

from typing import Any

import pytest
from support.network_peer import VK, Clock, Peer, Refused
from support.wire_data import RECORDINGS, recorded_requests, recording

from sp1tee.sim.network import (
    AuctionParams,
    BurnNonce,
    Kind,
    SimNetwork,
    SimSettings,
)
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.signing import Address, Signer, keccak256

pytestmark = pytest.mark.anyio

SIGNER = Signer.from_hex("11" * 32)
RECORDED_NONCE = 7
RECORDED_AT = 1_795_000_000.0


def twenty(byte: int) -> Address:
    return Address(bytes([byte]) * 20)


@pytest.fixture
def settings() -> SimSettings:
    """The recorder's parameters; SDK 6 adds a fifth to the price it is told."""
    recorded = AuctionParams(
        domain=b"\x11" * 32,
        auctioneer=twenty(2),
        executor=twenty(3),
        verifier=twenty(4),
        treasury=twenty(5),
    )
    return SimSettings(fulfiller=twenty(6), auction=recorded)


@pytest.fixture
async def sim(settings: SimSettings) -> Any:
    """A network whose random bytes are all 08, as the recorder's were."""
    async with SimNetwork(
        settings, clock=Clock(RECORDED_AT), entropy=lambda size: b"\x08" * size
    ) as network:
        await network.inject(BurnNonce(address=SIGNER.address, times=RECORDED_NONCE))
        yield network


@pytest.fixture
async def replayer(sim: SimNetwork) -> Any:
    async with Peer(sim.url, SIGNER) as peer:
        yield peer


def request_body(name: str) -> types_pb2.RequestProofRequestBody:
    (envelope,) = recorded_requests(name, "RequestProof")
    body = types_pb2.SignedRequest.FromString(envelope).body
    return types_pb2.RequestProofRequestBody.FromString(body)


@pytest.mark.parametrize("name", RECORDINGS)
async def test_a_recorded_registration_is_accepted(sim: SimNetwork, replayer: Peer, name: str):
    for envelope in recorded_requests(name, "CreateProgram"):
        await replayer.send_raw("CreateProgram", envelope)
    (entry,) = sim.ledger.of(Kind.REGISTERED)
    assert entry.call is not None
    assert (entry.call.signer, entry.call.nonce) == (SIGNER.address, RECORDED_NONCE)
    assert entry.vk_hash == request_body(name).vk_hash


@pytest.mark.parametrize("name", [n for n in RECORDINGS if "private" not in n])
async def test_a_recorded_request_is_accepted(sim: SimNetwork, replayer: Peer, name: str):
    sim.put_program(request_body(name).vk_hash, VK, b"program")
    (envelope,) = recorded_requests(name, "RequestProof")
    reply = types_pb2.RequestProofResponse.FromString(
        await replayer.send_raw("RequestProof", envelope)
    )
    (entry,) = sim.ledger.of(Kind.REQUESTED)
    assert entry.call is not None
    assert entry.call.signer == SIGNER.address
    assert entry.request_id == reply.body.request_id

    body = types_pb2.SignedRequest.FromString(envelope).body
    mainnet = keccak256(SIGNER.address, body)
    assert reply.body.request_id == (mainnet if "mainnet" in name else b"\x08" * 32)


async def test_a_recorded_private_request_is_refused_for_its_place_alone(
    sim: SimNetwork, replayer: Peer
):
    """The recorder had put the input where no private one may be; everything else is right."""
    name = "6.10.0/private-stdin"
    sim.put_program(request_body(name).vk_hash, VK, b"program")
    (envelope,) = recorded_requests(name, "RequestProof")
    with pytest.raises(Refused, match="private stdin must be under private-stdins/"):
        await replayer.send_raw("RequestProof", envelope)


@pytest.mark.parametrize("name", RECORDINGS)
async def test_recorded_artifacts_are_placed(replayer: Peer, name: str):
    place = replayer.channel.unary_unary("/artifact.ArtifactStore/CreateArtifact")
    for ask in recorded_requests(name, "CreateArtifact"):
        assert b"X-Sim-Signature" in await place(ask)


@pytest.mark.parametrize("name", [n for n in RECORDINGS if "private" not in n])
async def test_recorded_questions_are_answered(sim: SimNetwork, replayer: Peer, name: str):
    sim.put_program(request_body(name).vk_hash, VK, b"program")
    for envelope in recorded_requests(name, "RequestProof"):
        await replayer.send_raw("RequestProof", envelope)
    questions = [
        call
        for call in recording(name)["rpcs"]
        if "/Get" in call["method"] and not ("mainnet" in name and "Status" in call["method"])
    ]
    for call in questions:
        method = call["method"].rpartition("/")[2]
        assert await replayer.send_raw(method, bytes.fromhex(call["request"]))
