"""What is left of what was erased.

In SQLite nothing is. PostgreSQL has no way to do that: see "Several servers" in docs/operations.md.
"""

import pytest
from support.stores import Room, written

pytestmark = pytest.mark.anyio
DATABASES = ("sqlite",)


async def test_an_erased_key_leaves_no_trace_in_the_database_s_files(room: Room) -> None:
    leased = await room.leased()
    assert leased.stdin.blob is not None
    row = await room.store.vault._keys.key_of(leased.stdin.blob)
    assert row is not None
    assert row.wrapped_key in written(room)

    await room.store.requests.cancel(leased.record.key, "not needed any more")
    await room.store.requests.sweep()

    assert row.wrapped_key not in written(room)
