"""Workers with tokens of their own: whose lease it is, who gets work, who gets none any more."""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path

import pytest
from support.stores import EVERYTHING, FAILURE, TTL, Room, opened

from sp1tee.errors import LeaseLost, NotInThatState, WorkerStoodDown
from sp1tee.store.identities import MOST_TOKENS
from sp1tee.store.records import Leased, State, StoreLimits
from sp1tee.store.worker_records import WorkerIdentity, WorkerState

pytestmark = pytest.mark.anyio

ONE, TWO = sha256(b"one").digest(), sha256(b"two").digest()
BAD_AFTER = 3


@pytest.fixture
async def room(tmp_path: Path, anyio_backend: str):
    async with opened(tmp_path, limits=StoreLimits(quarantine_after=BAD_AFTER)) as room:
        await room.store.identities.add("gpu-1", ONE)
        room.clock.forward(1)
        yield room


async def leased_by(room: Room, identity: str | None) -> Leased:
    await room.bound()
    leased = await room.store.requests.lease("gpu", EVERYTHING, TTL, identity=identity)
    assert leased is not None
    return leased


async def state_of(room: Room, name: str = "gpu-1") -> WorkerIdentity:
    return next(known for known in await room.store.identities.all() if known.name == name)


async def lose(room: Room) -> None:
    await leased_by(room, "gpu-1")
    room.clock.forward(TTL)
    await room.store.requests.sweep()
    # Out of the way of the next one.
    (record,) = (r for r in await room.store.requests.open_records() if r.state is State.QUEUED)
    await room.store.requests.fail(record.key, FAILURE)


async def have_refused(room: Room) -> None:
    leased = await leased_by(room, "gpu-1")
    held = (leased.lease_id, leased.token)
    await room.store.requests.note_refused(*held, identity="gpu-1")
    room.clock.forward(1)
    await room.store.requests.fail_lease(*held, FAILURE, identity="gpu-1")


async def do_well(room: Room) -> None:
    leased = await leased_by(room, "gpu-1")
    room.clock.forward(1)
    await room.store.requests.finish(
        leased.lease_id, leased.token, await room.result(), settle=True, identity="gpu-1"
    )


class TestTokens:
    async def test_a_token_names_its_worker(self, room: Room) -> None:
        assert await room.store.identities.by_token(ONE) == "gpu-1"
        assert await room.store.identities.by_token(TWO) is None
        assert await room.store.identities.is_known("gpu-1")
        assert not await room.store.identities.is_known("gpu-2")

    async def test_two_tokens_of_one_worker_overlap_until_the_old_one_is_revoked(
        self, room: Room
    ) -> None:
        await room.store.identities.add("gpu-1", TWO)
        assert (
            await room.store.identities.by_token(ONE)
            == await room.store.identities.by_token(TWO)
            == "gpu-1"
        )
        old, new = (await state_of(room)).tokens
        known = await room.store.identities.revoke("gpu-1", old.id)
        assert (known.state, known.tokens) == (WorkerState.ACTIVE, (new,))
        assert await room.store.identities.by_token(ONE) is None
        assert await room.store.identities.by_token(TWO) == "gpu-1"

    async def test_leases_go_on_while_a_token_is_replaced(self, room: Room) -> None:
        leased = await leased_by(room, "gpu-1")
        await room.store.identities.add("gpu-1", TWO)
        await room.store.identities.revoke("gpu-1", (await state_of(room)).tokens[0].id)
        beat = room.store.requests.beat
        assert await beat(leased.lease_id, leased.token, 4, TTL, identity="gpu-1")

    async def test_a_worker_has_a_few_tokens_at_most(self, room: Room) -> None:
        for number in range(MOST_TOKENS - 1):
            await room.store.identities.add("gpu-1", bytes([number]) * 32)
        with pytest.raises(NotInThatState, match=f"{MOST_TOKENS} tokens"):
            await room.store.identities.add("gpu-1", TWO)

    async def test_another_s_token_cannot_be_revoked_with_a_worker_s_name(self, room: Room) -> None:
        other = await room.store.identities.add("gpu-2", TWO)
        with pytest.raises(NotInThatState, match="no such token"):
            await room.store.identities.revoke("gpu-1", other.id)
        assert await room.store.identities.by_token(TWO) == "gpu-2"

    async def test_an_unknown_worker_is_told_as_such(self, room: Room) -> None:
        known = room.store.identities
        for call in (known.drain("x"), known.resume("x"), known.revoke("x", None)):
            with pytest.raises(NotInThatState, match="no such worker"):
                await call

    async def test_a_revoked_worker_s_requests_go_to_others_at_once_and_cost_nothing(
        self, room: Room
    ) -> None:
        leased = await leased_by(room, "gpu-1")
        known = await room.store.identities.revoke("gpu-1", None)
        assert (known.state, known.tokens) == (WorkerState.REVOKED, ())
        again = await room.lease("gpu-2")
        assert (again.record.key, again.record.attempts) == (leased.record.key, 1)
        with pytest.raises(WorkerStoodDown, match="revoked"):
            await room.store.requests.lease("gpu-1", EVERYTHING, TTL, identity="gpu-1")

    async def test_a_revoked_worker_is_not_resumed_but_can_be_added_again(self, room: Room) -> None:
        await room.store.identities.revoke("gpu-1", None)
        with pytest.raises(NotInThatState, match="revoked"):
            await room.store.identities.resume("gpu-1")
        await room.store.identities.add("gpu-1", TWO)
        assert (await state_of(room)).state is WorkerState.ACTIVE

    async def test_who_may_work_outlives_a_restart(self, tmp_path: Path) -> None:
        async with opened(tmp_path / "again") as room:
            await room.store.identities.add("gpu-1", ONE)
            await room.store.identities.drain("gpu-1")
        async with opened(tmp_path / "again") as room:
            assert await room.store.identities.by_token(ONE) == "gpu-1"
            assert (await state_of(room)).state is WorkerState.DRAINING


