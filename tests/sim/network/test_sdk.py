"""The unmodified Rust SDK takes the simulator for a Prover Network."""

import asyncio

import pytest
from support.native_programs import sdk_program
from support.network_peer import Peer, mock_core
from support.wire_data import DATA, SAMPLE_PUBLIC_VALUES, SAMPLE_VK_HASH, key, real_proof

from sp1tee.sim.network import Kind, SimNetwork, SimSettings
from sp1tee.wire.pb import auction_pb2, types_pb2

pytestmark = [pytest.mark.anyio, pytest.mark.sdk]

PATIENCE_S = 120


@pytest.fixture
async def network() -> SimNetwork:
    """A network in real time, as the SDK computes deadlines from the clock of this machine."""
    sdk_program()
    async with SimNetwork(SimSettings(fulfiller=key("test_key_2").address)) as sim:
        yield sim


async def prove(dialect: str, url: str, mode: str) -> str:
    """Run the SDK's `prove()` of the sample program and return what it says."""
    sample = DATA / "proofs" / "solvency-sample"
    process = await asyncio.create_subprocess_exec(
        sdk_program(),
        dialect,
        url,
        f"{sample}.elf",
        f"{sample}.stdin",
        mode,
        str(PATIENCE_S),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return output.decode()


async def serve_one(network: SimNetwork, dialect: str, proof: bytes) -> None:
    """Be the fulfiller of one request."""
    await network.wait_for(lambda ledger: bool(ledger.of(Kind.ASSIGNED)))
    (assigned,) = network.ledger.of(Kind.ASSIGNED)
    assert assigned.request_id is not None
    async with Peer(network.url, key("test_key_2")) as fulfiller:
        if dialect != "mainnet":
            body = types_pb2.FulfillProofRequestBody(request_id=assigned.request_id, proof=proof)
        else:
            body = auction_pb2.FulfillProofRequestBody(
                request_id=assigned.request_id,
                proof=proof,
                domain=network.settings.auction.domain,
                variant=types_pb2.FULFILL_VARIANT,
            )
        await fulfiller.send("FulfillProof", body)


@pytest.mark.parametrize("dialect", ["reserved", "private-stdin", "mainnet"])
async def test_the_sdk_gets_the_proof_that_was_handed_in(network: SimNetwork, dialect: str):
    proof = mock_core(SAMPLE_PUBLIC_VALUES, SAMPLE_VK_HASH)
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as both:
        said = both.create_task(prove(dialect, network.url, "core"))
        both.create_task(serve_one(network, dialect, proof))
    assert "version v6.1.0" in said.result()
    assert f"public_values {SAMPLE_PUBLIC_VALUES.hex()}" in said.result()


async def test_the_sdk_verifies_a_real_proof_from_the_network(network: SimNetwork):
    async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as both:
        said = both.create_task(prove("reserved", network.url, "compressed"))
        both.create_task(serve_one(network, "reserved", real_proof("compressed")))
    assert "\nverified" in said.result()
