"""Opening a store: made once, migrated, locked, and refused where something does not fit."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, create_engine, inspect
from support.stores import KEY, Clock, opened

from sp1tee.errors import (
    ConfigError,
    StoreError,
    StoreInUse,
    StoreMismatch,
    StoreTooNew,
    StoreUnavailable,
    WrongVaultKeyError,
)
from sp1tee.store import migrations, schema
from sp1tee.store.master_key import MasterKey
from sp1tee.store.store import open_store

pytestmark = pytest.mark.anyio
DATABASES = ("sqlite",)


async def test_what_was_stored_is_there_after_reopening(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock) as room:
        leased = await room.leased()
    async with opened(tmp_path, clock) as room:
        assert await room.again(leased.record) == leased.record
        assert leased.stdin.blob is not None
        assert await room.read(leased.stdin.blob) == b"an input"
        assert await room.store.requests.beat(leased.lease_id, leased.token, 4, 30)


async def test_files_are_their_owner_s_only(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    async with opened(data_dir) as room:
        await room.upload()
        paths = [data_dir, *data_dir.rglob("*")]
        assert len(paths) > 8
        for path in paths:
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


async def test_two_servers_cannot_share_a_directory(tmp_path: Path) -> None:
    async with opened(tmp_path):
        with pytest.raises(StoreInUse):
            await open_store(data_dir=tmp_path, master_key=KEY)
    async with opened(tmp_path):
        pass


async def test_the_wrong_vault_key_is_refused_with_advice(tmp_path: Path) -> None:
    async with opened(tmp_path) as room:
        blob = (await room.upload()).blob
    with pytest.raises(WrongVaultKeyError) as caught:
        await open_store(data_dir=tmp_path, master_key=MasterKey(b"x" * 32))
    assert "no other reads it" in caught.value.advice
    async with opened(tmp_path) as room:
        assert blob is not None
        assert await room.read(blob) == b"an input"


async def test_a_vault_of_another_database_is_not_swept_but_refused(tmp_path: Path) -> None:
    data_dir, other = tmp_path / "data", f"sqlite:///{tmp_path / 'other.db'}"
    async with opened(data_dir) as room:
        blob = (await room.upload()).blob
    with pytest.raises(StoreMismatch):
        await open_store(data_dir=data_dir, master_key=KEY, database_url=other)
    async with opened(data_dir) as room:
        assert blob is not None
        assert await room.read(blob) == b"an input"


@pytest.mark.parametrize("name", [b"", b"vault_other", b"\xff\xfe"])
async def test_a_vault_with_another_name_on_it_is_refused(tmp_path: Path, name: bytes) -> None:
    async with opened(tmp_path):
        pass
    (tmp_path / "blobs" / "vault-id").write_bytes(name)
    with pytest.raises(StoreMismatch):
        await open_store(data_dir=tmp_path, master_key=KEY)


async def test_a_crash_between_database_and_directory_is_mended(tmp_path: Path) -> None:
    async with opened(tmp_path):
        pass
    (tmp_path / "blobs" / "vault-id").unlink()
    async with opened(tmp_path):
        assert (tmp_path / "blobs" / "vault-id").exists()


async def test_the_database_may_live_elsewhere(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    store = await open_store(data_dir=tmp_path / "data", master_key=KEY, database_url=url)
    await store.aclose()
    assert (tmp_path / "elsewhere.db").exists()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///x?mode=ro",
    ],
)
async def test_a_database_this_release_does_not_speak_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError):
        await open_store(data_dir=tmp_path, master_key=KEY, database_url=url)


async def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable, match="Opening the store"):
        await open_store(data_dir=tmp_path / "file" / "data", master_key=KEY)


async def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "store.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(Exception, match="NOTADB") as caught:
        await open_store(data_dir=tmp_path, master_key=KEY)
    assert isinstance(caught.value, StoreError)


async def test_a_newer_release_s_database_is_refused(tmp_path: Path) -> None:
    async with opened(tmp_path):
        pass
    engine = create_engine(f"sqlite:///{tmp_path / 'store.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(StoreTooNew, match="9999"):
        await open_store(data_dir=tmp_path, master_key=KEY)


def objects(connection: Connection) -> dict[str, list[str]]:
    """Every table and index, as the parts of its SQL in no order."""
    rows = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'alembic%'"
    )
    return {
        name: sorted(part.strip("( )") for part in " ".join(sql.split()).split(", "))
        for name, sql in rows
    }


async def test_the_migrations_make_the_tables_of_the_schema(tmp_path: Path) -> None:
    async with opened(tmp_path) as room:
        migrated = await room.store._reader.now(objects)
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        schema.metadata.create_all(connection)
        assert migrated == objects(connection)
        assert "requests_queue" in {i["name"] for i in inspect(connection).get_indexes("requests")}
    engine.dispose()


def test_every_migration_is_listed() -> None:
    from alembic.script import ScriptDirectory

    assert migrations.__file__ is not None
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert (
        tuple(s.revision for s in reversed(list(scripts.walk_revisions()))) == migrations.REVISIONS
    )


def test_a_start_with_nothing_to_migrate_leaves_alembic_alone(tmp_path: Path) -> None:
    script = f"""
import asyncio, sys
from pathlib import Path
from sp1tee.store.master_key import MasterKey
from sp1tee.store.store import open_store
async def main():
    store = await open_store(data_dir=Path({str(tmp_path)!r}), master_key=MasterKey(bytes(32)))
    await store.aclose()
asyncio.run(main())
print("alembic" in sys.modules)
"""
    said = [
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
        for _ in range(2)
    ]
    assert [answer.stdout for answer in said] == ["True\n", "False\n"]
