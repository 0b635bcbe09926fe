"""The writing thread: shared commits, separate fates, and going on after the disk failed."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, insert
from support.stores import ALICE, BOB, Room

from sp1tee.errors import StateConflict, StoreError, StoreFull, StoreUnavailable
from sp1tee.store.nonces import move_nonce
from sp1tee.store.schema import vaults
from sp1tee.store.writer import Tx

pytestmark = pytest.mark.anyio
DATABASES = ("sqlite",)


async def blocked(room: Room) -> tuple["asyncio.Future[None]", Callable[[], None]]:
    """Keep the thread busy until released: what is asked meanwhile shares one transaction."""
    begun, release = threading.Event(), threading.Event()

    def wait(_: Tx) -> None:
        begun.set()
        release.wait()

    busy = asyncio.ensure_future(room.store._writer.run(wait))
    await asyncio.to_thread(begun.wait)
    return busy, release.set


def commits(room: Room) -> list[int]:
    seen: list[int] = []
    event.listen(room.store._database.writing, "commit", lambda _: seen.append(1))
    return seen


def allow_pages(tx: Tx, extra: int) -> None:
    """Let the database grow by so many pages only: beyond, SQLite says that the disk is full."""
    pages = tx.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    tx.connection.exec_driver_sql(f"PRAGMA max_page_count={pages + extra}")


def grow(tx: Tx) -> None:
    tx.connection.exec_driver_sql("UPDATE vaults SET key_check = ?", (b"v" * 100_000,))


async def test_callers_that_wait_together_share_one_commit(room: Room) -> None:
    news = [await room.new() for _ in range(20)]
    seen = commits(room)
    busy, release = await blocked(room)
    accepting = [asyncio.ensure_future(room.store.requests.accept(n, queue=True)) for n in news]
    await asyncio.sleep(0)
    release()
    await busy
    await asyncio.gather(*accepting)
    assert len(seen) == 2
    assert len(await room.store.requests.open_records()) == 20


async def test_a_refused_change_undoes_only_itself(room: Room) -> None:
    def refused(tx: Tx) -> None:
        move_nonce(tx, BOB, 99)
        raise StateConflict("no")

    busy, release = await blocked(room)
    good = asyncio.ensure_future(room.store.nonces.advance(ALICE, 1))
    bad = asyncio.ensure_future(room.store._writer.run(refused))
    last = asyncio.ensure_future(room.store.nonces.advance(BOB, 2))
    await asyncio.sleep(0)
    release()
    await asyncio.gather(busy, good, last)
    with pytest.raises(StateConflict):
        await bad
    assert await room.store.nonces.get(ALICE) == 1
    assert await room.store.nonces.get(BOB) == 2


async def test_a_bug_in_a_change_is_told_without_its_values(room: Room) -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    def broken(tx: Tx) -> None:
        move_nonce(tx, b"SECRET", 1)
        tx.connection.execute(insert(vaults), {"id": "SECRET", "key_check": None})

    with pytest.raises(StoreError, match="a bug of sp1tee") as caught:
        await room.store._writer.run(broken)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None
    (report,) = reported
    assert "NOT NULL" in str(report["exception"])
    assert "SECRET" not in str(report["exception"])
    assert await room.store.nonces.get(b"SECRET") == 0


async def test_when_the_disk_is_full_everyone_is_told_and_nothing_happened(room: Room) -> None:
    await room.store._writer.run(allow_pages, 0)
    busy, release = await blocked(room)
    good = asyncio.ensure_future(room.store.nonces.advance(ALICE, 1))
    full = asyncio.ensure_future(room.store._writer.run(grow))
    await asyncio.sleep(0)
    release()
    await busy
    for shared in (good, full):
        with pytest.raises(StoreFull):
            await shared
    assert await room.store.nonces.get(ALICE) == 0


async def test_once_there_is_space_again_the_store_goes_on(room: Room) -> None:
    await room.program()
    waiting = await room.new()
    await room.store._writer.run(allow_pages, 0)
    with pytest.raises(StoreFull):
        await room.store._writer.run(grow)
    await room.store._writer.run(allow_pages, 10_000)

    record, fresh = await room.store.requests.accept(waiting, queue=True)

    assert fresh
    assert (await room.lease()).record.key == record.key


async def test_a_change_goes_on_without_the_caller_who_left(room: Room) -> None:
    new = await room.new()
    room.heard.clear()
    busy, release = await blocked(room)
    leaving = asyncio.ensure_future(room.store.requests.accept(new, queue=True))
    await asyncio.sleep(0)
    leaving.cancel()
    release()
    await busy
    await room.store.nonces.advance(ALICE, 1)
    (record,) = room.heard
    assert record.fingerprint == new.fingerprint
    assert await room.again(record) == record


async def test_closing_finishes_what_waits(room: Room) -> None:
    new = await room.new()
    busy, release = await blocked(room)
    waiting = asyncio.ensure_future(room.store.requests.accept(new, queue=True))
    await asyncio.sleep(0)
    release()
    await room.store._writer.aclose()
    await busy
    assert (await waiting)[1]
    with pytest.raises(StoreUnavailable):
        await room.store.nonces.advance(ALICE, 1)


async def test_the_store_can_say_that_it_is_well(room: Room) -> None:
    await room.store.check()
