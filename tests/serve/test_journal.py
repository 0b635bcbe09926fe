"""The log names every request on its way, and nothing that would open it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from grpc import aio
from hypothesis import given
from hypothesis import strategies as st
from structlog.contextvars import get_contextvars, merge_contextvars
from structlog.testing import capture_logs
from support.running import AUTH, holder, running
from support.serving import record

from sp1tee.serve.about import HEADER, named
from sp1tee.serve.journal import log_change
from sp1tee.store.records import State
from sp1tee.store.writer import Change
from sp1tee.wire.ids import new_id, parse_id
from sp1tee.wire.pb import worker_pb2


def told(*states: dict[str, Any], before: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """What is logged of a request that takes these states."""
    last = before and record(**before)
    with capture_logs() as lines:
        for state in states:
            after = record(**state)
            log_change(Change(last, after))
            last = after
    return [{name: fact for name, fact in line.items() if name != "log_level"} for line in lines]


def test_each_step_is_one_line_and_says_who_took_it() -> None:
    leased = {"worker": "gpu-1", "attempts": 1}
    assert told(
        {"state": State.QUEUED},
        {"state": State.LEASED, **leased},
        {"state": State.LEASED, **leased, "stage": 4},
        {"state": State.SETTLED, **leased},
    ) == [
        {"event": "state", "request": "req_1", "state": "queued"},
        {
            "event": "state",
            "request": "req_1",
            "before": "queued",
            "state": "leased",
            "attempt": 1,
            "worker": "gpu-1",
        },
        {
            "event": "state",
            "request": "req_1",
            "before": "leased",
            "state": "settled",
            "attempt": 1,
            "worker": "gpu-1",
        },
    ]


def test_a_request_from_before_a_restart_goes_on_where_it_was() -> None:
    (line,) = told({"state": State.EXPIRED}, before={"state": State.QUEUED})
    assert (line["before"], line["state"]) == ("queued", "expired")


def test_what_ended_before_is_silent() -> None:
    assert told({"state": State.FAILED, "told": True}, before={"state": State.FAILED}) == []


def test_the_networks_id_is_in_no_line() -> None:
    lines = told({"state": State.QUEUED}, {"state": State.FAILED})
    assert (b"\x1d" * 32).hex() not in str(lines)


def about(*headers: tuple[bytes, bytes]) -> object:
    with named(headers):
        return get_contextvars().get("request")


def test_a_call_is_named_by_what_its_worker_says_it_is_about() -> None:
    key = new_id("req")
    assert about((b"te", b"trailers"), (HEADER, key.encode())) == key
    assert about((b"te", b"trailers")) is None
    assert "request" not in get_contextvars()


@pytest.mark.parametrize("said", [b"", b"req_", b"lease_01h455vb4pex5vsknk084sn02q", b"\xff"])
def test_what_is_none_of_our_ids_names_nothing(said: bytes) -> None:
    assert about((HEADER, said)) is None


@given(st.binary(max_size=60))
def test_whatever_a_header_holds_only_ids_get_into_the_log(said: bytes) -> None:
    found = about((HEADER, said))
    assert found is None or parse_id(str(found), "req")


@pytest.mark.anyio
async def test_a_call_that_is_refused_is_logged_with_the_request_it_is_about(
    tmp_path: Path,
) -> None:
    key = new_id("req")
    async with running(tmp_path) as served:
        with capture_logs([merge_contextvars]) as lines:
            await refused(
                served.workers.Release(
                    worker_pb2.ReleaseRequest(lease_id=new_id("lease"), lease_token=bytes(32)),
                    metadata=(*AUTH, ("sp1tee-request", key)),
                )
            )
    (line,) = (line for line in lines if line["event"] == "call")
    assert (line["request"], line["code"]) == (key, "FAILED_PRECONDITION")


async def refused(call: aio.UnaryUnaryCall) -> None:
    with pytest.raises(aio.AioRpcError):
        await call


@pytest.mark.anyio
async def test_a_download_is_logged_with_the_request_it_is_about(tmp_path: Path) -> None:
    async with running(tmp_path) as served:
        lease = await served.leased()
        with capture_logs() as lines:
            await served.worker.get(f"/blobs/stdin/{lease.lease_id}", headers=holder(lease))
            # The answer is there before the line is.
            async with asyncio.timeout(30):
                while not (  # noqa: ASYNC110 - a log has no event
                    told := [line for line in lines if line["event"] == "request"]
                ):
                    await asyncio.sleep(0)
        key = (await served.record(lease)).key
    (line,) = told
    assert (line["request"], line["path"]) == (key, "/blobs/stdin/{lease}")
    assert lease.request == key
