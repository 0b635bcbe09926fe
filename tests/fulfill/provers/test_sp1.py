"""SP1's provers behind their socket: a real proof's way, and every way it can fail on."""

import asyncio
import hashlib
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from types import MappingProxyType
from typing import Any

import pytest
from structlog.contextvars import bound_contextvars, merge_contextvars
from structlog.testing import capture_logs
from support import gpu_server
from support.fulfilling import within
from support.gpu_server import OURS, GpuServer, counted, failed, framed, info, u32
from support.wire_data import SAMPLE_PUBLIC_VALUES, SAMPLE_VK_HASH, real_proof, sample

from sp1tee.errors import JobFailed, ProverFailed, ProverUnavailable
from sp1tee.fulfill.provers import Made, ProveTask
from sp1tee.fulfill.provers.sp1 import Sp1Prover
from sp1tee.fulfill.provers.verifying import Verifier
from sp1tee.native.kept import Launch
from sp1tee.native.process import ForeignServer, OwnServer
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import SUPPORTED

pytestmark = pytest.mark.anyio

SECRET = b"a private balance"
TASK = ProveTask(
    elf=sample(".elf"),
    elf_sha256=hashlib.sha256(sample(".elf")).digest(),
    stdin=Stdin.of(SECRET).encode(),
    deferred_proofs=0,
    version=SUPPORTED[-1],
    mode=Mode.COMPRESSED,
    vk_hash=SAMPLE_VK_HASH,
    vk=sample("-vk.bin"),
    public_values=SAMPLE_PUBLIC_VALUES,
)
SETUP, PROVE, DESTROY, VERIFY = 0, 1, 2, OURS + 2
HOLDS = u32(VERIFY) + u32(0) + counted(b"")


def soon() -> float:
    return time.time() + 120


async def prove(prover: Sp1Prover, task: ProveTask = TASK, deadline: float | None = None) -> bytes:
    """What a job does with a prover, but for the check of the claims."""
    made = await prover.prove(task, deadline or soon())
    await prover.verify(task, made)
    return made.proof


@pytest.fixture
def server(tmp_path: Path) -> GpuServer:
    return GpuServer(
        tmp_path / "s", vk=sample("-vk.bin"), proof=real_proof("compressed"), info=info(1, 2)
    )


@asynccontextmanager
async def proving(server: GpuServer, **changes: Any) -> AsyncIterator[Sp1Prover]:
    with server.serving():
        prover = Sp1Prover(ForeignServer(server.path), **changes)
        try:
            yield prover
        finally:
            await prover.aclose()


# --- as it should be -------------------------------------------------------------------------


async def test_a_proof_is_made_and_verified(server: GpuServer):
    async with proving(server) as prover:
        await prover.check()
        [offered] = prover.capabilities()
        assert (offered.version, offered.mock) == ("sp1-v6.1.0", False)
        assert offered.modes == {Mode.CORE, Mode.COMPRESSED}
        made = await prover.prove(TASK, soon())
        assert (made.proof, made.vk) == (server.proof, server.vk)
        assert server.tags() == [SETUP, PROVE]
        await prover.verify(TASK, made)
    assert server.tags() == [SETUP, PROVE, VERIFY]


async def test_a_program_is_set_up_once_on_one_connection(server: GpuServer):
    async with proving(server) as prover:
        assert prover.keys == frozenset()
        for _ in range(3):
            await prove(prover)
            assert prover.keys == {TASK.vk_hash}
    assert prover.keys == frozenset()
    assert server.tags().count(SETUP) == 1
    # One more asked who it is, and another one has all proofs verified.
    assert server.connections == 3


