"""SP1's own executor behind a socket: what a stand-in makes it say, and what the real one does."""

import asyncio
import contextlib
import struct
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import pytest
from support.fulfilling import within
from support.gpu_server import OURS, GpuServer, counted, failed, framed, info, take_counted, u32
from support.guest_programs import Golden, hostile, program, read_golden

from sp1tee import guests
from sp1tee.errors import ElfError, ExecutorCrashed, ExecutorUnavailable
from sp1tee.fulfill.executors import Cause, Execution, Executor, Limits
from sp1tee.fulfill.executors.choosing import opened
from sp1tee.fulfill.executors.native import NativeExecutor
from sp1tee.fulfill.executors.needs import Needs
from sp1tee.fulfill.executors.unicorn import UnicornExecutor
from sp1tee.native.client import Client
from sp1tee.native.programs import find_verifier
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family

pytestmark = pytest.mark.anyio

V6 = Family.V6
EXECUTE = OURS + 1
COMPLETED, FAILED, STOPPED = 0, 1, 2
LIMITS = Limits(cycles=1_000_000, memory_bytes=64 << 20, seconds=60)
SECRET = "\x1b[31mwhat\nthe guest\tprinted\n"
PRINTED = "[31mwhat the guest printed"


def executed(
    outcome: int = COMPLETED,
    cause: int = 0,
    exit_code: int = 0,
    cycles: int = 0,
    gas: int = 0,
    values: bytes = b"",
    reason: str = "",
) -> bytes:
    numbers = struct.pack("<IIQQQ", outcome, cause, exit_code, cycles, gas)
    texts = [reason.encode(), b"standard output", SECRET.encode()]
    return framed(u32(EXECUTE) + numbers + b"".join(map(counted, [values, *texts])))


@dataclass
class At:
    """Connections to a stand-in; counts what is open."""

    server: GpuServer
    clients: list[Client] = field(default_factory=list)

    name = "the stand-in"

    def connect(self, seconds: float = 0.0) -> Client:
        client = Client.connect(self.server.path)
        self.clients.append(client)
        return client

    def stop(self) -> None:
        pass

    def close(self) -> None:
        pass

    def post_mortem(self) -> str:
        return ""

    @property
    def open(self) -> int:
        return sum(client._socket.fileno() >= 0 for client in self.clients)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GpuServer]:
    stand_in = GpuServer(tmp_path / "socket", info=info())
    stand_in.answers[EXECUTE] = lambda _: executed(cycles=99, gas=100, values=b"\x07")
    with stand_in.serving():
        yield stand_in


@pytest.fixture
async def executor(server: GpuServer) -> AsyncIterator[NativeExecutor]:
    executor = NativeExecutor(At(server), at_once=2, warm=0, grace=30)
    yield executor
    await within(executor.aclose())


async def run(executor: NativeExecutor, limits: Limits = LIMITS, **changes: object) -> Execution:
    given = {"elf": b"elf", "stdin": Stdin.of(b"in"), "family": V6, "tenant": "a", **changes}
    return await within(executor.execute(limits=limits, **given))  # type: ignore[arg-type]


# --- what the server says, in the words of this package --------------------------------------


async def test_a_clean_run_has_values_cycles_and_gas(executor: NativeExecutor):
    assert await run(executor) == Execution(b"\x07", 0, 99, 100, None, "", PRINTED)


async def test_the_server_gets_program_input_and_limits(
    executor: NativeExecutor, server: GpuServer
):
    stdin = Stdin.of(b"one", b"two")
    await run(executor, Limits(77, 64 << 20, seconds=1.5, gas=88), elf=b"program", stdin=stdin)
    tag, body = server.asked[-1]
    assert tag == EXECUTE
    assert struct.unpack_from("<QQQ", body) == (77, 88, 1500)
    assert take_counted(body[24:]) == (b"program", stdin.encode())


