"""The executor as the fulfiller uses it: real processes, started, confined, used once, ended."""

import asyncio
import os
import resource
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from support.guest_programs import feature, hostile, program

from sp1tee import guests
from sp1tee.errors import ElfError, ExecutorCrashed, ExecutorUnavailable
from sp1tee.fulfill.executors import Cause, Execution, Executor, Limits, frames, process, sandbox
from sp1tee.fulfill.executors.frames import Job, Result
from sp1tee.fulfill.executors.process import GuestProcess
from sp1tee.fulfill.executors.unicorn import UnicornExecutor
from sp1tee.wire.versions import Family

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not sandbox.SUPPORTED, reason="Linux on x86-64 or arm64"),
]

V6 = Family.V6
LIMITS = Limits(cycles=1_000_000, memory_bytes=64 << 20, seconds=60)
ENDLESS = Limits(cycles=None, memory_bytes=64 << 20, seconds=60)


@pytest.fixture
async def executor() -> AsyncIterator[UnicornExecutor]:
    executor = UnicornExecutor()
    yield executor
    await executor.aclose()


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> list[GuestProcess]:
    """Every process that was given a job, in order."""
    given: list[GuestProcess] = []
    original = GuestProcess.run

    async def run(self: GuestProcess, job: Job, *, cpu_seconds: int) -> Result:
        given.append(self)
        return await original(self, job, cpu_seconds=cpu_seconds)

    monkeypatch.setattr(GuestProcess, "run", run)
    return given


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set once a process has its whole job."""
    event = asyncio.Event()
    original = GuestProcess._receive

    async def receive(self: GuestProcess) -> Result:
        event.set()
        return await original(self)

    monkeypatch.setattr(GuestProcess, "_receive", receive)
    return event


async def do(executor: Executor, deed: str, limits: Limits = LIMITS) -> Execution:
    elf = program("hostile", V6)
    return await executor.execute(elf, hostile(deed), family=V6, limits=limits, tenant="a")


def is_gone(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return False
    return True


@pytest.mark.parametrize("family", Family)
async def test_a_guest_runs_to_its_public_values(executor: UnicornExecutor, family: Family):
    guest = guests.load("solvency", family)
    stdin = guests.solvency_input(1000, [300, 450, 275]).buffers

    execution = await executor.execute(guest.elf, stdin, family=family, limits=LIMITS, tenant="a")

    assert execution.public_values == (1000).to_bytes(8, "little") + b"\x01"
    assert (execution.exit_code, execution.cause, execution.text) == (0, None, "")
    assert execution.cycles > 0
    assert execution.gas is None


async def test_a_failing_guest_is_an_answer_not_an_error(executor: UnicornExecutor):
    execution = await do(executor, "exit_with_seven")

    assert (execution.exit_code, execution.cycles) == (7, 8962)
    assert execution.cause is Cause.HALT_WITH_NON_ZERO_EXIT_CODE
    assert "exit code 7" in execution.text


async def test_a_program_sp1_would_not_load_is_an_error(executor: UnicornExecutor):
    with pytest.raises(ElfError, match="does not begin with the header"):
        await executor.execute(b"not ELF", [], family=V6, limits=LIMITS, tenant="a")


async def test_a_program_of_the_other_generation_is_an_error(executor: UnicornExecutor):
    elf = program("solvency", Family.V5)

    with pytest.raises(ElfError, match="0x78000000"):
        await executor.execute(elf, [], family=V6, limits=LIMITS, tenant="a")


async def test_megabytes_of_input_arrive(executor: UnicornExecutor):
    balances = bytes(8 << 20)
    limits = Limits(None, 64 << 20, 60)
    stdin = [(1).to_bytes(8, "little"), balances]

    elf = program("solvency", V6)
    execution = await executor.execute(elf, stdin, family=V6, limits=limits, tenant="a")

    assert execution.public_values[-1] == 0


async def test_memory_has_a_cap(executor: UnicornExecutor):
    execution = await do(executor, "use_all_memory")

    assert (execution.cause, execution.exit_code) == (Cause.UNSPECIFIED, None)
    assert "more memory than the 67108864 bytes" in execution.text


async def test_public_values_have_a_cap(executor: UnicornExecutor):
    execution = await do(executor, "publish_without_end", ENDLESS)

    assert "more than 16777216 bytes of public values" in execution.text
    assert len(execution.public_values) == 16 << 20


async def test_memory_far_apart_works_under_the_address_space_limit(executor: UnicornExecutor):
    elf = program("features", V6)
    execution = await executor.execute(
        elf, feature("far_memory"), family=V6, limits=Limits(None, 128 << 20, 60), tenant="a"
    )

    assert execution.cause is None


@pytest.mark.parametrize("deed", ["never_end", "never_leave", "print_without_end"])
async def test_time_has_an_end(executor: UnicornExecutor, processes: list[GuestProcess], deed: str):
    execution = await do(executor, deed, Limits(None, 64 << 20, seconds=0.3))

    assert "longer than the 1 seconds" in execution.text
    assert (execution.cause, execution.cycles) == (Cause.UNSPECIFIED, 0)
    assert is_gone(processes[0].pid)


async def test_cancelling_ends_the_process(
    executor: UnicornExecutor, processes: list[GuestProcess], running: asyncio.Event
):
    task = asyncio.create_task(do(executor, "never_end", ENDLESS))
    await running.wait()
    pid = processes[0].pid
    assert not is_gone(pid)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert is_gone(pid)


async def test_a_crash_is_an_error_with_its_cause(
    executor: UnicornExecutor, processes: list[GuestProcess], running: asyncio.Event
):
    task = asyncio.create_task(do(executor, "never_end", ENDLESS))
    await running.wait()

    os.kill(processes[0].pid, signal.SIGSEGV)

    with pytest.raises(ExecutorCrashed, match="was ended by SIGSEGV"):
        await task


async def test_a_process_that_breaks_the_protocol_is_an_error(
    executor: UnicornExecutor, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: bytes) -> None:
        raise frames.FrameError

    monkeypatch.setattr(frames, "decode_result", refuse)

    with pytest.raises(ExecutorCrashed, match="answered with something else than a result"):
        await do(executor, "exit_with_seven")


async def test_no_process_runs_two_guests(executor: UnicornExecutor, processes: list[GuestProcess]):
    for _ in range(3):
        await do(executor, "exit_with_seven")

    assert len({used.pid for used in processes}) == 3
    assert all(is_gone(used.pid) for used in processes)


async def test_guests_run_side_by_side(executor: UnicornExecutor, processes: list[GuestProcess]):
    results = await asyncio.gather(*(do(executor, "exit_with_seven") for _ in range(4)))

    assert [result.exit_code for result in results] == [7] * 4
    assert len({used.pid for used in processes}) == 4


async def test_a_process_that_died_while_it_waited_is_not_used(executor: UnicornExecutor):
    await executor.start()
    waiting = executor._pool._ready[0]
    os.kill(waiting.pid, signal.SIGKILL)
    await waiting._process.wait()

    assert (await do(executor, "exit_with_seven")).exit_code == 7


async def test_closing_ends_all_that_wait():
    executor = UnicornExecutor(warm=2)
    await executor.start()
    while len(executor._pool._ready) < 2:
        await asyncio.gather(*executor._pool._starting)
    pids = [waiting.pid for waiting in executor._pool._ready]

    await executor.aclose()

    assert len(pids) == 2
    assert all(map(is_gone, pids))
    with pytest.raises(ExecutorUnavailable, match="closed"):
        await do(executor, "exit_with_seven")


async def test_processes_that_do_not_come_up_are_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(process, "_MODULE", "this")
    executor = UnicornExecutor()

    with pytest.raises(ExecutorUnavailable, match="too early"):
        await do(executor, "exit_with_seven")


async def test_an_unknown_kind_of_machine_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sandbox, "SUPPORTED", False)

    with pytest.raises(ExecutorUnavailable, match="cannot be confined"):
        UnicornExecutor()


# --- isolation of the real process ---


@pytest.fixture
async def busy(
    executor: UnicornExecutor, processes: list[GuestProcess], running: asyncio.Event
) -> AsyncIterator[int]:
    """The id of a process that runs a guest."""
    task = asyncio.create_task(do(executor, "never_end", ENDLESS))
    await running.wait()
    yield processes[0].pid
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def proc(pid: int, name: str) -> Path:
    path = Path(f"/proc/{pid}/{name}")
    if not os.access(path, os.R_OK):
        pytest.skip("another's /proc files may be read by root only")
    return path


async def test_it_has_no_environment(busy: int):
    assert proc(busy, "environ").read_bytes() == b""


async def test_it_has_two_pipes_and_no_descriptor_of_ours(
    executor: UnicornExecutor, processes: list[GuestProcess], running: asyncio.Event, tmp_path: Path
):
    with (tmp_path / "private").open("w") as ours:
        os.set_inheritable(ours.fileno(), True)
        task = asyncio.create_task(do(executor, "never_end", ENDLESS))
        await running.wait()
        opened = proc(processes[0].pid, "fd").iterdir()
        descriptors = {int(entry.name): str(entry.readlink()) for entry in opened}
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    assert sorted(descriptors) == [0, 1, 2]
    assert descriptors[0].startswith("pipe:")
    assert descriptors[1].startswith("pipe:")
    assert descriptors[2] == "/dev/null"


async def test_it_is_confined(busy: int):
    lines = proc(busy, "status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines)

    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert status["Threads"] == "1"


async def test_its_memory_and_time_are_limited(busy: int):
    memory, _ = resource.prlimit(busy, resource.RLIMIT_AS)
    seconds, _ = resource.prlimit(busy, resource.RLIMIT_CPU)
    files, _ = resource.prlimit(busy, resource.RLIMIT_NOFILE)

    assert ENDLESS.memory_bytes < memory < ENDLESS.memory_bytes + (2 << 30)
    assert seconds == 61
    assert files == 0


async def test_it_has_a_network_of_its_own_where_the_kernel_allows(busy: int):
    unshare = "import ctypes; raise SystemExit(ctypes.CDLL(None).unshare(0x50000000) != 0)"
    asked = await asyncio.create_subprocess_exec(sys.executable, "-c", unshare)
    if await asked.wait():
        pytest.skip("the kernel allows no namespaces here")

    assert proc(busy, "ns/net").readlink() != proc(os.getpid(), "ns/net").readlink()


async def test_it_dies_with_its_parent():
    code = """
import asyncio
from sp1tee.fulfill.executors.frames import Job, Result
from sp1tee.fulfill.executors.process import GuestProcess
async def main():
    process = await GuestProcess.start()
    print(process.pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout
    child = os.pidfd_open(int(await parent.stdout.readline()))
    os.kill(parent.pid, signal.SIGKILL)
    await parent.communicate()

    ended, _, _ = await asyncio.to_thread(select.select, [child], [], [], 60)
    os.close(child)
    assert ended


# --- without the extra ---


def test_without_the_emulator_the_error_says_what_to_install():
    code = """
import sys
sys.modules["unicorn"] = None
from sp1tee.errors import MissingExtraError
try:
    import sp1tee.fulfill.executors.unicorn
except MissingExtraError as error:
    print(error.advice)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    assert done.stdout == "pip install 'sp1tee[fulfill]'\n"


def test_the_seam_imports_without_the_emulator():
    code = "import sys; import sp1tee.fulfill.executors; print('unicorn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)

    assert done.stdout == "False\n"
