"""A store that each test has to itself, in every kind of database."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from support import postgres, stores
from support.postgres import Postgres
from support.stores import KEY, Databases, Room, opened

from sp1tee.store.s3_bucket import Bucket
from sp1tee.store.store import open_store


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run everything on both databases, but what is about one of them, or about none."""
    kinds = getattr(metafunc.module, "DATABASES", ("sqlite", "postgres"))
    metafunc.parametrize("database_kind", kinds, indirect=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    with postgres.running() as server:
        yield server


@pytest.fixture(scope="session")
def template(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database that is up to date: copying it is faster than bringing another one there."""
    name = postgres_server.create()

    async def prepare() -> None:
        url = postgres_server.url(name)
        data_dir = tmp_path_factory.mktemp("template")
        store = await open_store(data_dir=data_dir, master_key=KEY, database_url=url)
        await store.aclose()

    asyncio.run(prepare())
    postgres_server.sql("DELETE FROM vaults", name)
    return name


@pytest.fixture(autouse=True)
def database_kind(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where `opened` opens stores during this test."""
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        databases = Databases(server, request.getfixturevalue("template"))
    else:
        databases = Databases()
    with stores.using(databases):
        yield request.param


@pytest.fixture
async def room(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Room]:
    async with opened(tmp_path / "data") as room:
        yield room


@pytest.fixture(params=["files", "bucket"])
def bucket(request: pytest.FixtureRequest) -> Bucket | None:
    """Where the vault's sealed files are to lie: on the disk, then in a real bucket."""
    if request.param == "files":
        return None
    return request.getfixturevalue("s3").bucket()


@pytest.fixture
async def vault_room(
    tmp_path: Path, bucket: Bucket | None, anyio_backend: str
) -> AsyncIterator[Room]:
    async with opened(tmp_path / "data", bucket=bucket) as room:
        yield room
