"""Artifacts in a real Redis, as sp1-cluster's own workers find and leave them."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from support.cluster import ClusterStandIn, proves
from support.cluster_tasks import FAR, OFFER, PROGRAM, PROOF, a_task
from support.fulfilling import within
from support.redis_server import PASSWORD, RedisServer, redis_server

from sp1tee.errors import FulfillError, ProverFailed, ProverUnavailable, ServerAway
from sp1tee.fulfill.provers.cluster.artifacts import Kind, new_name, packed, probe
from sp1tee.fulfill.provers.cluster.desk import Desk
from sp1tee.fulfill.provers.cluster.line import Address, Api
from sp1tee.fulfill.provers.cluster.prover import ClusterProver
from sp1tee.fulfill.provers.cluster.redis_store import RedisArtifacts, node_of

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is missing"),
]

LIMIT = 1 << 20
SMALL, LARGE = b"an artifact", bytes(range(256)) * 10
PARTS = 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@asynccontextmanager
async def opened(*urls: str, part_bytes: int = PARTS) -> AsyncIterator[RedisArtifacts]:
    store = RedisArtifacts(urls, part_bytes=part_bytes)
    try:
        yield store
    finally:
        await store.aclose()


def keys(server: RedisServer, name: str) -> set[str]:
    with closing(server.client()) as client:
        return {key.decode() for key in client.keys(f"{name}*")}


def lifetime(server: RedisServer, key: str) -> int:
    with closing(server.client()) as client:
        return int(client.ttl(key))


# --- the layout ------------------------------------------------------------------------------


async def test_a_small_artifact_is_one_string_with_a_lifetime(server: RedisServer):
    name = new_name()
    async with opened(server.url) as store:
        await store.put(Kind.STDIN, name, SMALL, 500)
        assert await store.get(Kind.STDIN, name, LIMIT) == SMALL
        assert await store.holds(Kind.STDIN, name)
    assert server.read(name) == SMALL
    assert keys(server, name) == {name}
    assert 0 < lifetime(server, name) <= 500


async def test_a_large_artifact_is_published_as_a_whole_with_the_number_of_its_parts(
    server: RedisServer,
):
    name = new_name()
    async with opened(server.url) as store:
        await store.put(Kind.STDIN, name, LARGE, 500)
        assert await store.get(Kind.STDIN, name, LIMIT) == LARGE
        assert await store.holds(Kind.STDIN, name)
    assert server.read(name) == LARGE
    assert keys(server, name) == {f"{name}:chunks"}
    assert 120 < lifetime(server, f"{name}:chunks") <= 500
    with closing(server.client()) as client:
        assert client.hlen(f"{name}:chunks") == 4
        assert client.hget(f"{name}:chunks", "__n") == b"3"


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
async def test_a_program_never_expires(server: RedisServer, content: bytes):
    name = new_name()
    async with opened(server.url) as store:
        await store.put(Kind.PROGRAM, name, content, None)
        (key,) = keys(server, name)
        assert lifetime(server, key) == -1
        await store.delete(Kind.PROGRAM, name)


async def test_an_artifact_of_just_one_part_is_a_string(server: RedisServer):
    name = new_name()
    async with opened(server.url) as store:
        await store.put(Kind.STDIN, name, bytes(PARTS), 500)
    assert keys(server, name) == {name}


@pytest.mark.parametrize("first", [SMALL, LARGE], ids=["small first", "large first"])
async def test_of_an_older_artifact_of_another_size_nothing_is_left(
    server: RedisServer, first: bytes
):
    name, second = new_name(), LARGE if first == SMALL else SMALL
    async with opened(server.url) as store:
        await store.put(Kind.STDIN, name, first, 500)
        await store.put(Kind.STDIN, name, second, 500)
        assert await store.get(Kind.STDIN, name, LIMIT) == second
    assert len(keys(server, name)) == 1


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
async def test_what_is_deleted_is_gone(server: RedisServer, content: bytes):
    name = new_name()
    async with opened(server.url) as store:
        await store.put(Kind.STDIN, name, content, 500)
        await store.delete(Kind.STDIN, name)
        await store.delete(Kind.STDIN, name)
        assert await store.get(Kind.STDIN, name, LIMIT) is None
        assert not await store.holds(Kind.STDIN, name)
    assert keys(server, name) == set()


async def test_names_are_spread_over_nodes_as_the_cluster_spreads_them(
    server: RedisServer, tmp_path: Path
):
    # h = h * 16777619 + byte, modulo 2**64, then modulo the number of nodes.
    assert node_of("a", 3) == 97 % 3
    assert node_of("ab", 7) == (97 * 16777619 + 98) % 7
    assert node_of("a" * 40, 1) == 0
    with redis_server(tmp_path) as other:
        async with opened(server.url, other.url) as store:
            for name in (f"{new_name()}{number}" for number in range(8)):
                await store.put(Kind.STDIN, name, SMALL, 500)
                holder = (server, other)[node_of(name, 2)]
                assert holder.read(name) == SMALL


# --- faults ----------------------------------------------------------------------------------


async def test_a_hash_without_its_number_of_parts_is_no_artifact(server: RedisServer):
    name = new_name()
    with closing(server.client()) as client:
        client.hset(f"{name}:chunks", "0", b"half of it")
    async with opened(server.url) as store:
        assert not await store.holds(Kind.PROOF, name)
        assert await store.get(Kind.PROOF, name, LIMIT) is None
        await store.put(Kind.PROOF, name, LARGE, 500)
        assert await store.get(Kind.PROOF, name, LIMIT) == LARGE


async def test_an_artifact_that_lost_a_part_is_gone(server: RedisServer):
    name = new_name()
    async with opened(server.url) as store:
        await store.put(Kind.PROOF, name, LARGE, 500)
        with closing(server.client()) as client:
            client.hdel(f"{name}:chunks", "1")
        assert await store.get(Kind.PROOF, name, LIMIT) is None


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
async def test_more_than_was_bargained_for_is_not_fetched(server: RedisServer, content: bytes):
    name = new_name()
    async with opened(server.url) as store:
        await store.put(Kind.PROOF, name, content, 500)
        with pytest.raises(ProverFailed, match="more than 10 bytes"):
            await store.get(Kind.PROOF, name, 10)


@pytest.mark.parametrize("count", ["0", "-1", "99999999", "many"])
async def test_a_number_of_parts_that_cannot_be_is_refused(server: RedisServer, count: str):
    name = new_name()
    with closing(server.client()) as client:
        client.hset(f"{name}:chunks", "__n", count)
    async with opened(server.url) as store:
        with pytest.raises(ProverFailed, match="number of parts"):
            await store.get(Kind.PROOF, name, LIMIT)


async def error_of(store: RedisArtifacts, content: bytes = SMALL) -> FulfillError:
    with pytest.raises(FulfillError) as failed:
        await within(store.put(Kind.STDIN, new_name(), content, 500))
    assert PASSWORD not in f"{failed.value!r} {failed.value} {failed.value.advice} {store!r}"
    return failed.value


async def test_a_wrong_password_is_named_and_not_repeated(server: RedisServer):
    async with opened(server.url.replace(PASSWORD, f"not-{PASSWORD}")) as store:
        assert isinstance(await error_of(store), ProverUnavailable)
    async with opened(f"redis://127.0.0.1:{server.port}") as store:
        assert isinstance(await error_of(store), ProverUnavailable)


async def test_a_redis_that_is_gone_may_come_back(tmp_path: Path):
    with redis_server(tmp_path) as server:
        async with opened(server.url) as store:
            await probe(store)
            server.stop()
            assert isinstance(await error_of(store), ServerAway)


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["small", "large"])
async def test_a_redis_without_memory_is_waited_for(tmp_path: Path, content: bytes):
    with redis_server(tmp_path) as server, closing(server.client()) as client:
        client.set("what the cluster works on", bytes(1 << 20))
        client.config_set("maxmemory", "1mb")
        async with opened(server.url) as store:
            error = await error_of(store, content)
    assert isinstance(error, ServerAway)
    assert "memory" in error.advice


async def test_a_doctor_reads_how_much_memory_there_is_and_what_happens_without(tmp_path: Path):
    with redis_server(tmp_path) as server:
        async with opened(server.url) as store:
            ok, text, _ = await store.health()
            assert ok
            assert "of 256 MiB, noeviction" in text
            with closing(server.client()) as client:
                client.config_set("maxmemory-policy", "allkeys-lru")
            ok, text, advice = await store.health()
            assert not ok
            assert "allkeys-lru" in text
            assert "noeviction" in advice


# --- a whole proof ---------------------------------------------------------------------------


async def test_a_cluster_on_redis_makes_a_proof_and_keeps_nothing_of_the_input(tmp_path: Path):
    with redis_server(tmp_path) as server, ClusterStandIn(server) as cluster:
        cluster.will(proves(packed(PROOF)))
        store: Any = RedisArtifacts([server.url])
        prover = ClusterProver(Desk(Api(Address(cluster.url)), store, "sp1tee/one"), OFFER)
        try:
            await within(prover.check())
            made = await within(prover.prove(a_task(), FAR))
        finally:
            await prover.aclose()
        assert made.proof == PROOF
        assert keys(server, "") == {PROGRAM}
