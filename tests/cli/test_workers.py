"""`sp1tee workers`: tokens of their own, made and taken away on a running server."""

import json
import stat
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest
from support.operators import Ask, asking
from support.running import Running, running

pytestmark = pytest.mark.anyio


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as server:
        yield server


@pytest.fixture
def ask(served: Running, tmp_path: Path) -> Ask:
    return asking("workers", served, tmp_path)


async def test_a_token_is_printed_once_and_good_at_once(served: Running, ask: Ask) -> None:
    ran = await ask("add", "gpu-1")
    assert ran.code == 0
    (token,) = ran.out.split()
    assert len(token) >= 40
    assert await served.room.store.identities.by_token(sha256(token.encode()).digest()) == "gpu-1"
    assert "of gpu-1" in ran.err


async def test_a_token_can_be_written_to_a_file_of_its_owner_s(
    served: Running, ask: Ask, tmp_path: Path
) -> None:
    out = tmp_path / "gpu-1.token"
    ran = await ask("add", "gpu-1", "--out", str(out))
    assert (ran.code, ran.out) == (0, "")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    token = out.read_text().strip()
    assert await served.room.store.identities.by_token(sha256(token.encode()).digest()) == "gpu-1"


async def test_no_file_is_written_over_and_no_token_made_for_it(
    served: Running, ask: Ask, tmp_path: Path
) -> None:
    out = tmp_path / "gpu-1.token"
    out.write_text("mine")
    ran = await ask("add", "gpu-1", "--out", str(out))
    assert ran.code == 2
    assert out.read_text() == "mine"
    assert await served.room.store.identities.all() == []


async def test_a_refused_token_leaves_no_file(ask: Ask, tmp_path: Path) -> None:
    out = tmp_path / "x.token"
    ran = await ask("add", "NOT-A-NAME", "--out", str(out))
    assert ran.code == 4
    assert "no name for a worker" in ran.err
    assert not out.exists()


async def test_workers_are_listed_drained_resumed_and_revoked(ask: Ask) -> None:
    await ask("add", "gpu-1")
    assert "gpu-1  active" in (await ask("ls")).out
    assert "draining" in (await ask("drain", "gpu-1")).err
    assert "gpu-1  draining  never" in (await ask("ls")).out
    assert "active" in (await ask("resume", "gpu-1")).err
    assert "revoked" in (await ask("revoke", "gpu-1")).err
    (shown,) = json.loads((await ask("ls", "--format", "json")).out)["workers"]
    assert (shown["state"], shown["tokens"]) == ("revoked", [])


async def test_a_token_is_replaced_by_its_id(served: Running, ask: Ask) -> None:
    await ask("add", "gpu-1")
    await ask("add", "gpu-1")
    (known,) = await served.room.store.identities.all()
    ran = await ask("revoke", "gpu-1", "--token", known.tokens[0].id)
    assert ran.code == 0
    assert "has 1 tokens" in ran.err


async def test_an_unknown_worker_is_told(ask: Ask) -> None:
    ran = await ask("drain", "nobody")
    assert ran.code == 4
    assert "There is no such worker." in ran.err