async def test_proofs_in_the_input_are_passed_on(executor: NativeExecutor, server: GpuServer):
    stdin = Stdin((b"one",), proof_count=1, proofs=b"proof and key")
    await run(executor, stdin=stdin)
    assert server.asked[-1][1].endswith(b"proof and key")


@pytest.mark.parametrize("cause", Cause)
async def test_a_failure_has_the_networks_cause_and_the_reason(
    executor: NativeExecutor, server: GpuServer, cause: Cause
):
    server.answers[EXECUTE] = lambda _: executed(FAILED, cause, reason="It failed.")
    assert await run(executor) == Execution(b"", None, 0, None, cause, "It failed.", PRINTED)


async def test_a_cause_that_the_network_does_not_have_is_unspecified(
    executor: NativeExecutor, server: GpuServer
):
    server.answers[EXECUTE] = lambda _: executed(FAILED, 4711, reason="It failed.")
    assert (await run(executor)).cause is Cause.UNSPECIFIED


async def test_a_run_that_ended_with_another_exit_code_keeps_its_numbers(
    executor: NativeExecutor, server: GpuServer
):
    server.answers[EXECUTE] = lambda _: executed(FAILED, 1, 7, 50, 60, b"\x01", "Exit code 7.")
    cause = Cause.HALT_WITH_NON_ZERO_EXIT_CODE
    assert await run(executor) == Execution(b"\x01", 7, 50, 60, cause, "Exit code 7.", PRINTED)


async def test_a_run_that_this_machine_stopped_is_worth_another_try(
    executor: NativeExecutor, server: GpuServer
):
    server.answers[EXECUTE] = lambda _: executed(STOPPED, reason="The runner was killed.")
    with pytest.raises(ExecutorCrashed, match=r"The runner was killed\."):
        await run(executor)


async def test_a_run_that_took_its_time_is_over(executor: NativeExecutor, server: GpuServer):
    def stop(body: bytes) -> bytes:
        (milliseconds,) = struct.unpack_from("<Q", body, 16)
        time.sleep(milliseconds / 1000)
        return executed(STOPPED, reason="It ran for longer than its limit.")

    server.answers[EXECUTE] = stop
    ended = await run(executor, Limits(None, 64 << 20, seconds=0.05))
    assert "longer than the 1 seconds" in ended.text
    assert (ended.cause, ended.exit_code) == (Cause.UNSPECIFIED, None)


async def test_a_server_that_does_not_keep_the_time_is_left(server: GpuServer):
    server.answers[EXECUTE] = lambda _: threading.Event().wait() or None  # type: ignore[func-returns-value]
    source = At(server)
    executor = NativeExecutor(source, at_once=1, warm=0, grace=0.05)
    ended = await run(executor, Limits(None, 64 << 20, seconds=0.05))
    assert "longer than the 1 seconds" in ended.text
    await within(executor.aclose())
    assert source.open == 0


async def test_public_values_have_a_cap(executor: NativeExecutor, server: GpuServer):
    server.answers[EXECUTE] = lambda _: executed(cycles=9, values=bytes((16 << 20) + 1))
    assert "more than 16777216 bytes of public values" in (await run(executor)).text


async def test_what_a_guest_prints_shows_in_no_text_and_in_no_log(
    executor: NativeExecutor, server: GpuServer, caplog: pytest.LogCaptureFixture
):
    told = [await run(executor)]
    server.answers[EXECUTE] = lambda _: executed(FAILED, 1, 1, 5, 6, b"", "It failed.")
    told.append(await run(executor))
    assert [one.printed for one in told] == [PRINTED, PRINTED]
    assert PRINTED not in f"{told} {[one.text for one in told]} {caplog.text}"


async def test_a_run_that_took_its_time_has_last_words(executor: NativeExecutor, server: GpuServer):
    server.answers[EXECUTE] = lambda _: (time.sleep(0.05), executed(STOPPED, reason="Too long."))[1]
    ended = await run(executor, Limits(None, 64 << 20, seconds=0.05))
    assert ended.printed == PRINTED


