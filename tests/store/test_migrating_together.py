"""A database that others are at work on is brought up to date without stopping them."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from support.postgres import Postgres
from support.stores import KEY, Clock, Room

from sp1tee.store import migrations
from sp1tee.store.postgres.engine import connecting
from sp1tee.store.store import Store, open_store

pytestmark = pytest.mark.anyio
DATABASES = ("postgres",)

BEFORE = "0004"
"""The revision that a server of an older release works with."""
USE = text("SELECT count(*) FROM requests")


@pytest.fixture
def url(postgres_server: Postgres) -> str:
    return postgres_server.url(postgres_server.create())


@pytest.fixture
async def old(url: str, anyio_backend: str):
    """A connection of a server whose release knows the database as it was before."""
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connecting(url))
    await migrated_to(engine, BEFORE)
    async with engine.connect() as connection:
        yield connection
    await engine.dispose()


async def migrated_to(engine: AsyncEngine, revision: str) -> None:
    from alembic import command
    from alembic.config import Config

    def upgrade(connection: Connection) -> None:
        config = Config()
        assert migrations.__file__ is not None
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    async with engine.begin() as connection:
        await connection.run_sync(upgrade)


async def opened_at(url: str, data_dir: Path) -> Store:
    return await open_store(data_dir=data_dir, master_key=KEY, database_url=url, clock=Clock())


async def revision(connection: AsyncConnection) -> str:
    found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    await connection.commit()
    return str(found)


async def test_what_an_older_release_writes_afterwards_is_understood(
    url: str, old: AsyncConnection, tmp_path: Path
) -> None:
    assert await revision(old) == BEFORE
    store = await opened_at(url, tmp_path)
    try:
        assert await revision(old) == migrations.REVISIONS[-1]
        room = Room(store, Clock())
        upload = await room.upload()
        await old.execute(
            text(
                "INSERT INTO requests (key, fingerprint, requester, dialect, signature, body,"
                " vk_hash, program_owner, version, mode, strategy, stdin_artifact, deadline,"
                " cycle_limit, gas_limit, nonce, state, created_at, updated_at, attempts, stage,"
                " mock, told, tell_attempts) VALUES ('req_old', 'f', 'r', 'base', 's', 'b', 'v',"
                " 'o', 'sp1-v6.1.0', 4, 2, :input, 9999999999, 1, 1, 0, 'accepted', 1, 1, 0, 0,"
                " false, false, 0)"
            ),
            {"input": upload.id},
        )
        await old.commit()
        (record,) = await store.requests.open_records()
        assert (record.key, record.revision) == ("req_old", 0)
        assert (await store.requests.enqueue("req_old")).revision == 1
    finally:
        await store.aclose()


async def test_a_migration_waits_for_a_long_transaction_without_holding_others_up(
    url: str, old: AsyncConnection, tmp_path: Path
) -> None:
    await old.execute(USE)
    opening = asyncio.ensure_future(opened_at(url, tmp_path))
    other = create_async_engine("postgresql+asyncpg://", async_creator=connecting(url))
    try:
        async with other.connect() as connection:
            await until_waiting(connection, opening)
            # Whoever wants the table meanwhile gets it as soon as the migration yields.
            await connection.execute(USE)
            await connection.commit()
        assert not opening.done()
        await old.commit()
        await (await opening).aclose()
        assert await revision(old) == migrations.REVISIONS[-1]
    finally:
        await other.dispose()


async def test_a_migration_outlasts_a_server_that_stands_still(
    url: str, old: AsyncConnection, tmp_path: Path
) -> None:
    # Longer than calls are waited for, and shorter than servers may really stand still.
    stuck = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connecting(url, idle_in_transaction_session_timeout="9s"),
    )
    async with stuck.connect() as connection:
        await connection.execute(USE)
        await (await opened_at(url, tmp_path)).aclose()
        await connection.invalidate()
    await stuck.dispose()
    assert await revision(old) == migrations.REVISIONS[-1]


async def until_waiting(connection: AsyncConnection, opening: "asyncio.Task[Store]") -> None:
    """Wait until the migration waits for a table."""
    blocked = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    while not await connection.scalar(blocked):
        await connection.commit()
        assert not opening.done()
    await connection.commit()


async def test_servers_that_start_together_migrate_once(url: str, tmp_path: Path) -> None:
    stores = await asyncio.gather(*(opened_at(url, tmp_path) for _ in range(3)))
    try:
        (name,) = {(tmp_path / "blobs" / "vault-id").read_text()}
        assert name.startswith("vault_")
        record = await Room(stores[0], Clock()).accepted()
        assert await stores[2].requests.by_key(record.key) == record
    finally:
        for store in stores:
            await store.aclose()


async def test_the_migrations_make_the_tables_of_the_schema(
    url: str, old: AsyncConnection, postgres_server: Postgres
) -> None:
    from sp1tee.store import schema

    engine = create_async_engine("postgresql+asyncpg://", async_creator=connecting(url))
    await migrated_to(engine, "head")
    await engine.dispose()
    made = postgres_server.url(postgres_server.create())
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connecting(made))
    async with engine.begin() as connection:
        await connection.run_sync(schema.metadata.create_all)
        expected = await connection.run_sync(described)
    await engine.dispose()
    assert await old.run_sync(described) == expected


def described(connection: Connection) -> list[tuple[str, ...]]:
    """Every column and index, in no order of columns."""
    columns = connection.execute(
        text(
            "SELECT table_name, column_name, data_type, is_nullable, column_default"
            " FROM information_schema.columns WHERE table_schema = 'public'"
            " AND table_name <> 'alembic_version'"
        )
    )
    indexes = connection.execute(
        text(
            "SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public'"
            " AND tablename <> 'alembic_version'"
        )
    )
    return sorted(tuple(map(str, row)) for row in [*columns, *indexes])
