"""A disk that is really full: a small tmpfs, or a limit on file sizes."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.stores import Clock, Room, opened

from sp1tee.errors import StoreFull
from sp1tee.store.erasing import keep_blob

pytestmark = pytest.mark.anyio
DATABASES = ("sqlite",)
MIB = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", tmp_path],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("mounting a tmpfs needs root in a namespace of its own")
    try:
        yield tmp_path
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def stored(room: Room) -> list[Path]:
    return list(room.store._ground.shelf.directory.glob("*/*_*"))


async def test_a_blob_that_does_not_fit_leaves_nothing_behind(small_disk: Path) -> None:
    async with opened(small_disk) as room:
        writer = await room.store.vault.writer("stdin")
        with pytest.raises(StoreFull) as caught:
            await writer.write(bytes(20 * MIB))
        assert "Free space" in caught.value.advice
        assert stored(room) == []
        fits = await room.seal(b"small")
        await room.store._writer.run(keep_blob, fits)
        assert await room.read(fits.id) == b"small"


async def test_a_blob_s_last_chunk_that_does_not_fit_leaves_nothing_behind(
    small_disk: Path,
) -> None:
    async with opened(small_disk) as room:
        (small_disk / "filler").write_bytes(bytes(free(small_disk) - 16_384))
        writer = await room.store.vault.writer("stdin")
        await writer.write(bytes(MIB // 2))
        with pytest.raises(StoreFull):
            await writer.finish()
        assert stored(room) == []


async def test_the_database_on_a_full_disk_refuses_and_goes_on_when_there_is_space(
    small_disk: Path,
) -> None:
    async with opened(small_disk, Clock()) as room:
        new = await room.new()
        filler = small_disk / "filler"
        filler.write_bytes(bytes(free(small_disk)))
        with pytest.raises(StoreFull):
            await many_changes(room)
        with pytest.raises(StoreFull):
            await room.store.check()
        assert await room.store.requests.open_records() == []

        filler.unlink()

        record, fresh = await room.store.requests.accept(new, queue=True)
        assert fresh
        assert await room.again(record) == record
        await room.store.check()


async def many_changes(room: Room) -> None:
    for number in range(10_000):
        await room.store.nonces.advance(number.to_bytes(20), 1)


def free(path: Path) -> int:
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def test_a_limit_on_file_sizes_counts_as_a_full_disk(tmp_path: Path) -> None:
    """Needs no root: RLIMIT_FSIZE makes writes fail with EFBIG."""
    script = f"""
import asyncio, resource
from pathlib import Path
from sp1tee.errors import StoreFull
from sp1tee.store.master_key import MasterKey
from sp1tee.store.store import open_store

async def main():
    store = await open_store(data_dir=Path({str(tmp_path)!r}), master_key=MasterKey(bytes(32)))
    resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, resource.RLIM_INFINITY))
    writer = await store.vault.writer("stdin")
    try:
        for _ in range(20):
            await writer.write(bytes(1 << 20))
    except StoreFull as error:
        print(error.code)
    print([p.name for p in Path({str(tmp_path)!r}).glob("blobs/*/*_*")])
    await store.aclose()

asyncio.run(main())
"""
    said = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert said.stdout == "SP1TEE-S002\n[]\n"