# --- servers that do not answer ---------------------------------------------------------------


@pytest.mark.parametrize(
    "frame",
    [
        None,
        framed(b""),
        framed(b"rubbish"),
        framed(u32(0)),
        executed(outcome=3),
        framed(executed()[4:-1]),
        b"\xff\xff\xff\xff",
    ],
    ids=["none", "empty", "rubbish", "other", "outcome", "cut", "endless"],
)
async def test_no_answer_is_a_crash(
    executor: NativeExecutor, server: GpuServer, frame: bytes | None
):
    server.answers[EXECUTE] = lambda _: frame
    with pytest.raises(ExecutorCrashed, match="gave no answer"):
        await run(executor)


async def test_a_server_that_failed_is_a_crash_and_says_why(
    executor: NativeExecutor, server: GpuServer
):
    server.answers[EXECUTE] = lambda _: framed(failed(b"the process at work\nwas killed"))
    with pytest.raises(ExecutorCrashed, match="failed: the process at work was killed"):
        await run(executor)


async def test_nobody_at_the_socket_is_no_executor(tmp_path: Path):
    executor = NativeExecutor(At(GpuServer(tmp_path / "none")), at_once=1)
    with pytest.raises(ExecutorUnavailable, match="Nobody answers"):
        await run(executor)
    await within(executor.aclose())


async def test_programs_of_v5_are_for_another_executor(executor: NativeExecutor):
    with pytest.raises(ElfError, match="SP1 v5"):
        await run(executor, family=Family.V5)


async def test_cancelling_hangs_up(server: GpuServer):
    asked = threading.Event()

    def hang(_: bytes) -> None:
        asked.set()
        threading.Event().wait()

    server.answers[EXECUTE] = hang
    source = At(server)
    executor = NativeExecutor(source, at_once=1, warm=0)
    running = asyncio.ensure_future(run(executor))
    await within(asyncio.to_thread(asked.wait))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await within(executor.aclose())  # which waits for the thread
    assert source.open == 0


# --- connections opened ahead -----------------------------------------------------------------


async def test_no_connection_serves_two_runs(server: GpuServer):
    source = At(server)
    executor = NativeExecutor(source, at_once=2, warm=1)
    for _ in range(3):
        await run(executor)
    await within(executor.aclose())
    assert server.tags() == [EXECUTE] * 3
    assert len(source.clients) >= 3
    assert source.open == 0


async def test_an_executor_that_ended_runs_nothing(server: GpuServer):
    executor = NativeExecutor(At(server), at_once=1, warm=0)
    await within(executor.aclose())
    with pytest.raises(ExecutorUnavailable, match="closed"):
        await run(executor)


async def test_it_is_called_by_its_versions_once_they_are_known(executor: NativeExecutor):
    assert executor.name == "native"
    await run(executor)
    assert executor.name.startswith("native (sp1tee-prover ")


async def test_a_connection_that_died_while_it_waited_is_replaced(server: GpuServer):
    source = At(server)
    executor = NativeExecutor(source, at_once=1, warm=1)
    await run(executor)
    executor._threads.submit(executor._connections.refill).result(30)
    source.clients[-1].abort()
    assert (await run(executor)).exit_code == 0
    await within(executor.aclose())


# --- which executor ---------------------------------------------------------------------------

