"""A network half in front of a simulated Prover Network."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sp1tee.sim.network import SimNetwork, SimSettings
from sp1tee.wire.mock_proof import mock_proof
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.signing import Signer
from sp1tee.wire.versions import Family
from support.network_room import Room, a_room
from support.serving import Clock, proof_body, real_program
from support.wire_data import SAMPLE_VK_HASH

SERVER_KEY = Signer.from_bytes(b"\x5e" * 32)
PUBLIC_VALUES = b"what the program revealed"
PROOF = mock_proof(Mode.CORE, Family.V6, SAMPLE_VK_HASH, PUBLIC_VALUES).encode_network()


@asynccontextmanager
async def a_network(clock: Clock, **settings: Any) -> AsyncIterator[SimNetwork]:
    """A simulated network that assigns reserved requests to the server, with one program."""
    given = {"fulfiller": SERVER_KEY.address} | settings
    program = real_program()
    async with SimNetwork(SimSettings(**given), clock=clock) as network:
        network.put_program(program.vk_hash, program.vk, program.upload)
        yield network


@asynccontextmanager
async def in_front_of(
    network: SimNetwork, directory: Path, *, clock: Clock, **settings: Any
) -> AsyncIterator[Room]:
    given = {
        "network": "upstream",
        "upstream_url": network.url,
        "fulfiller_key": (b"\x5e" * 32).hex(),
        "program_sources": [f"{network.artifacts_url}/"],
        "run": True,
    } | settings
    async with a_room(directory, clock=clock, **given) as room:
        yield room


async def core_body(room: Room, *args: Any, **changes: Any) -> bytes:
    """A body with the next nonce, for a kind of proof that can be imitated."""
    uri = await room.upload_stdin()
    given = {"mode": types_pb2.CORE, "nonce": await room.nonce()}
    return proof_body(uri, *args, **(given | changes))
