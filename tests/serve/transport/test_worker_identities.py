"""Workers with tokens of their own, on a real listener."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from grpc import StatusCode, aio
from support.running import (
    ADMIN,
    AUTH,
    PATIENCE_S,
    Running,
    a_proof,
    finish_request,
    holder,
    lease_request,
    running,
)

from sp1tee.errors import LeaseLost, StoreUnavailable
from sp1tee.store.records import RequestFilter, State
from sp1tee.wire.pb import worker_pb2

pytestmark = pytest.mark.anyio

PROOF = a_proof()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path, quarantine_after=2, max_attempts=9) as server:
        yield server


@pytest.fixture
async def operator(served: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.server.worker.url, headers=ADMIN) as client:
        yield client


@dataclass
class Worker:
    """A worker with a token of its own."""

    served: Running
    token: str
    token_id: str

    @property
    def auth(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.token}"),)

    async def lease(self, **asked: Any) -> worker_pb2.Lease | None:
        reply = await self.served.workers.Lease(lease_request(**asked), metadata=self.auth)
        return reply.lease if reply.HasField("lease") else None

    async def leased(self) -> worker_pb2.Lease:
        await self.served.queued()
        lease = await self.lease()
        assert lease is not None
        return lease

    async def put(self, lease: worker_pb2.Lease, proof: bytes = PROOF) -> int:
        async with httpx.AsyncClient(base_url=self.served.server.worker.url) as client:
            headers = {**holder(lease), **dict(self.auth)}
            path = f"/proofs/{lease.lease_id}"
            return (await client.put(path, content=proof, headers=headers)).status_code

    async def get(self, path: str, **headers: str) -> int:
        async with httpx.AsyncClient(base_url=self.served.server.worker.url) as client:
            return (await client.get(path, headers={**dict(self.auth), **headers})).status_code

    async def drops(self, lease: worker_pb2.Lease) -> bool:
        beat = worker_pb2.HeartbeatRequest.Beat(
            lease_id=lease.lease_id, lease_token=lease.lease_token, stage=4
        )
        asked = worker_pb2.HeartbeatRequest(worker="w", beats=[beat])
        reply = await self.served.workers.Heartbeat(asked, metadata=self.auth)
        return lease.lease_id in reply.drop


async def added(served: Running, operator: httpx.AsyncClient, name: str) -> Worker:
    made = (await operator.post(f"/admin/workers/{name}/add")).json()
    return Worker(served, made["token"], made["token_id"])


async def states(operator: httpx.AsyncClient) -> dict[str, str]:
    shown = (await operator.get("/admin/workers")).json()["workers"]
    return {worker["name"]: worker["state"] for worker in shown}


async def until_waiting(served: Running, number: int) -> None:
    """Wait until so many calls are in flight."""
    ended = time.monotonic() + PATIENCE_S
    while served.server.core.gate.inside != number:
        assert time.monotonic() < ended
        await asyncio.sleep(0.005)


async def status_of(call: Any) -> tuple[StatusCode, str]:
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    trailers = dict(caught.value.trailing_metadata() or ())
    return caught.value.code(), str(trailers.get("sp1tee-code"))


async def test_a_worker_proves_with_a_token_of_its_own(
    served: Running, operator: httpx.AsyncClient
) -> None:
    worker = await added(served, operator, "gpu-1")
    lease = await worker.leased()
    assert await worker.get(f"/blobs/stdin/{lease.lease_id}", **holder(lease)) == 200
    assert not await worker.drops(lease)
    assert await worker.put(lease) == 204
    await served.workers.Finish(finish_request(lease, PROOF), metadata=worker.auth)
    (record,) = await served.room.store.requests.find(RequestFilter())
    assert (record.state, record.worker) == (State.SETTLED, "gpu-1")


async def test_another_worker_can_do_nothing_with_a_lease_s_id_and_token(
    served: Running, operator: httpx.AsyncClient
) -> None:
    owner, thief = await added(served, operator, "gpu-1"), await added(served, operator, "gpu-2")
    lease = await owner.leased()
    assert await owner.put(lease) == 204

    for path in (f"/blobs/stdin/{lease.lease_id}", f"/blobs/program/{lease.lease_id}"):
        assert await thief.get(path, **holder(lease)) == 410
    assert await thief.put(lease) == 410
    assert await thief.drops(lease)
    finish = served.workers.Finish(finish_request(lease, PROOF), metadata=thief.auth)
    assert (await status_of(finish))[1] == LeaseLost.code
    held = {"lease_id": lease.lease_id, "lease_token": lease.lease_token}
    fail = served.workers.Fail(worker_pb2.FailRequest(**held, text="x"), metadata=thief.auth)
    assert (await status_of(fail))[1] == LeaseLost.code
    release = served.workers.Release(worker_pb2.ReleaseRequest(**held), metadata=thief.auth)
    assert (await status_of(release))[1] == LeaseLost.code

    assert not await owner.drops(lease)
    await served.workers.Finish(finish_request(lease, PROOF), metadata=owner.auth)


async def test_who_shares_a_token_can_do_nothing_with_it_either(
    served: Running, operator: httpx.AsyncClient
) -> None:
    owner = await added(served, operator, "gpu-1")
    lease = await owner.leased()
    path = f"/blobs/stdin/{lease.lease_id}"
    assert (await served.worker.get(path, headers=holder(lease))).status_code == 410
    assert (await served.put_proof(lease, PROOF)).status_code == 410
    shared = served.workers.Finish(finish_request(lease, PROOF), metadata=AUTH)
    assert (await status_of(shared))[0] is not StatusCode.OK


async def test_a_worker_with_a_token_of_its_own_cannot_use_a_shared_lease(
    served: Running, operator: httpx.AsyncClient
) -> None:
    lease = await served.leased()
    thief = await added(served, operator, "gpu-2")
    assert await thief.get(f"/blobs/stdin/{lease.lease_id}", **holder(lease)) == 410
    assert await thief.drops(lease)


async def test_tokens_are_rotated_without_a_restart(
    served: Running, operator: httpx.AsyncClient
) -> None:
    old = await added(served, operator, "gpu-1")
    lease = await old.leased()
    new = await added(served, operator, "gpu-1")
    assert not await old.drops(lease)
    assert not await new.drops(lease)
    await operator.post("/admin/workers/gpu-1/revoke", params={"token": old.token_id})
    assert (await status_of(old.lease()))[0] is StatusCode.UNAUTHENTICATED
    assert not await new.drops(lease)


async def test_a_revoked_worker_is_refused_and_its_request_is_another_s(
    served: Running, operator: httpx.AsyncClient
) -> None:
    worker = await added(served, operator, "gpu-1")
    lease = await worker.leased()
    await operator.post("/admin/workers/gpu-1/revoke")
    assert await worker.get(f"/blobs/stdin/{lease.lease_id}", **holder(lease)) == 401
    assert (await states(operator))["gpu-1"] == "revoked"
    assert await served.lease(worker="gpu-2") is not None


async def test_a_drained_worker_waits_and_does_not_keep_work_from_the_next_in_line(
    served: Running, operator: httpx.AsyncClient
) -> None:
    drained = await added(served, operator, "gpu-1")
    first = asyncio.ensure_future(drained.lease(wait_ms=3000))
    await until_waiting(served, 1)
    second = asyncio.ensure_future(served.lease(wait_ms=30_000, worker="gpu-2"))
    await until_waiting(served, 2)
    await operator.post("/admin/workers/gpu-1/drain")
    await served.queued()
    assert await asyncio.wait_for(second, PATIENCE_S) is not None
    assert await asyncio.wait_for(first, PATIENCE_S) is None
    await operator.post("/admin/workers/gpu-1/resume")
    assert await drained.leased()


async def test_a_worker_whose_proofs_are_refused_is_put_in_quarantine_and_shown(
    served: Running, operator: httpx.AsyncClient
) -> None:
    worker = await added(served, operator, "gpu-1")
    for _ in range(2):
        lease = await worker.leased()
        assert await worker.put(lease, b"no proof") == 400
        fault = worker_pb2.FailRequest(
            lease_id=lease.lease_id, lease_token=lease.lease_token, text="Refused."
        )
        await served.workers.Fail(fault, metadata=worker.auth)
    assert (await states(operator))["gpu-1"] == "quarantined"
    (shown,) = (await served.worker.get("/health/ready")).json()["workers"]
    assert (shown["name"], shown["state"]) == ("gpu-1", "quarantined")
    assert (await served.server.core.registry.states())["quarantined"] == 1
    await served.queued()
    assert await worker.lease() is None
    await operator.post("/admin/workers/gpu-1/resume")
    assert await worker.lease() is not None


async def test_the_shared_token_can_be_switched_off(tmp_path: Path) -> None:
    async with running(tmp_path, shared_worker_token=False) as served:
        with pytest.raises(aio.AioRpcError) as caught:
            await served.lease()
        assert caught.value.code() is StatusCode.UNAUTHENTICATED
        url = served.server.worker.url
        async with httpx.AsyncClient(base_url=url, headers=ADMIN) as operator:
            worker = await added(served, operator, "gpu-1")
            assert await worker.leased()


async def test_a_store_that_cannot_be_read_is_no_wrong_token(
    served: Running, operator: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise StoreUnavailable("The disk is gone.")

    worker = await added(served, operator, "gpu-1")
    monkeypatch.setattr(served.server.core.store.identities, "by_token", broken)
    assert (await status_of(worker.lease()))[0] is StatusCode.UNAVAILABLE
    assert await worker.get("/metrics") == 503
    assert (await served.worker.get("/metrics")).status_code == 200


async def test_nobody_takes_the_name_of_a_worker_with_a_token(
    served: Running, operator: httpx.AsyncClient
) -> None:
    await added(served, operator, "gpu-1")
    await served.queued()
    assert await served.lease(worker="gpu-1") is not None
    (record,) = await served.room.store.requests.find(RequestFilter())
    assert record.worker == "gpu-1 (shared token)"
    assert await states(operator) == {
        "gpu-1": "active",
        "gpu-1 (shared token)": "shares a token",
    }


async def test_a_token_is_kept_as_its_hash_alone_and_shown_once(
    served: Running, operator: httpx.AsyncClient, tmp_path: Path
) -> None:
    worker = await added(served, operator, "gpu-1")
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("store.db*"))
    assert worker.token.encode() not in kept
    listed = (await operator.get("/admin/workers")).text
    assert worker.token not in listed
    assert worker.token_id in listed


@pytest.mark.parametrize("token", ["x", "x y", "a" * 2_000, "0" * 64])
async def test_a_guessed_token_opens_nothing(served: Running, token: str) -> None:
    assert await Worker(served, token, "").get("/metrics") == 401


@pytest.mark.parametrize("name", ["GPU", "a%2Fb", "%00", "-x"])
async def test_a_name_that_is_none_is_refused(operator: httpx.AsyncClient, name: str) -> None:
    assert (await operator.post(f"/admin/workers/{name}/add")).status_code in (400, 404)


async def test_an_unknown_worker_is_not_drained(operator: httpx.AsyncClient) -> None:
    answer = await operator.post("/admin/workers/nobody/drain")
    assert (answer.status_code, answer.json()["code"]) == (409, "SP1TEE-R039")


async def test_workers_that_share_a_token_are_listed_too(
    served: Running, operator: httpx.AsyncClient
) -> None:
    await served.lease()
    assert await states(operator) == {"gpu-1": "shares a token"}
