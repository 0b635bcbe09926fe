"""SP1's verifier beside the provers: one connection, kept, for all of them."""

import asyncio
import hashlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.testing import capture_logs
from support.fulfilling import within
from support.gpu_server import OURS, GpuServer, counted, failed, framed, info, u32
from support.wire_data import SAMPLE_PUBLIC_VALUES, SAMPLE_VK_HASH, real_proof, sample

from sp1tee.errors import ProverFailed
from sp1tee.fulfill.provers import Made, ProveTask
from sp1tee.fulfill.provers.verifying import Verifier, refute
from sp1tee.native.process import ForeignServer
from sp1tee.native.programs import find_verifier
from sp1tee.wire.modes import Mode
from sp1tee.wire.versions import SUPPORTED, parse_version

pytestmark = pytest.mark.anyio

INFO, VERIFY = OURS, OURS + 2
HOLDS = framed(u32(VERIFY) + u32(0) + counted(b""))
MADE = Made(b"a proof", b"a key")
TASK = ProveTask(
    elf=sample(".elf"),
    elf_sha256=hashlib.sha256(sample(".elf")).digest(),
    stdin=sample(".stdin"),
    deferred_proofs=0,
    version=SUPPORTED[-1],
    mode=Mode.COMPRESSED,
    vk_hash=SAMPLE_VK_HASH,
    vk=sample("-vk.bin"),
    public_values=SAMPLE_PUBLIC_VALUES,
)


@pytest.fixture
def server(tmp_path: Path) -> GpuServer:
    return GpuServer(tmp_path / "s", info=info())


@asynccontextmanager
async def verifying(server: GpuServer) -> AsyncIterator[Verifier]:
    with server.serving():
        verifier = Verifier(ForeignServer(server.path))
        try:
            yield verifier
        finally:
            await verifier.aclose()


async def test_many_proofs_are_judged_on_one_connection(server: GpuServer):
    async with verifying(server) as verifier:
        reasons = await asyncio.gather(*(verifier.refute(TASK, MADE) for _ in range(5)))
    assert reasons == [""] * 5
    assert server.connections == 1
    asked = counted(MADE.vk) + counted(SAMPLE_PUBLIC_VALUES) + MADE.proof
    assert server.asked == [(INFO, b""), *[(VERIFY, asked)] * 5]


async def test_why_a_proof_does_not_hold_is_told(server: GpuServer):
    server.refuted = b"invalid evaluation"
    async with verifying(server) as verifier:
        assert await verifier.refute(TASK, MADE) == "invalid evaluation"


async def test_it_can_be_made_ready_before_the_first_proof(server: GpuServer):
    ready = Event()
    server.answers[INFO] = lambda _: (ready.set(), framed(info()))[-1]
    async with verifying(server) as verifier:
        verifier.prepare()
        assert await asyncio.to_thread(ready.wait, 30)
        await verifier.refute(TASK, MADE)
        verifier.prepare()
    assert server.connections == 1


async def test_that_it_cannot_be_made_ready_is_told_with_the_first_proof(tmp_path: Path):
    server = ForeignServer(tmp_path / "nothing")
    verifier = Verifier(server)
    verifier.prepare()
    server.stop()
    asking = asyncio.ensure_future(verifier.refute(TASK, MADE))
    await within(verifier.aclose())
    with pytest.raises(ProverFailed, match="could not be verified"):
        await within(asking)


async def test_a_connection_that_died_meanwhile_is_opened_again(server: GpuServer):
    faults = iter([None, HOLDS])
    async with verifying(server) as verifier:
        await verifier.refute(TASK, MADE)
        server.answers[VERIFY] = lambda _: next(faults)
        assert await verifier.refute(TASK, MADE) == ""
    assert server.connections == 2


