"""Several servers on one PostgreSQL: one queue, nobody leads, nothing happens twice."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.stores import ALICE, BOB, EVERYTHING, FAILURE, TTL, Clock, Room, opened

from sp1tee.errors import BlobErased, LeaseLost, NotUploaded, StoreInUse
from sp1tee.store import choosing, leasing, turns
from sp1tee.store.postgres import feed as feeds
from sp1tee.store.records import RequestRecord, State
from sp1tee.store.store import open_store
from sp1tee.store.writer import Change, Tx

pytestmark = pytest.mark.anyio
DATABASES = ("postgres",)


@dataclass
class Pair:
    """Two servers with one database, one vault and one clock."""

    one: Room
    other: Room


@asynccontextmanager
async def two(data_dir: Path) -> AsyncIterator[Pair]:
    clock = Clock()
    async with opened(data_dir, clock) as one, opened(data_dir, clock) as other:
        # What both make must not be the same.
        for _ in range(1000):
            next(other.numbers)
        yield Pair(one, other)


@pytest.fixture
async def pair(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Pair]:
    async with two(tmp_path) as pair:
        yield pair


async def heard(room: Room, fits: Callable[[RequestRecord], bool]) -> RequestRecord:
    """Wait until a server hears of a change."""
    for record in room.heard:
        if fits(record):
            return record
    found: asyncio.Future[RequestRecord] = asyncio.get_running_loop().create_future()

    def listen(record: RequestRecord) -> None:
        if fits(record) and not found.done():
            found.set_result(record)

    forget = room.store.subscribe(listen)
    try:
        async with asyncio.timeout(30):
            return await found
    finally:
        forget()


class TestHearing:
    async def test_a_change_at_one_server_is_heard_at_the_other(self, pair: Pair) -> None:
        record = await pair.one.queued()
        assert await heard(pair.other, lambda r: r.key == record.key) == record
        leased = await pair.other.lease()
        assert await heard(pair.one, lambda r: r.state is State.LEASED) == leased.record

    async def test_a_lost_ring_costs_no_more_than_the_next_look(
        self, pair: Pair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def lost() -> None:
            return None

        monkeypatch.setattr(pair.one.store._database.session, "ring", lost)
        record = await pair.one.queued()
        assert await heard(pair.other, lambda r: r.key == record.key) == record

    async def test_own_changes_are_heard_once_and_others_not_in_old_states(
        self, pair: Pair
    ) -> None:
        for _ in range(10):
            await pair.one.settled()
        last = await pair.one.queued()
        await heard(pair.other, lambda r: r.key == last.key)
        await look_again(pair.one)
        for room in (pair.one, pair.other):
            seen = [(r.key, r.revision) for r in room.heard]
            assert len(seen) == len(set(seen))
            assert all(
                earlier.revision < later.revision
                for key in {r.key for r in room.heard}
                for earlier, later in pairwise_of(room, key)
            )
        newest = {r.key: r.state for r in pair.other.heard}
        assert Counter(newest.values()) == {State.SETTLED: 10, State.QUEUED: 1}

    async def test_changes_are_heard_in_whatever_order_transactions_end(self, pair: Pair) -> None:
        slow, quick = await pair.one.accepted(), await pair.one.accepted()
        begun, release = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def first(tx: Tx) -> None:
            from sqlalchemy.util import await_only

            from sp1tee.store.ending import fail

            fail(tx, slow.key, FAILURE)
            loop.call_soon(begun.set)
            await_only(release.wait())

        running = asyncio.ensure_future(pair.one.store._writer.run(first))
        await begun.wait()
        await pair.one.store.requests.fail(quick.key, FAILURE)
        await heard(pair.other, lambda r: r.key == quick.key and r.state is State.FAILED)
        await look_again(pair.other)
        release.set()
        await running
        await heard(pair.other, lambda r: r.key == slow.key and r.state is State.FAILED)

    async def test_the_newest_state_is_the_last_that_is_heard_of_whoever_was_told_first(
        self, pair: Pair
    ) -> None:
        """A server may hear what another made of its change before its own commit's answer."""
        record = await pair.one.queued()
        await pair.one.store.requests.fail(record.key, FAILURE)
        failed = await pair.one.again(record)
        await heard(pair.other, lambda r: r == failed)
        feed = pair.other.store._database.feed
        feed._known = {failed.key: failed}
        with feed.changing([record]):
            pair.other.store._aftermath.tell(record)
        states = [r.state for r in pair.other.heard if r.key == record.key]
        assert states[-2:] == [State.QUEUED, State.FAILED]
        await look_again(pair.other)
        assert pair.other.heard[-1] == failed

    async def test_each_change_is_witnessed_by_the_server_that_made_it(self, pair: Pair) -> None:
        witnessed: dict[str, list[Change]] = {"one": [], "other": []}
        for name, room in (("one", pair.one), ("other", pair.other)):
            room.store.witness(witnessed[name].append)
        record = await pair.one.queued()
        leased = await pair.other.lease()
        await pair.one.finish(leased, settle=True)
        await heard(pair.other, lambda r: r.state is State.SETTLED)
        ways = {name: [_states(change) for change in own] for name, own in witnessed.items()}
        assert ways == {
            "one": [(None, State.QUEUED), (State.LEASED, State.SETTLED)],
            "other": [(State.QUEUED, State.LEASED)],
        }
        assert record.key == leased.record.key

    async def test_a_server_that_does_not_look_any_more_is_not_well(
        self, pair: Pair, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await pair.one.store.check()
        monkeypatch.setattr(feeds, "LATE_S", -1.0)
        with pytest.raises(Exception, match="not heard of"):
            await pair.one.store.check()


def pairwise_of(room: Room, key: str) -> list[tuple[RequestRecord, RequestRecord]]:
    own = [record for record in room.heard if record.key == key]
    return list(itertools.pairwise(own))


def _states(change: Change) -> tuple[State | None, State]:
    return change.before and change.before.state, change.after.state


async def look_again(room: Room) -> None:
    """Have a server look at what others changed before this call."""
    await room.store._database.feed._look()


class TestLeasing:
    async def test_each_request_is_leased_once(self, pair: Pair) -> None:
        await pair.one.program()
        for number in range(40):
            await pair.one.queued(requester=(ALICE, BOB)[number % 2], program_owner=ALICE)

        async def worker(room: Room, name: str) -> list[str]:
            keys = []
            while leased := await room.store.requests.lease(name, EVERYTHING, TTL):
                keys.append(leased.record.key)
            return keys

        rooms = (pair.one, pair.other)
        took = await asyncio.gather(*(worker(room, f"gpu-{n}") for n in range(6) for room in rooms))
        keys = [key for own in took for key in own]
        assert len(keys) == len(set(keys)) == 40
        assert (await pair.one.store.requests.counts())[State.LEASED] == 40

    async def test_what_is_queued_while_the_line_empties_is_not_forgotten(self, pair: Pair) -> None:
        await pair.one.program()

        async def worker() -> int:
            number = 0
            while number < 60:
                number += await pair.other.store.requests.lease("gpu", EVERYTHING, TTL) is not None
                await asyncio.sleep(0)
            return number

        async def requester() -> None:
            for _ in range(60):
                await pair.one.queued()

        async with asyncio.timeout(60):
            _, number = await asyncio.gather(requester(), worker())
        assert number == 60

    async def test_the_line_is_kept_by_who_joins_behind_an_uncommitted_leave(
        self, pair: Pair
    ) -> None:
        kinds = [("sp1-v6.1.0", 4)]
        leased = await pair.one.leased()
        new = await pair.one.new()

        async def joining() -> None:
            await pair.one.store.requests.accept(new, queue=True)

        def leave(tx: Tx) -> None:
            from sqlalchemy.util import await_only

            assert turns.next_requester(tx, kinds) == ALICE
            assert choosing.chosen(tx, ALICE, kinds, keys=()) is None
            # It has found nothing; now a request comes in and is committed.
            await_only(joining())
            leasing._leave_line(tx, ALICE, kinds)

        await pair.other.store._writer.run(leave)
        again = await pair.other.lease()
        assert again.record.fingerprint == new.fingerprint
        assert again.record.key != leased.record.key

    async def test_other_requesters_are_served_while_one_is_being_served(self, pair: Pair) -> None:
        await pair.one.program()
        await pair.one.queued(requester=ALICE)
        await pair.one.queued(requester=BOB, program_owner=ALICE)
        other: list[Any] = []

        def slow(tx: Tx) -> None:
            from sqlalchemy.util import await_only

            assert turns.next_requester(tx, [("sp1-v6.1.0", 4)]) == ALICE
            other.append(await_only(pair.other.lease()))

        await pair.one.store._writer.run(slow)
        assert other[0].record.requester == BOB

    async def test_a_lease_of_one_server_s_is_good_at_the_other(self, pair: Pair) -> None:
        leased = await pair.one.leased()
        requests = pair.other.store.requests
        assert await requests.beat(leased.lease_id, leased.token, 4, TTL)
        result = await pair.other.result()
        done = await requests.finish(leased.lease_id, leased.token, result, settle=True)
        assert done.state is State.SETTLED
        assert done.proof_blob is not None
        assert await pair.one.read(done.proof_blob) == b"a proof"

    async def test_of_two_proofs_handed_in_at_once_one_counts(self, pair: Pair) -> None:
        lost = await pair.one.leased()
        pair.one.clock.forward(TTL)
        await pair.one.store.requests.sweep()
        leased = await pair.other.lease()
        ways = ((pair.one, lost), (pair.other, leased))
        results = [await room.result() for room, _ in ways]
        answers = await asyncio.gather(
            *(
                room.store.requests.finish(held.lease_id, held.token, result, settle=True)
                for (room, held), result in zip(ways, results, strict=True)
            ),
            return_exceptions=True,
        )
        refused = [answer for answer in answers if isinstance(answer, LeaseLost)]
        (settled,) = (answer for answer in answers if isinstance(answer, RequestRecord))
        assert len(refused) == 1
        assert settled == await pair.one.again(settled)

    async def test_a_proof_handed_in_twice_at_once_is_taken_once(self, pair: Pair) -> None:
        leased = await pair.one.leased()
        result = await pair.one.result()
        first, second = await asyncio.gather(
            *(
                room.store.requests.finish(leased.lease_id, leased.token, result, settle=True)
                for room in (pair.one, pair.other)
            )
        )
        assert first == second
        assert await pair.one.read(first.proof_blob) == b"a proof"


class TestTime:
    async def test_two_sweepers_take_each_lost_lease_back_once(self, pair: Pair) -> None:
        for _ in range(20):
            await pair.one.leased()
        pair.one.clock.forward(TTL)
        swept = await asyncio.gather(
            *(room.store.requests.sweep() for room in (pair.one, pair.other))
        )
        keys = [record.key for own in swept for record in own]
        assert len(keys) == len(set(keys)) == 20

    async def test_servers_go_by_the_database_s_clock(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import time

        from support.stores import KEY, database_url

        url, real = database_url(tmp_path), time.time
        monkeypatch.setattr(time, "time", lambda: real() + 10_000)
        store = await open_store(data_dir=tmp_path, master_key=KEY, database_url=url)
        try:
            assert abs(store.clock() - real()) < 100
        finally:
            await store.aclose()


class TestInputs:
    async def test_an_input_that_is_being_erased_is_refused_and_one_in_use_is_kept(
        self, pair: Pair
    ) -> None:
        """Whichever comes first, no request is accepted whose input is gone."""
        for _ in range(20):
            leased = await pair.one.leased()
            again = pair.other.for_input(stdin_artifact=leased.stdin.id)
            ended, answer = await asyncio.gather(
                pair.one.store.requests.cancel(leased.record.key, "not needed any more"),
                pair.other.store.requests.accept(again, queue=False),
                return_exceptions=True,
            )
            assert isinstance(ended, RequestRecord)
            assert leased.stdin.blob is not None
            if isinstance(answer, NotUploaded):
                with pytest.raises(BlobErased):
                    await pair.one.read(leased.stdin.blob)
            else:
                assert not isinstance(answer, BaseException)
                assert await pair.one.read(leased.stdin.blob) == b"an input"

    async def test_the_last_of_two_that_end_at_once_erases_their_input(self, pair: Pair) -> None:
        for _ in range(10):
            upload = await pair.one.upload()
            records = [
                (
                    await room.store.requests.accept(
                        room.for_input(stdin_artifact=upload.id), queue=False
                    )
                )[0]
                for room in (pair.one, pair.other)
            ]
            await asyncio.gather(
                pair.one.store.requests.cancel(records[0].key, "not needed any more"),
                pair.other.store.requests.cancel(records[1].key, "not needed any more"),
            )
            assert upload.blob is not None
            with pytest.raises(BlobErased):
                await pair.one.read(upload.blob)

    async def test_sweeping_leaves_alone_what_another_server_is_about_to_keep(
        self, pair: Pair
    ) -> None:
        sealed = await pair.one.seal(b"a proof", "proof")
        writing = await pair.one.store.vault.writer("stdin")
        await writing.write(bytes(3 << 20))
        assert await pair.other.store.vault.sweep() == 0
        assert len(list(pair.one.store._ground.shelf.directory.glob(f"*/{sealed.id}"))) == 1
        await writing.finish()

    async def test_sweeping_removes_what_nobody_can_be_at_any_more(self, pair: Pair) -> None:
        await pair.one.seal(b"a proof", "proof")
        assert await pair.other.store.vault.sweep() == 0
        pair.other.clock.forward(3600)
        assert await pair.other.store.vault.sweep() == 1

    async def test_a_server_with_a_file_of_its_own_cannot_join(
        self, pair: Pair, tmp_path: Path
    ) -> None:
        from support.stores import KEY

        with pytest.raises(StoreInUse):
            await open_store(
                data_dir=tmp_path, master_key=KEY, database_url=f"sqlite:///{tmp_path}/x.db"
            )


class TestRights:
    async def test_only_one_server_at_a_time_has_the_right_to_something(self, pair: Pair) -> None:
        inside: list[str] = []

        async def once(room: Room, name: str) -> None:
            async with room.store.exclusively("account 1") as is_held:
                assert is_held()
                inside.append(name)
                await asyncio.sleep(0.01)
                assert inside[-1] == name
                inside.append(name)

        rooms = (pair.one, pair.other)
        await asyncio.gather(*(once(room, f"{n}") for n, room in enumerate(rooms * 4)))
        assert inside[::2] == inside[1::2]

    async def test_rights_to_other_things_are_independent(self, pair: Pair) -> None:
        async with (
            pair.one.store.exclusively("account 1"),
            pair.other.store.exclusively("account 2"),
            pair.one.store.exclusively("account 3"),
        ):
            pass

    async def test_a_server_that_is_cut_off_loses_its_right_and_knows_it(self, pair: Pair) -> None:
        async with pair.one.store.exclusively("account 1") as is_held:
            taken = asyncio.ensure_future(other_turn(pair.other))
            pair.one.store._database.session._connection.terminate()
            async with asyncio.timeout(30):
                await taken
            assert not is_held()


async def other_turn(room: Room) -> None:
    async with room.store.exclusively("account 1"):
        pass