NEEDS = Needs(at_once=2, ahead=1, memory_bytes=256 << 20, request_bytes=16 << 20)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No prover is to be found."""
    monkeypatch.delenv("SP1TEE_PROVER", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))


def script(path: Path, version: str) -> Path:
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return path


@pytest.mark.usefixtures("nowhere")
async def test_without_a_prover_the_emulator_runs_everything():
    async with opened("auto", None, NEEDS) as executor:
        assert executor.name == "unicorn"


@pytest.mark.usefixtures("nowhere")
async def test_a_prover_that_is_demanded_and_missing_is_named():
    with pytest.raises(ExecutorUnavailable, match="sp1tee-prover is neither"):
        async with opened("native", None, NEEDS):
            pass


@pytest.mark.usefixtures("nowhere")
@pytest.mark.parametrize("how", ["setting", "variable", "path"])
async def test_a_prover_is_found_as_set_or_named_or_on_the_path(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    at = script(tmp_path / "sp1tee-prover", "'sp1tee-prover 0.1.0 (SP1 6.10.0, circuit v6.1.0)'")
    if how == "variable":
        monkeypatch.setenv("SP1TEE_PROVER", str(at))
    if how != "path":
        monkeypatch.setenv("PATH", "/nonexistent")
    async with opened("auto", at if how == "setting" else None, NEEDS) as executor:
        assert executor.name == "native for v6, unicorn for v5"
    async with opened("unicorn", at if how == "setting" else None, NEEDS) as executor:
        assert executor.name == "unicorn"


@pytest.mark.usefixtures("nowhere")
async def test_a_gpu_server_is_no_executor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    other = script(tmp_path / "sp1-gpu-server", "6.10.0")
    monkeypatch.setenv("SP1TEE_PROVER", str(other))
    async with opened("auto", None, NEEDS) as executor:
        assert executor.name == "unicorn"
    with pytest.raises(ExecutorUnavailable, match="only makes proofs"):
        async with opened("auto", other, NEEDS):
            pass


async def test_a_setting_that_names_no_program_is_an_error(tmp_path: Path):
    with pytest.raises(ExecutorUnavailable, match="cannot be run: No such file"):
        async with opened("auto", tmp_path / "missing", NEEDS):
            pass


# --- the real one -----------------------------------------------------------------------------


@pytest.fixture
async def real() -> AsyncIterator[Executor]:
    if find_verifier() is None:
        pytest.skip("no sp1tee-prover on PATH and SP1TEE_PROVER names none (just native builds it)")
    async with opened("native", None, NEEDS) as executor:
        yield executor


async def do(executor: Executor, deed: str, *more: bytes, seconds: float = 60.0) -> Execution:
    limits = Limits(None, 256 << 20, seconds)
    stdin = Stdin(hostile(deed, *more))
    elf = program("hostile", V6)
    return await within(
        executor.execute(elf, stdin, family=V6, limits=limits, tenant="a"), seconds=100
    )


def descendant(name: str) -> psutil.Process | None:
    """A process below this one, by the beginning of its command line's first word."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error, IndexError):
            if Path(process.cmdline()[0]).name.startswith(name):
                return process
    return None


async def appearing(name: str) -> psutil.Process:
    while (found := descendant(name)) is None:  # noqa: ASYNC110 - nobody tells of a process
        await asyncio.sleep(0.01)
    return found


@pytest.mark.parametrize("golden", read_golden(), ids=lambda golden: golden.label)
async def test_both_executors_agree_with_the_sdk(real: Executor, golden: Golden):
    emulator = UnicornExecutor()
    limits = Limits(None, 256 << 20, 60)
    elf, stdin = program(golden.guest, V6), Stdin(golden.stdin)
    native, emulated = [
        await one.execute(elf, stdin, family=V6, limits=limits, tenant="a")
        for one in (real, emulator)
    ]
    await emulator.aclose()
    assert numbers(native) == numbers(emulated)
    assert (native.gas, native.cycles) == (golden.gas, golden.cycles)
    assert native.public_values == golden.public_values


def numbers(run: Execution) -> tuple[object, ...]:
    return run.public_values, run.cycles, run.exit_code, run.cause


@pytest.mark.parametrize("family", Family)
async def test_programs_of_both_generations_run(real: Executor, family: Family):
    guest = guests.load("solvency", family)
    stdin = guests.solvency_input(1000, [300, 450, 275])
    done = await real.execute(guest.elf, stdin, family=family, limits=LIMITS, tenant="a")
    assert done.public_values == (1000).to_bytes(8, "little") + b"\x01"
    assert (done.exit_code, done.cause, done.gas is None) == (0, None, family is Family.V5)


