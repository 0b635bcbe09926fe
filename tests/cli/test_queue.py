"""`sp1tee queue`: a real server, asked by its operator."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.operators import Ask, asking
from support.running import AUTH, TOKEN, Running, running

from sp1tee.store.records import RequestRecord, State
from sp1tee.wire.pb import worker_pb2

pytestmark = pytest.mark.anyio


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path, poisoned="hold", max_attempts=1) as server:
        yield server


@pytest.fixture
def ask(served: Running, tmp_path: Path) -> Ask:
    return asking("queue", served, tmp_path)


async def held(served: Running) -> RequestRecord:
    lease = await served.leased()
    fault = worker_pb2.FailRequest(
        lease_id=lease.lease_id, lease_token=lease.lease_token, retryable=True, text="A fault."
    )
    await served.workers.Fail(fault, metadata=AUTH)
    return await served.record(lease)


async def test_requests_are_listed_in_columns_and_counted(served: Running, ask: Ask) -> None:
    broken, waiting = await held(served), await served.queued()
    ran = await ask("ls")
    assert ran.code == 0
    head, *rows = ran.out.splitlines()
    assert head.split()[:3] == ["id", "state", "age"]
    assert {row.split()[0] for row in rows} == {waiting.key, broken.key}
    assert "1 queued, 1 held" in ran.err


async def test_an_empty_queue_is_an_empty_list(ask: Ask) -> None:
    assert (await ask("ls")).out == ""


async def test_programs_get_json(served: Running, ask: Ask) -> None:
    record = await served.queued()
    ran = await ask("ls", "--state", "queued", "--format", "json")
    assert [request["id"] for request in json.loads(ran.out)["requests"]] == [record.key]


async def test_a_request_is_shown_with_its_attempts(served: Running, ask: Ask) -> None:
    record = await held(served)
    ran = await ask("show", record.key)
    assert f"id             {record.key}" in ran.out
    assert ran.out.splitlines()[-1].startswith("try 1  gpu-1, ")
    assert ran.out.endswith("returned: A fault.\n")


async def test_a_held_request_is_tried_again(served: Running, ask: Ask) -> None:
    record = await held(served)
    ran = await ask("retry", record.key)
    assert ran.code == 0
    assert (await served.room.again(record)).state is State.QUEUED


async def test_a_request_is_dropped(served: Running, ask: Ask) -> None:
    record = await served.queued()
    ran = await ask("drop", record.key, "--format", "json")
    assert json.loads(ran.out)["state"] == "failed"
    assert (await served.room.again(record)).state is State.FAILED


async def test_what_cannot_be_done_is_told_with_the_server_s_words(
    served: Running, ask: Ask
) -> None:
    record = await served.queued()
    ran = await ask("retry", record.key)
    assert ran.code == 4
    assert "Only held requests are tried again; this one is queued." in ran.err
    assert "Traceback" not in ran.err


async def test_the_worker_token_is_refused(served: Running, ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    ran = await ask("ls")
    assert ran.code == 4
    assert "admin token" in ran.err
    assert TOKEN not in ran.err + ran.out


async def test_a_missing_token_file_is_a_usage_error(ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "token").unlink()
    ran = await ask("ls")
    assert ran.code == 2
    assert "token_file" in ran.err


async def test_a_server_that_is_away_is_told(ask: Ask) -> None:
    ran = await ask("ls", server="http://127.0.0.1:9")
    assert ran.code == 3
    assert "cannot be reached" in ran.err


async def test_the_token_crosses_no_network_in_clear_unless_that_is_allowed(ask: Ask) -> None:
    ran = await ask("ls", server="http://workers.example.org:8081")
    assert ran.code != 0
    assert "--allow-cleartext" in ran.err