async def test_the_program_used_longest_ago_makes_room(server: GpuServer):
    elves = [TASK.elf + bytes([n]) for n in range(3)]
    async with proving(server, keys=2) as prover:
        for n in (0, 1, 0, 2, 0, 1):
            digest = hashlib.sha256(elves[n]).digest()
            await prover.prove(replace(TASK, elf=elves[n], elf_sha256=digest), soon())
    wanted = [SETUP, SETUP, DESTROY, SETUP, DESTROY, SETUP]
    assert [tag for tag in server.tags() if tag in {SETUP, DESTROY}] == wanted


async def test_a_gpu_server_makes_every_mode_and_another_server_verifies(
    server: GpuServer, tmp_path: Path
):
    server.info = None
    judge = GpuServer(tmp_path / "judge", info=info())
    with judge.serving():
        async with proving(server, verifier=Verifier(ForeignServer(judge.path))) as prover:
            await prover.check()
            assert prover.capabilities()[0].modes == frozenset(Mode)
            await prove(prover)
    assert judge.tags() == [VERIFY]
    assert server.tags() == [SETUP, PROVE]


async def test_that_nobody_verified_is_said(server: GpuServer):
    server.info = None
    async with proving(server) as prover:
        with capture_logs() as lines:
            await prove(prover)
    assert [line["event"] for line in lines][-1] == "not verified"


# --- what is never handed in -----------------------------------------------------------------


async def test_a_key_of_another_program_ends_the_request_before_anything_is_proved(
    server: GpuServer,
):
    server.vk = sample("-vk.bin")[:-8] + bytes(8)
    async with proving(server) as prover:
        with pytest.raises(JobFailed) as caught:
            await prover.prove(TASK, soon())
    assert caught.value.error == types_pb2.VERIFICATION_KEY_MISMATCH
    assert PROVE not in server.tags()


async def test_a_proof_that_does_not_verify_is_a_failure(server: GpuServer):
    server.refuted = b"invalid evaluation"
    async with proving(server) as prover:
        with pytest.raises(ProverFailed, match=r"refuses the proof.*: invalid evaluation"):
            await prove(prover)


async def test_after_a_proof_that_does_not_verify_a_new_process_makes_the_next(tmp_path: Path):
    judge = GpuServer(tmp_path / "judge", info=info(), refuted=b"invalid evaluation")
    verifier = Verifier(ForeignServer(judge.path))
    with judge.serving():
        async with owning(tmp_path, verifier=verifier) as (prover, server):
            made = await prover.prove(TASK, soon())
            first = server.pid
            with pytest.raises(ProverFailed, match="refuses the proof"):
                await prover.verify(TASK, made)
            assert server.pid == first is not None
            judge.refuted = b""
            for _ in range(2):
                await prove(prover)
    assert starts(tmp_path) == 2


async def test_a_prover_that_is_stopped_leaves_the_verifier_alone(tmp_path: Path):
    judge, asked, go_on = GpuServer(tmp_path / "judge", info=info()), Event(), Event()
    judge.answers[VERIFY] = lambda _: (asked.set(), go_on.wait(30), framed(HOLDS))[-1]
    made = Made(real_proof("compressed"), sample("-vk.bin"))
    with judge.serving():
        verifier = Verifier(ForeignServer(judge.path))
        async with owning(tmp_path, "hang", verifier=verifier) as (prover, server):
            judging = asyncio.ensure_future(prover.verify(TASK, made))
            assert await asyncio.to_thread(asked.wait, 30)
            with pytest.raises(ProverFailed, match="prover was stopped"):
                await within(prover.prove(TASK, time.time() + 0.5))
            assert server.pid is None
            assert not judging.done()
            go_on.set()
            await within(judging)


# --- failures on the way ---------------------------------------------------------------------


async def test_a_failed_proof_is_told_in_the_words_of_our_own_server(server: GpuServer):
    server.answers[PROVE] = lambda _: framed(failed(b"a task failed", proving=True))
    async with proving(server) as prover:
        with pytest.raises(ProverFailed, match="a task failed"):
            await prover.prove(TASK, soon())
    assert server.tags().count(PROVE) == 1


