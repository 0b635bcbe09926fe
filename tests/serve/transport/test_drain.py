"""SIGTERM: nothing new comes in, what is in flight ends well, nobody is kept waiting."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from grpc import StatusCode, aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from support.running import AUTH, PATIENCE_S, Running, lease_request, running
from support.slow_clients import SLOW_CLIENTS

from sp1tee.wire.pb import types_pb2, worker_pb2

pytestmark = pytest.mark.anyio

STATUS = "/network.ProverNetwork/GetProofRequestStatus"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as server:
        yield server


@pytest.fixture(params=list(SLOW_CLIENTS))
def slow(request: pytest.FixtureRequest) -> Any:
    return SLOW_CLIENTS[request.param]


async def draining(served: Running) -> "asyncio.Task[None]":
    """Begin to drain; the server is past the point of letting anything in."""
    task = asyncio.create_task(served.server.drain(served.stopping))
    while not served.server.core.gate.closed:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0)
    return task


async def until_in_flight(served: Running, number: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while served.server.core.gate.inside != number:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.005)


async def code(call: Any) -> StatusCode:
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    return caught.value.code()


async def code_or_status(seen: Any) -> Any:
    """Return the next status that a watcher sees, or how the watch ended."""
    try:
        return (await anext(seen)).status
    except aio.AioRpcError as error:
        return error.code()


async def test_with_nothing_in_flight_there_is_nothing_to_wait_for(served: Running):
    await asyncio.wait_for(served.server.drain(served.stopping), PATIENCE_S)


async def test_an_upload_in_flight_ends_well(served: Running, slow: Any):
    place = await served.place()
    put = await slow.begin(served.server.public.url, place.path, 6)
    await put.send(b"abc")
    await until_in_flight(served, 1)
    drain = await draining(served)
    await put.send(b"def")
    assert (await put.answer())[0] == 200
    await asyncio.wait_for(drain, PATIENCE_S)
    assert await served.content(place) == b"abcdef"


async def test_a_call_in_flight_ends_well(served: Running, monkeypatch: pytest.MonkeyPatch):
    entered, go_on = asyncio.Event(), asyncio.Event()
    requests = served.room.store.requests
    really = requests.beat

    async def slowly(*args: Any, **named: Any) -> bool:
        entered.set()
        await go_on.wait()
        return await really(*args, **named)

    monkeypatch.setattr(requests, "beat", slowly)
    beat = worker_pb2.HeartbeatRequest.Beat(lease_id="lease_x", lease_token=bytes(32))
    request = worker_pb2.HeartbeatRequest(worker="gpu-1", beats=[beat])
    call = served.workers.Heartbeat(request, metadata=AUTH)
    replied = asyncio.ensure_future(call.code())
    await asyncio.wait_for(entered.wait(), PATIENCE_S)
    drain = await draining(served)
    assert not drain.done()
    go_on.set()
    assert await replied is StatusCode.OK
    await asyncio.wait_for(drain, PATIENCE_S)


async def test_waiting_workers_are_sent_away_at_once(served: Running):
    waiting = asyncio.ensure_future(served.lease(wait_ms=60_000))
    await until_in_flight(served, 1)
    drain = await draining(served)
    assert await asyncio.wait_for(waiting, PATIENCE_S) is None
    await asyncio.wait_for(drain, PATIENCE_S)


async def test_watchers_of_health_hear_of_it_and_are_sent_away(served: Running):
    watch = health_pb2_grpc.HealthStub(served.channel).Watch(
        health_pb2.HealthCheckRequest(service="network.ProverNetwork")
    )
    seen = aiter(watch)
    assert (await anext(seen)).status == health_pb2.HealthCheckResponse.SERVING
    await asyncio.wait_for(served.server.drain(served.stopping), PATIENCE_S)
    while (
        last := await code_or_status(seen)
    ) in health_pb2.HealthCheckResponse.ServingStatus.values():
        pass
    assert last is StatusCode.UNAVAILABLE


async def test_new_work_is_refused_in_a_way_that_sdks_repeat(served: Running):
    place = await served.place()
    await served.server.drain(served.stopping)
    request = types_pb2.GetProofRequestStatusRequest(request_id=bytes(32)).SerializeToString()
    assert await code(served.channel.unary_unary(STATUS)(request)) is StatusCode.UNAVAILABLE
    lease = served.workers.Lease(lease_request(), metadata=AUTH)
    assert await code(lease) is StatusCode.UNAVAILABLE
    answer = await served.public.put(place.path, content=b"x")
    assert answer.status_code == 503
    assert sorted(answer.json()) == ["advice", "code", "message"]


async def test_health_says_that_the_server_is_leaving(served: Running):
    await served.server.drain(served.stopping)
    answer = await served.public.get("/health")
    assert (answer.status_code, answer.json()) == (503, {"status": "draining"})
    ready = await served.worker.get("/health/ready")
    assert (ready.status_code, ready.json()["draining"]) == (503, True)
    assert ready.json()["why_not"] == {"server": "draining"}
    assert (await served.worker.get("/health/live")).status_code == 200
    assert (await served.worker.get("/metrics")).status_code == 200


async def test_patience_has_an_end(tmp_path: Path, slow: Any):
    async with running(tmp_path, drain_s=0.1) as served:
        place = await served.place()
        put = await slow.begin(served.server.public.url, place.path, 6)
        await put.send(b"abc")
        await until_in_flight(served, 1)
        await asyncio.wait_for(served.server.drain(served.stopping), PATIENCE_S)
        assert served.server.core.gate.inside == 1
        put.hang_up()
        await until_in_flight(served, 0)
        assert await served.state(place) == "created"
