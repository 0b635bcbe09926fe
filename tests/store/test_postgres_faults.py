"""A PostgreSQL that restarts, breaks off, is full of others or a standby now: nothing is lost.

Nothing is done twice either, and callers wait for a while rather than be told at once.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from support.postgres import OWNER, Postgres
from support.postgres_proxy import Proxy, between
from support.stores import (
    EVERYTHING,
    KEY,
    TTL,
    Clock,
    Room,
    database_name,
    opened,
    token_hash,
)

from sp1tee.errors import ConfigError, StoreOutcomeUnknown, StoreUnavailable
from sp1tee.store.nonces import move_nonce
from sp1tee.store.postgres import patience
from sp1tee.store.records import State
from sp1tee.store.store import open_store
from sp1tee.store.writer import Tx

pytestmark = pytest.mark.anyio
DATABASES = ("postgres",)

END = "SELECT count(pg_terminate_backend(pid)) FROM ({}) AS chosen"
ALL = f"SELECT pid FROM pg_stat_activity WHERE usename = '{OWNER}'"
SOME = f"{ALL} ORDER BY random() LIMIT 2"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE_S", 0.2)


@asynccontextmanager
async def proxied(tmp_path: Path, server: Postgres) -> AsyncIterator[tuple[Room, Proxy]]:
    """A store whose way to its database leads through a proxy."""
    with tempfile.TemporaryDirectory(prefix="sp1tee-proxy-") as home:
        async with between(Path(home), server.home) as proxy:
            store = await open_store(
                data_dir=tmp_path,
                master_key=KEY,
                database_url=server.url(database_name(tmp_path), Path(home)),
                clock=Clock(),
            )
            try:
                yield Room(store, store.clock), proxy  # type: ignore[arg-type]
            finally:
                await store.aclose()


async def work(room: Room, number: int) -> list[str]:
    """Take requests in, lease them, hand proofs in, settle: every call is answered."""
    done = []
    for _ in range(number):
        record = await room.queued()
        leased = None
        while leased is None:
            leased = await room.store.requests.lease("gpu", EVERYTHING, TTL)
        await room.finish(leased)
        settled = await room.store.requests.settled(leased.record.key, b"f" * 32)
        assert settled.state is State.SETTLED
        done.append(record.key)
    return done


@pytest.mark.parametrize("how", ["fast", "immediate"])
async def test_a_restart_is_waited_for(room: Room, postgres_server: Postgres, how: str) -> None:
    working = asyncio.gather(*(work(room, 8) for _ in range(4)))
    await asyncio.to_thread(postgres_server.restart, how)
    keys = [key for own in await working for key in own]
    assert len(set(keys)) == 32
    counts = await room.store.requests.counts()
    assert (counts[State.SETTLED], sum(counts.values())) == (32, 32)
    await room.store.check()


async def test_connections_that_are_cut_all_the_time_lose_and_double_nothing(
    room: Room, postgres_server: Postgres
) -> None:
    await room.program()
    working = asyncio.gather(*(work(room, 8) for _ in range(4)))
    while not working.done():
        await asyncio.to_thread(postgres_server.sql, END.format(SOME))
        await asyncio.sleep(0.05)
    keys = [key for own in await working for key in own]
    assert len(set(keys)) == 32
    counts = await room.store.requests.counts()
    assert (counts[State.SETTLED], sum(counts.values())) == (32, 32)


class TestCommitting:
    async def test_what_was_committed_before_the_answer_got_lost_is_not_done_again(
        self, tmp_path: Path, postgres_server: Postgres
    ) -> None:
        async with proxied(tmp_path, postgres_server) as (room, proxy):
            place = await room.place()
            sealed = await room.seal(b"an input")
            proxy.after = lambda data: b"COMMIT;" in data and proxy.cuts == 0

            upload = await room.store.artifacts.uploaded(place.id, token_hash(place.uri), sealed)

            assert proxy.cuts == 1
            assert upload.blob == sealed.id
            assert await room.read(sealed.id) == b"an input"

    async def test_what_was_cut_off_before_its_commit_is_done_again(
        self, tmp_path: Path, postgres_server: Postgres
    ) -> None:
        async with proxied(tmp_path, postgres_server) as (room, proxy):
            place = await room.place()
            sealed = await room.seal(b"an input")
            proxy.before = lambda data: b"COMMIT;" in data and proxy.cuts == 0

            upload = await room.store.artifacts.uploaded(place.id, token_hash(place.uri), sealed)

            assert proxy.cuts == 1
            assert upload.blob == sealed.id

    async def test_listeners_hear_once_of_what_was_committed_without_an_answer(
        self, tmp_path: Path, postgres_server: Postgres
    ) -> None:
        async with proxied(tmp_path, postgres_server) as (room, proxy):
            new = await room.new()
            room.store.subscribe(room.heard.append)
            proxy.after = lambda data: b"COMMIT;" in data and proxy.cuts == 0
            record, fresh = await room.store.requests.accept(new, queue=True)
            await room.store._database.feed._look()
            assert fresh
            assert room.heard == [record]

    @pytest.mark.usefixtures("impatient")
    async def test_an_outcome_that_nobody_can_tell_is_told_as_such(
        self, tmp_path: Path, postgres_server: Postgres
    ) -> None:
        async with proxied(tmp_path, postgres_server) as (room, proxy):
            await room.store.nonces.advance(b"a" * 20, 1)
            proxy.after = lambda data: b"COMMIT;" in data or proxy.cuts > 0
            with pytest.raises(StoreOutcomeUnknown):
                await room.store.nonces.advance(b"a" * 20, 2)
            proxy.after = lambda _: False
            assert await room.store.nonces.get(b"a" * 20) == 2

    async def test_a_deadlock_undoes_one_of_two_which_is_done_again(self, room: Room) -> None:
        from sqlalchemy.util import await_only

        one, two = b"1" * 20, b"2" * 20
        met = asyncio.Barrier(2)
        tries = []

        async def meet() -> None:
            if len(tries) <= 2:
                await met.wait()

        def both(tx: Tx, addresses: list[bytes]) -> None:
            tries.append(1)
            move_nonce(tx, addresses[0], 1)
            await_only(meet())
            move_nonce(tx, addresses[1], 1)

        await asyncio.gather(
            *(room.store._writer.run(both, order) for order in ([one, two], [two, one]))
        )
        assert len(tries) == 3
        assert await room.store.nonces.get(one) == await room.store.nonces.get(two) == 1


@pytest.mark.usefixtures("impatient")
class TestAway:
    async def test_a_database_that_is_down_is_told_and_taken_up_again(
        self, room: Room, postgres_server: Postgres
    ) -> None:
        record = await room.queued()
        await asyncio.to_thread(postgres_server.stop, "immediate")
        try:
            with pytest.raises(StoreUnavailable) as caught:
                await room.store.check()
            assert "Look at the database" in caught.value.advice
            with pytest.raises(StoreUnavailable):
                await room.again(record)
            with pytest.raises(StoreUnavailable):
                async with room.store.exclusively("account 1"):
                    pass
        finally:
            await asyncio.to_thread(postgres_server.start)
        assert await room.again(record) == record
        await room.store.check()

    async def test_a_database_full_of_others_is_told_and_taken_up_again(
        self, tmp_path: Path, postgres_server: Postgres
    ) -> None:
        async with opened(tmp_path) as room:
            name = database_name(tmp_path)
            postgres_server.sql(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
            postgres_server.sql(END.format(ALL))
            with pytest.raises(StoreUnavailable, match="53300"):
                await room.store.nonces.advance(b"a" * 20, 1)
            postgres_server.sql(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
            await room.store.nonces.advance(b"a" * 20, 1)

    async def test_a_standby_is_not_written_to(
        self, tmp_path: Path, postgres_server: Postgres
    ) -> None:
        async with opened(tmp_path) as room:
            name = database_name(tmp_path)
            postgres_server.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            postgres_server.sql(END.format(ALL))
            with pytest.raises(StoreUnavailable):
                await room.store.check()
            postgres_server.sql(f"ALTER DATABASE {name} RESET default_transaction_read_only")
            await room.store.check()

    async def test_a_database_that_is_not_there_at_the_start_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(StoreUnavailable):
            await open_store(
                data_dir=tmp_path,
                master_key=KEY,
                database_url=f"postgresql://x@/x?host={tmp_path}",
            )


@pytest.mark.parametrize(
    "url", ["postgresql:x", "postgresql://nobody@/{0}", "postgresql://{1}@/none"]
)
async def test_a_database_that_does_not_let_us_in_is_a_matter_of_configuration(
    tmp_path: Path, postgres_server: Postgres, url: str
) -> None:
    name = database_name(tmp_path)
    given = url.format(name, OWNER)
    if "//" in given:
        given += f"?host={postgres_server.home}"
    with pytest.raises(ConfigError) as caught:
        await open_store(data_dir=tmp_path / "data", master_key=KEY, database_url=given)
    assert "database_url" in f"{caught.value.message} {caught.value.advice}"


async def test_a_nul_is_replaced_where_a_text_cannot_hold_it(room: Room) -> None:
    leased = await room.leased()
    back = await room.store.requests.give_back(
        leased.lease_id, leased.token, counts=False, reason="a\0b"
    )
    (attempt,) = await room.store.requests.attempts(back.key)
    assert attempt.reason == "a\ufffdb"
    assert await room.store.artifacts.by_uri("nowhere\0") is None


async def test_a_bug_in_a_change_is_told_without_its_values(room: Room) -> None:
    from sqlalchemy import insert

    from sp1tee.errors import StoreError
    from sp1tee.store.schema import vaults

    reported: list = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    def broken(tx: Tx) -> None:
        move_nonce(tx, b"SECRET", 1)
        tx.connection.execute(insert(vaults), {"id": "SECRET", "key_check": None})

    with pytest.raises(StoreError, match="a bug of sp1tee") as caught:
        await room.store._writer.run(broken)
    assert "SECRET" not in str(caught.value)
    assert caught.value.__cause__ is None
    (report,) = reported
    assert "SECRET" not in str(report["exception"])
    assert await room.store.nonces.get(b"SECRET") == 0