async def test_the_words_of_a_gpu_server_could_quote_an_input_and_are_not_repeated(
    server: GpuServer,
):
    server.info = None
    for proving_failed in (True, False):
        server.answers[PROVE] = lambda _, p=proving_failed: framed(failed(SECRET, proving=p))
        async with proving(server) as prover:
            with capture_logs() as lines, pytest.raises(ProverFailed) as caught:
                await prover.prove(TASK, soon())
        assert SECRET.decode() not in f"{caught.value!r} {caught.value.__cause__!r} {lines}"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda _: None, id="hangs up"),
        pytest.param(lambda _: framed(b"garbage!"), id="garbage"),
        pytest.param(lambda _: u32(0xFFFFFFFF), id="a huge length"),
        pytest.param(lambda _: framed(u32(0)), id="another answer"),
        pytest.param(lambda _: framed(failed(b"unknown key")), id="an internal error"),
    ],
)
@pytest.mark.parametrize("tag", [SETUP, PROVE])
async def test_what_breaks_the_connection_is_tried_once_more(
    server: GpuServer, tag: int, answer: Callable[[bytes], bytes | None]
):
    broken = MappingProxyType({tag: answer})
    server.answers.update(broken)
    async with proving(server) as prover:
        with capture_logs() as lines, pytest.raises(ProverFailed, match="It failed twice"):
            await prover.prove(TASK, soon())
        assert server.tags().count(tag) == 2
        assert SECRET.decode() not in str(lines)
        server.answers.clear()
        assert await prove(prover) == server.proof


async def test_what_is_logged_names_the_request(server: GpuServer):
    server.answers[PROVE] = lambda _: None
    async with proving(server) as prover:
        with (
            capture_logs(processors=[merge_contextvars]) as lines,
            bound_contextvars(request_id="the request"),
            pytest.raises(ProverFailed),
        ):
            await prove(prover)
    [line] = lines
    assert "once more" in line["event"]
    assert line["request_id"] == "the request"


async def test_a_server_that_hangs_is_left_at_the_deadline(server: GpuServer):
    server.answers[PROVE] = lambda _: b""
    async with proving(server) as prover:
        with pytest.raises(ProverFailed, match="deadline passed"):
            await within(prover.prove(TASK, time.time() + 0.3))
    assert server.tags().count(PROVE) == 1


async def test_cancelling_ends_the_call_and_nothing_is_tried_again(server: GpuServer):
    asked = Event()
    server.answers[PROVE] = lambda _: (asked.set(), b"")[1]
    async with proving(server) as prover:
        work = asyncio.ensure_future(prover.prove(TASK, soon()))
        assert await asyncio.to_thread(asked.wait, 30)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await within(work)
        server.answers.clear()
        assert await prove(prover) == server.proof
    assert server.tags().count(PROVE) == 2


# --- who answers -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "match"),
    [
        pytest.param(info(), "makes no proofs", id="a server without a prover"),
        pytest.param(info(1, circuit=b"v9.9.9"), "circuits of a version", id="another SP1"),
        pytest.param(b"garbage!", "bytes that are no answer", id="no native server at all"),
    ],
)
async def test_a_server_of_no_use_is_named(server: GpuServer, who: bytes, match: str):
    server.info = who
    async with proving(server) as prover:
        with pytest.raises(ProverUnavailable, match=match):
            await prover.check()
        assert prover.capabilities() == ()


async def test_a_server_that_does_not_come_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sp1tee.fulfill.provers.sp1_look.START_SECONDS", 0.0)
    prover = Sp1Prover(ForeignServer(tmp_path / "nothing"))
    with pytest.raises(ProverUnavailable, match="Nobody answers"):
        await prover.check()
    with pytest.raises(ProverUnavailable, match="Nobody answers"):
        await prover.prove(TASK, soon())
    await prover.aclose()


# --- a process of our own --------------------------------------------------------------------