@pytest.mark.parametrize(
    ("answer", "match"),
    [
        pytest.param(lambda _: None, "hung up", id="hangs up"),
        pytest.param(lambda _: framed(b"garbage!"), "no answer", id="garbage"),
        pytest.param(lambda _: framed(failed(b"it was killed")), "it was killed", id="fails"),
        pytest.param(lambda _: b"", "in time", id="hangs"),
    ],
)
async def test_one_that_is_broken_lets_no_proof_pass(
    server: GpuServer, monkeypatch: pytest.MonkeyPatch, answer: Callable[[bytes], Any], match: str
):
    monkeypatch.setattr("sp1tee.fulfill.provers.verifying.VERIFY_SECONDS", 0.5)
    server.answers[VERIFY] = answer
    async with verifying(server) as verifier:
        with pytest.raises(ProverFailed, match=f"could not be verified.*{match}"):
            await within(verifier.refute(TASK, MADE))
        server.answers.clear()
        assert await verifier.refute(TASK, MADE) == ""


async def test_a_server_that_verifies_nothing_lets_no_proof_pass(server: GpuServer):
    server.info = None
    async with verifying(server) as verifier:
        verifier.prepare()
        with pytest.raises(ProverFailed, match="could not be verified"):
            await verifier.refute(TASK, MADE)


@pytest.mark.parametrize(
    ("task", "made", "reason"),
    [
        pytest.param(
            replace(TASK, version=parse_version("sp1-v6.0.0")),
            MADE,
            "the verifier here is of v6.1.0",
            id="other circuits",
        ),
        pytest.param(TASK, Made(b"a proof"), "the program's key is not known", id="no key"),
    ],
)
async def test_what_it_cannot_judge_passes_and_that_is_said(
    server: GpuServer, task: ProveTask, made: Made, reason: str
):
    server.refuted = b"not to be asked"
    async with verifying(server) as verifier:
        with capture_logs() as lines:
            assert await refute(verifier, task, made) == ""
    [line] = lines
    assert line["event"] == "not verified"
    assert reason in line["reason"]


async def test_what_is_logged_names_the_request(server: GpuServer):
    faults = iter([None, HOLDS])
    server.answers[VERIFY] = lambda _: next(faults)
    async with verifying(server) as verifier:
        with (
            capture_logs(processors=[merge_contextvars]) as lines,
            bound_contextvars(request_id="the request"),
        ):
            await verifier.refute(TASK, MADE)
    [line] = lines
    assert "the verifier failed" in line["event"]
    assert line["request_id"] == "the request"


async def test_closing_ends_a_judgement_that_hangs(server: GpuServer):
    asked = Event()
    server.answers[VERIFY] = lambda _: (asked.set(), b"")[-1]
    async with verifying(server) as verifier:
        asking = asyncio.ensure_future(verifier.refute(TASK, MADE))
        assert await asyncio.to_thread(asked.wait, 30)
        await within(verifier.aclose())
        with pytest.raises(ProverFailed, match="closed"):
            await within(asking)
    assert server.connections == 1


async def test_the_real_one_tells_true_proofs_from_others_and_comes_back_when_it_is_killed():
    verifier = Verifier.find()
    if verifier is None:
        pytest.skip("no sp1tee-prover on PATH and SP1TEE_PROVER names none (just native builds it)")
    try:
        for mode in ("core", "compressed"):
            made = Made(real_proof(mode), sample("-vk.bin"))
            assert await verifier.refute(TASK, made) == ""
            assert await verifier.refute(replace(TASK, public_values=b"others"), made)
        os.kill(pid_of(verifier), signal.SIGKILL)
        assert await verifier.refute(TASK, made) == ""
    finally:
        await verifier.aclose()


def pid_of(verifier: Verifier) -> int:
    assert verifier._client is not None
    return verifier._client.peer()


def test_a_program_that_is_named_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("SP1TEE_PROVER", raising=False)
    assert Verifier.find() is None
    named = tmp_path / "ours"
    named.write_text("#!/bin/sh\necho 'sp1tee-prover 0.1.0 (SP1 6.10.0, circuits v6.1.0)'\n")
    named.chmod(0o755)
    found = find_verifier(named)
    assert found is not None
    assert found.path == named
    assert Verifier.find(named) is not None
