"""What time does, done whether or not anybody calls."""

import asyncio
from pathlib import Path

import pytest
from support.network_room import Room, a_room, seal
from support.serving import Clock, proof_body

from sp1tee.errors import StoreUnavailable
from sp1tee.serve import sweeper
from sp1tee.serve.sweeper import Sweeper
from sp1tee.store.records import State

pytestmark = pytest.mark.anyio


async def test_a_lost_lease_returns_to_the_queue(tmp_path: Path) -> None:
    clock = Clock()
    async with a_room(tmp_path, clock=clock, run=True) as room:
        await room.register()
        await room.request(proof_body(await room.upload_stdin()))
        await room.lease()
        clock.pass_by(31)
        again = await room.until(lambda record: record.state is State.QUEUED)
    assert again.attempts == 1


async def test_files_that_nothing_names_are_removed(tmp_path: Path) -> None:
    clock = Clock()
    async with a_room(tmp_path, clock=clock) as room:
        left = await seal(room.store, "stdin", b"left behind")
        assert any(left.id in path.name for path in blobs(room))
        clock.pass_by(86_400)
        await Sweeper(room.store)._sweep(files=True)
        assert not any(left.id in path.name for path in blobs(room))


def blobs(room: Room) -> list[Path]:
    root: Path = room.store._ground.shelf.directory
    return [path for path in root.rglob("*") if path.is_file()]


async def test_a_store_that_stutters_does_not_stop_the_sweeping(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sweeper, "EVERY_S", 0)
    swept_again = asyncio.Event()

    class Requests:
        tried = 0

        async def sweep(self) -> list[object]:
            self.tried += 1
            if self.tried == 1:
                raise StoreUnavailable("The disk is slow.")
            swept_again.set()
            return []

    class Vault:
        async def sweep(self) -> int:
            return 1

    class Store:
        requests, vault = Requests(), Vault()

    sweeping = asyncio.create_task(Sweeper(Store()).run())  # type: ignore[arg-type]
    async with asyncio.timeout(20):
        await swept_again.wait()
    sweeping.cancel()
    await asyncio.gather(sweeping, return_exceptions=True)