@asynccontextmanager
async def owning(
    folder: Path, *faults: str, **changes: Any
) -> AsyncIterator[tuple[Sp1Prover, OwnServer]]:
    (folder / "vk").write_bytes(sample("-vk.bin"))
    (folder / "proof").write_bytes(real_proof("compressed"))
    (folder / "info").write_bytes(info(1, 2))
    command = (sys.executable, gpu_server.__file__, str(folder), str(folder / "s"), *faults)
    server = OwnServer(Launch(command, folder / "s", {"CUDA_VISIBLE_DEVICES": "0"}))
    prover = Sp1Prover(server, **changes)
    try:
        yield prover, server
    finally:
        await prover.aclose()
        assert server.pid is None


def starts(folder: Path) -> int:
    return len((folder / "starts").read_text().splitlines())


async def test_a_late_socket_is_waited_for(tmp_path: Path):
    async with owning(tmp_path, "late") as (prover, _):
        assert await prove(prover) == real_proof("compressed")


async def test_a_server_that_crashes_in_the_middle_is_started_again(tmp_path: Path):
    async with owning(tmp_path, "crash-once") as (prover, _):
        with capture_logs() as lines:
            assert await prove(prover) == real_proof("compressed")
    assert starts(tmp_path) == 2
    assert "was ended by SIGKILL after a panic at src/server.rs:42" in lines[0]["reason"]
    assert "PRIVATE" not in str(lines)


async def test_a_server_that_crashes_again_fails_the_request_with_the_reason(tmp_path: Path):
    async with owning(tmp_path, "crash") as (prover, _):
        with pytest.raises(ProverFailed, match=r"twice.*SIGKILL after a panic at src/server\.rs"):
            await prover.prove(TASK, soon())
    assert starts(tmp_path) == 2


async def test_at_the_deadline_the_process_is_killed(tmp_path: Path):
    async with owning(tmp_path, "hang") as (prover, server):
        await prover.check()
        with pytest.raises(ProverFailed, match="deadline passed"):
            await within(prover.prove(TASK, time.time() + 0.5))
        assert server.pid is None
        await prover.check()
        assert server.pid is not None
    assert starts(tmp_path) == 2


async def test_a_deadline_that_passed_before_leaves_the_server_alone(tmp_path: Path):
    async with owning(tmp_path) as (prover, server):
        await prover.prove(TASK, soon())
        running = server.pid
        with pytest.raises(ProverFailed, match="deadline passed"):
            await prover.prove(TASK, time.time() - 1)
        assert server.pid == running is not None


async def test_closing_in_the_middle_ends_the_call_and_the_process(tmp_path: Path):
    async with owning(tmp_path, "hang") as (prover, server):
        await prover.check()
        work = asyncio.ensure_future(prover.prove(TASK, soon()))
        await asyncio.sleep(0)
        await within(prover.aclose())
        with pytest.raises((ProverFailed, ProverUnavailable)):
            await within(work)
        assert server.pid is None
    assert starts(tmp_path) == 1


async def test_cancelling_kills_the_process(tmp_path: Path):
    async with owning(tmp_path, "hang") as (prover, server):
        await prover.check()
        work = asyncio.ensure_future(prover.prove(TASK, soon()))
        await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await within(work)
        assert server.pid is None
    assert starts(tmp_path) == 1


async def test_a_prover_that_proves_is_not_disturbed_by_a_check(tmp_path: Path):
    async with owning(tmp_path, "hang") as (prover, _):
        await prover.check()
        work = asyncio.ensure_future(prover.prove(TASK, soon()))
        await asyncio.sleep(0)
        await within(prover.check())
        assert not work.done()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await within(work)


async def test_why_a_server_does_not_start_is_told(tmp_path: Path):
    async with owning(tmp_path, "broken") as (prover, _):
        with pytest.raises(ProverUnavailable, match="CUDA driver version is insufficient"):
            await prover.check()
