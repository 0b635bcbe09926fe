"""Requests put straight into a store, as many as wanted: asking for each would take hours."""

import asyncio
import time

from sp1tee.store.records import NewProgram, NewRequest, SealedBlob
from sp1tee.store.store import Store
from sp1tee.wire.pb import types_pb2

V6 = "sp1-v6.1.0"

_VK_HASH = b"\x07" * 32
_TOKEN = b"\x01" * 32
_REQUESTERS = 1_000
_AT_ONCE = 512


async def fill(store: Store, count: int) -> list[bytes]:
    """Requests of one program, by as many requesters as there may be, each with one input.

    Returns:
        Their ids.
    """
    await store.programs.register(_program(bytes(20)), await _sealed(store, "program"))
    requesters = [n.to_bytes(20, "big") for n in range(min(count, _REQUESTERS))]
    inputs = [await _input(store, requester) for requester in requesters]
    gate = asyncio.Semaphore(_AT_ONCE)

    async def accept(n: int) -> bytes:
        who = n % len(requesters)
        new = _request(n, requesters[who], inputs[who])
        async with gate:
            await store.requests.accept(new, queue=True)
        assert new.request_id is not None
        return new.request_id

    return await asyncio.gather(*(accept(n) for n in range(count)))


async def _input(store: Store, requester: bytes) -> str:
    made = await store.artifacts.create(
        "stdin",
        requester,
        uri=f"bench:{requester.hex()}",
        token_hash=_TOKEN,
        expires_at=time.time() + 3600,
    )
    await store.artifacts.uploaded(made.id, _TOKEN, await _sealed(store, "stdin"))
    return made.id


async def _sealed(store: Store, kind: str) -> SealedBlob:
    writer = await store.vault.writer(kind)
    await writer.write(b"bench")
    return await writer.finish()


def _program(owner: bytes) -> NewProgram:
    return NewProgram(vk_hash=_VK_HASH, vk=b"", uri="bench:program", owner=owner, created_at=0)


def _request(n: int, requester: bytes, stdin: str) -> NewRequest:
    return NewRequest(
        fingerprint=n.to_bytes(32, "big"),
        request_id=(n + 1).to_bytes(32, "big"),
        tx_hash=bytes(32),
        requester=requester,
        dialect="base",
        signature=bytes(65),
        body=bytes(150),
        vk_hash=_VK_HASH,
        program_owner=bytes(20),
        version=V6,
        mode=types_pb2.CORE,
        strategy=types_pb2.RESERVED,
        stdin_artifact=stdin,
        deadline=int(time.time()) + 4 * 3600,
        cycle_limit=0,
        gas_limit=0,
        nonce=n,
    )