async def test_a_guest_that_panics_fails_with_its_exit_code(real: Executor):
    elf = guests.load("fibonacci", V6).elf
    done = await real.execute(elf, Stdin(()), family=V6, limits=LIMITS, tenant="a")
    assert done.exit_code not in {0, None}
    assert done.cause is Cause.HALT_WITH_NON_ZERO_EXIT_CODE
    assert f"exit code {done.exit_code}" in done.text


@pytest.mark.parametrize(("limit", "cause"), [(8559, None), (8558, Cause.EXCEEDED_CYCLE_LIMIT)])
async def test_a_cycle_limit_may_be_reached_but_not_exceeded(
    real: Executor, limit: int, cause: Cause | None
):
    elf, stdin = guests.load("fibonacci", V6).elf, guests.fibonacci_input(10)
    limits = Limits(limit, 256 << 20, 60)
    done = await real.execute(elf, stdin, family=V6, limits=limits, tenant="a")
    assert done.cause is cause


async def test_a_gas_limit_may_be_reached_but_not_exceeded(real: Executor):
    elf, stdin = guests.load("fibonacci", V6).elf, guests.fibonacci_input(10)
    used = (await real.execute(elf, stdin, family=V6, limits=LIMITS, tenant="a")).gas
    assert used is not None
    for gas, cause in [(used, None), (used - 1, Cause.EXCEEDED_GAS_LIMIT)]:
        limits = replace(LIMITS, gas=gas)
        done = await real.execute(elf, stdin, family=V6, limits=limits, tenant="a")
        assert (done.cause, done.gas) == (cause, used)


async def test_both_executors_keep_the_end_of_what_a_guest_prints(real: Executor):
    emulator = UnicornExecutor()
    for text in (b"so much\n", b"a" * 3000 + b"the end\n"):
        native, emulated = [
            await do(one, "print_input_and_panic", text) for one in (real, emulator)
        ]
        assert native.cause is emulated.cause is Cause.HALT_WITH_NON_ZERO_EXIT_CODE
        # SP1 keeps lines and their ends, the emulator bytes.
        assert native.printed[-1000:] == emulated.printed[-1000:]
        assert native.printed.endswith(text.decode().strip()[-1000:])
        assert len(native.printed) <= 2048
    await emulator.aclose()


async def test_a_guest_that_never_ends_runs_out_of_time(real: Executor):
    done = await do(real, "never_end", seconds=1)
    assert "longer than the 1 seconds" in done.text


@pytest.mark.parametrize("deed", ["read_null", "unknown_call", "breakpoint"])
async def test_misdeeds_fail_with_a_reason(real: Executor, deed: str):
    done = await do(real, deed)
    assert done.cause is not None
    assert done.text


@pytest.mark.parametrize("elf", [b"", b"\x7fELF", b"\x7fELF" + bytes(100)])
async def test_a_file_that_is_no_program_fails_with_a_reason(real: Executor, elf: bytes):
    done = await real.execute(elf, Stdin(()), family=V6, limits=LIMITS, tenant="a")
    assert done.cause is Cause.UNSPECIFIED
    assert done.text


async def test_a_killed_runner_is_worth_another_try(real: Executor):
    running = asyncio.ensure_future(do(real, "never_end"))
    (await within(appearing("sp1-native-runner"))).kill()
    with pytest.raises(ExecutorCrashed):
        await running


async def test_a_killed_server_is_a_crash(real: Executor):
    running = asyncio.ensure_future(do(real, "never_end"))
    await within(appearing("sp1-native-runner"))
    server = next(one for one in psutil.Process().children() if "--socket" in one.cmdline())
    server.kill()
    with pytest.raises(ExecutorCrashed):
        await running


async def test_cancelling_ends_the_guest(real: Executor):
    running = asyncio.ensure_future(do(real, "never_end"))
    runner = await within(appearing("sp1-native-runner"))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await within(asyncio.to_thread(runner.wait, 30))
