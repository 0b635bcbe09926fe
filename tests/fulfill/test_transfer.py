"""Bulk bytes over bad lines."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fulfilling import sample_work, settings_for, within
from support.worker_listener import Work, WorkerListener

from sp1tee.errors import LeaseGone, ServerAway, TransferError, WorkerTokenRefused
from sp1tee.fulfill.lease import Lease
from sp1tee.fulfill.transfer import Transfers

pytestmark = pytest.mark.anyio

LARGE = hashlib.shake_256(b"an input").digest(5_000_000)


def leased(listener: WorkerListener, work: Work) -> Lease:
    listener.offer(work)
    return Lease.from_wire(work.to_wire())


async def fetch(listener: WorkerListener, lease: Lease, size: int) -> list[bytes]:
    chunks = []

    async def take(chunk: bytes) -> None:
        chunks.append(chunk)

    async with settings_for(listener).endpoint.http_client() as http:
        await within(Transfers(http).fetch(lease, "stdin", size, take))
    return chunks


async def test_an_input_arrives_as_it_was_uploaded(listener: WorkerListener):
    lease = leased(listener, sample_work(stdin=LARGE))
    assert b"".join(await fetch(listener, lease, len(LARGE))) == LARGE


async def test_an_empty_input_arrives(listener: WorkerListener):
    lease = leased(listener, sample_work(stdin=b""))
    assert await fetch(listener, lease, 0) == []


async def test_a_cut_transfer_goes_on_where_it_broke(listener: WorkerListener):
    listener.cuts["stdin"] = [3_000_000, 1_000_000]
    lease = leased(listener, sample_work(stdin=LARGE))
    assert b"".join(await fetch(listener, lease, len(LARGE))) == LARGE
    ranges = [event for event in listener.events if event.startswith("get stdin from ")]
    assert len(ranges) == 2
    assert all(int(event.split()[-1]) > 0 for event in ranges)


async def test_a_server_that_answers_with_trouble_is_asked_again(listener: WorkerListener):
    listener.statuses["stdin"] = [500, 503, 429]
    lease = leased(listener, sample_work(stdin=LARGE))
    assert b"".join(await fetch(listener, lease, len(LARGE))) == LARGE


async def test_a_server_that_restarts_is_waited_for(listener: WorkerListener):
    lease = leased(listener, sample_work(stdin=LARGE))
    listener.dies_after = "get stdin"
    assert b"".join(await fetch(listener, lease, len(LARGE))) == LARGE
    assert listener.happened("back")


async def test_more_than_was_announced_is_refused(listener: WorkerListener):
    lease = leased(listener, sample_work(stdin=LARGE))
    with pytest.raises(TransferError, match="more than the lease announced"):
        await fetch(listener, lease, len(LARGE) - 1)


async def test_a_server_that_starts_over_instead_of_going_on_is_refused(listener: WorkerListener):
    listener.cuts["stdin"] = [3_000_000]
    listener.ignores_ranges = True
    lease = leased(listener, sample_work(stdin=LARGE))
    with pytest.raises(TransferError):
        await fetch(listener, lease, len(LARGE))


async def test_a_lost_lease_may_not_read(listener: WorkerListener):
    work = sample_work()
    lease = leased(listener, work)
    listener.drop(work)
    with pytest.raises(LeaseGone):
        await fetch(listener, lease, lease.stdin_size)


async def test_another_token_may_not_read(listener: WorkerListener):
    lease = leased(listener, sample_work())
    listener.token = "another"
    with pytest.raises(WorkerTokenRefused):
        await fetch(listener, lease, lease.stdin_size)


async def test_a_redirect_is_not_followed(listener: WorkerListener):
    listener.statuses["stdin"] = [307]
    with pytest.raises(TransferError, match="307"):
        await fetch(listener, leased(listener, sample_work()), 1)


async def test_an_error_of_the_sink_ends_the_transfer(listener: WorkerListener):
    async def full(_: bytes) -> None:
        raise TransferError("Enough.")

    lease = leased(listener, sample_work(stdin=LARGE))
    async with settings_for(listener).endpoint.http_client() as http:
        with pytest.raises(TransferError, match="Enough"):
            await within(Transfers(http).fetch(lease, "stdin", len(LARGE), full))


async def test_a_proof_is_put_as_it_is(listener: WorkerListener):
    work = sample_work()
    lease = leased(listener, work)
    async with settings_for(listener).endpoint.http_client() as http:
        await Transfers(http).hand_in(lease, LARGE)
    assert work.put == LARGE


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, WorkerTokenRefused), (410, LeaseGone), (413, TransferError), (507, ServerAway)],
)
async def test_a_proof_that_is_not_taken_says_why(
    listener: WorkerListener, status: int, error: type[Exception]
):
    listener.statuses["proofs"] = [status]
    lease = leased(listener, sample_work())
    async with settings_for(listener).endpoint.http_client() as http:
        with pytest.raises(error):
            await Transfers(http).hand_in(lease, b"proof")


async def test_nothing_listens_means_away(listener: WorkerListener):
    lease = leased(listener, sample_work())
    listener.down()
    async with settings_for(listener).endpoint.http_client() as http:
        with pytest.raises(ServerAway):
            await Transfers(http).hand_in(lease, b"proof")


@given(st.integers(0, 0xFFFF))
def test_no_error_shows_the_lease_token(number: int):
    lease = Lease.from_wire(sample_work(lease_token=number.to_bytes(32, "big")).to_wire())
    assert number.to_bytes(32, "big").hex() not in repr(lease)
    assert str(lease.token) not in repr(lease)
