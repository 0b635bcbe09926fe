"""A database of an older release is brought up to date where it is, with all that waits in it.

`tests/data/store/revision-0001.tar.gz` is a data directory that the release with that revision
wrote (`names.json` beside it says what is in it): a settled request, one leased for the second time,
three of Alice's and one of Bob's queued.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.stores import Room, opened

from sp1tee.store import migrations
from sp1tee.store.records import State

pytestmark = pytest.mark.anyio
DATABASES = ("sqlite",)

OLD = Path(__file__).parents[1] / "data" / "store" / "revision-0001.tar.gz"


@pytest.fixture
async def old(tmp_path: Path, anyio_backend: str) -> AsyncIterator[tuple[Room, dict[str, Any]]]:
    await anyio.run_process(["tar", "-xzf", str(OLD), "-C", str(tmp_path)])
    async with opened(tmp_path / "data") as room:
        yield room, json.loads((tmp_path / "data" / "names.json").read_text())


async def test_the_newest_revision_is_reached(old: tuple[Room, dict[str, Any]]) -> None:
    room, _ = old
    revision = await room.store._reader.now(migrations._revision)
    assert revision == migrations.REVISIONS[-1]


async def test_what_was_queued_is_leased_in_turns(old: tuple[Room, dict[str, Any]]) -> None:
    room, names = old
    a, b = names["alice"], names["bob"]
    keys = [(await room.lease()).record.key for _ in range(4)]
    assert keys == [a[0], b[0], a[1], a[2]]


async def test_inputs_can_still_be_read(old: tuple[Room, dict[str, Any]]) -> None:
    room, _ = old
    leased = await room.lease()
    assert leased.stdin.blob is not None
    assert await room.read(leased.stdin.blob) == b"an input"


async def test_a_lease_from_before_goes_on(old: tuple[Room, dict[str, Any]]) -> None:
    room, names = old
    lease_id, token = names["lease"][0], bytes.fromhex(names["lease"][1])
    assert await room.store.requests.beat(lease_id, token, 4, 30)
    record = await room.store.requests.finish(lease_id, token, await room.result(), settle=True)
    assert (record.key, record.state) == (names["leased"], State.SETTLED)


async def test_what_had_ended_is_as_it_was(old: tuple[Room, dict[str, Any]]) -> None:
    room, names = old
    record = await room.store.requests.by_key(names["settled"])
    assert record is not None
    assert record.state is State.SETTLED
    assert record.proof_blob is not None
    assert await room.read(record.proof_blob) == b"a proof"