class TestWhoseLeaseItIs:
    @pytest.mark.parametrize(
        ("owner", "thief"), [("gpu-1", "gpu-2"), ("gpu-1", None), (None, "gpu-1")]
    )
    @pytest.mark.parametrize(
        "call", ["beat", "read", "record", "finish", "give back", "fail", "refuse"]
    )
    async def test_the_lease_s_id_and_token_are_of_no_use_to_another_worker(
        self, room: Room, owner: str | None, thief: str | None, call: str
    ) -> None:
        leased = await leased_by(room, owner)
        before = await room.again(leased.record)
        held, requests = (leased.lease_id, leased.token), room.store.requests
        result = await room.result()
        refusing: dict[str, Callable[[], Awaitable[object]]] = {
            "finish": lambda: requests.finish(*held, result, settle=True, identity=thief),
            "give back": lambda: requests.give_back(*held, counts=True, reason="", identity=thief),
            "fail": lambda: requests.fail_lease(*held, FAILURE, identity=thief),
            "refuse": lambda: requests.note_refused(*held, identity=thief),
        }
        if call == "beat":
            assert not await requests.beat(*held, 4, 10 * TTL, identity=thief)
        elif call == "read":
            assert await requests.by_lease(*held, identity=thief) is None
        elif call == "record":
            assert await requests.lease_record(*held, identity=thief) is None
        else:
            with pytest.raises(LeaseLost):
                await refusing[call]()
        assert await room.again(leased.record) == before
        assert await requests.by_lease(*held, identity=owner) is not None


class TestConduct:
    async def test_a_drained_worker_gets_nothing_and_keeps_what_it_has(self, room: Room) -> None:
        leased = await leased_by(room, "gpu-1")
        await room.store.identities.drain("gpu-1")
        await room.queued()
        with pytest.raises(WorkerStoodDown, match="draining"):
            await room.store.requests.lease("gpu-1", EVERYTHING, TTL, identity="gpu-1")
        beat = room.store.requests.beat
        assert await beat(leased.lease_id, leased.token, 4, TTL, identity="gpu-1")
        await room.store.identities.resume("gpu-1")
        assert await room.store.requests.lease("gpu-1", EVERYTHING, TTL, identity="gpu-1")

    @pytest.mark.parametrize("bad", [lose, have_refused])
    async def test_a_worker_whose_leases_all_go_bad_is_put_in_quarantine(
        self, room: Room, bad: Callable[[Room], Awaitable[None]]
    ) -> None:
        for _ in range(BAD_AFTER - 1):
            await bad(room)
        assert (await state_of(room)).state is WorkerState.ACTIVE
        await bad(room)
        assert (await state_of(room)).state is WorkerState.QUARANTINED
        assert "Of its last 3 leases" in ((await state_of(room)).reason or "")
        await room.queued()
        with pytest.raises(WorkerStoodDown, match="quarantined"):
            await room.store.requests.lease("gpu-1", EVERYTHING, TTL, identity="gpu-1")

    async def test_a_good_proof_in_between_shows_that_it_works(self, room: Room) -> None:
        for _ in range(BAD_AFTER - 1):
            await lose(room)
        await do_well(room)
        for _ in range(BAD_AFTER - 1):
            await have_refused(room)
        assert (await state_of(room)).state is WorkerState.ACTIVE

    async def test_whoever_is_resumed_begins_anew(self, room: Room) -> None:
        for _ in range(BAD_AFTER):
            await lose(room)
        await room.store.identities.resume("gpu-1")
        assert ((await state_of(room)).state, (await state_of(room)).reason) == (
            WorkerState.ACTIVE,
            None,
        )
        for _ in range(BAD_AFTER - 1):
            await lose(room)
        assert (await state_of(room)).state is WorkerState.ACTIVE
        await lose(room)
        assert (await state_of(room)).state is WorkerState.QUARANTINED

    async def test_another_worker_s_faults_are_not_one_s_own(self, room: Room) -> None:
        await room.store.identities.add("gpu-2", TWO)
        for _ in range(BAD_AFTER):
            await lose(room)
        assert (await state_of(room, "gpu-2")).state is WorkerState.ACTIVE
        assert await leased_by(room, "gpu-2")

    async def test_a_failure_of_the_request_s_own_is_no_fault_of_the_worker_s(
        self, room: Room
    ) -> None:
        for _ in range(BAD_AFTER):
            leased = await leased_by(room, "gpu-1")
            room.clock.forward(1)
            await room.store.requests.fail_lease(
                leased.lease_id, leased.token, FAILURE, identity="gpu-1"
            )
        assert (await state_of(room)).state is WorkerState.ACTIVE
