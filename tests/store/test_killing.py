"""SIGKILL at any moment: what was acknowledged is there, once, and nothing settles twice."""

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from support.stores import DATABASE_URL, EVERYTHING, TTL, Room, database_url, opened

from sp1tee.store.records import OPEN_STATES, RequestFilter, RequestRecord, State

pytestmark = pytest.mark.anyio

# Each line that a child prints acknowledges one call that has returned.
ACCEPTING = """
import asyncio, os, sys
from pathlib import Path
from support.stores import opened

async def caller(room):
    while True:
        upload = await room.upload()
        new = room.for_input(fingerprint=os.urandom(32), stdin_artifact=upload.id)
        record, fresh = await room.store.requests.accept(new, queue=True)
        os.write(1, f"{record.key} {new.fingerprint.hex()}\\n".encode())

async def main():
    async with opened(Path(sys.argv[1])) as room:
        await room.program()
        await asyncio.gather(*(caller(room) for _ in range(8)))

asyncio.run(main())
"""

SETTLING = """
import asyncio, os, sys
from pathlib import Path
from support.stores import opened, EVERYTHING, TTL

async def worker(room, name):
    while (leased := await room.store.requests.lease(name, EVERYTHING, TTL)) is not None:
        record = await room.finish(leased)
        os.write(1, f"proved {record.key} {record.proof_blob}\\n".encode())
        record = await room.store.requests.settled(record.key, os.urandom(32))
        os.write(1, f"settled {record.key} {record.fulfill_tx_hash.hex()}\\n".encode())

async def main():
    async with opened(Path(sys.argv[1])) as room:
        await asyncio.gather(*(worker(room, f"gpu-{n}") for n in range(8)))

asyncio.run(main())
"""


def killed(script: str, data_dir: Path, after: int) -> list[list[str]]:
    """Run a child, kill it once it has acknowledged so many calls, and return all it said."""
    child = subprocess.Popen(
        [sys.executable, "-c", script, data_dir],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **where(data_dir)},
    )
    assert child.stdout is not None
    with child, child.stdout as said:
        lines = [said.readline() for _ in range(after)]
        child.send_signal(signal.SIGKILL)
        # What is in the pipe by now was acknowledged, too; a line that was cut was not.
        lines += said.readlines()
    assert child.returncode == -signal.SIGKILL
    return [line.split() for line in lines if line.endswith("\n")]


def where(data_dir: Path) -> dict[str, str]:
    """Tell a child where this package of tests is, and its database."""
    tests = str(Path(__file__).parents[1])
    paths = os.pathsep.join(filter(None, (tests, os.environ.get("PYTHONPATH"))))
    url = database_url(data_dir)
    return {"PYTHONPATH": paths} | ({DATABASE_URL: url} if url else {})


@pytest.mark.parametrize("seed", range(3))
async def test_every_acknowledged_request_is_there_once(tmp_path: Path, seed: int) -> None:
    after = random.Random(seed).randrange(1, 60)
    acknowledged = killed(ACCEPTING, tmp_path, after)
    assert len(acknowledged) >= after

    async with opened(tmp_path) as room:
        records = await room.store.requests.open_records()
        assert all(record.state in OPEN_STATES for record in records)
        kept = Counter((record.key, record.fingerprint.hex()) for record in records)
        assert all(kept[key, fingerprint] == 1 for key, fingerprint in acknowledged)
        # Only calls that were under way when it died may have been kept without a word.
        assert len(records) - len(acknowledged) <= 8
        for record in records:
            artifact = await room.store.artifacts.get(record.stdin_artifact)
            assert artifact is not None
            assert artifact.blob is not None
            assert await room.read(artifact.blob) == b"an input"


@pytest.mark.parametrize("seed", range(3))
async def test_every_acknowledged_proof_is_there_and_settles_once(
    tmp_path: Path, seed: int
) -> None:
    async with opened(tmp_path) as room:
        keys = [(await room.bound()).key for _ in range(40)]
    acknowledged = killed(SETTLING, tmp_path, random.Random(seed).randrange(1, 40))

    async with opened(tmp_path) as room:
        for what, key, value in acknowledged:
            record = await room.store.requests.by_key(key)
            assert record is not None
            if what == "settled":
                assert (record.state, record.fulfill_tx_hash) == (
                    State.SETTLED,
                    bytes.fromhex(value),
                )
            else:
                assert record.state in {State.PROVED, State.SETTLED}
                assert record.proof_blob == value
                assert await room.read(value) == b"a proof"
        done_before = {r.key for r in await find_settled(room)}
        await finish_the_rest(room)
        settled = await find_settled(room)
        assert sorted(record.key for record in settled) == sorted(keys)
        assert done_before <= {record.key for record in settled}
        assert Counter(r.key for r in room.heard if r.state is State.SETTLED) == Counter(
            set(keys) - done_before
        )


async def find_settled(room: Room) -> list[RequestRecord]:
    return await room.store.requests.find(RequestFilter(states=frozenset({State.SETTLED})))


async def finish_the_rest(room: Room) -> None:
    """Go on where the killed process stopped: its leases run out, its proofs are told."""
    room.clock.forward(TTL)
    await room.store.requests.sweep()
    while (leased := await room.store.requests.lease("gpu-9", EVERYTHING, TTL)) is not None:
        await room.finish(leased)
    for proved in await room.store.requests.outbox(100):
        await room.store.requests.settled(proved.key, None)
