"""The executor as the fulfiller uses it: real processes, started, confined, used once, ended."""

import asyncio
import errno
import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from support.guest_programs import feature, hostile, program

from sp1tee import guests
from sp1tee.errors import ElfError, ExecutorCrashed, ExecutorUnavailable
from sp1tee.fulfill.executors import (
    Cause,
    Execution,
    Executor,
    Limits,
    descriptors,
    fork_server,
    frames,
    sandbox,
)
from sp1tee.fulfill.executors.fork_server import ForkServer
from sp1tee.fulfill.executors.frames import Allowance, Job, Result
from sp1tee.fulfill.executors.process import GuestProcess
from sp1tee.fulfill.executors.unicorn import UnicornExecutor
from sp1tee.wire.stdin import Stdin
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

    async def run(self: GuestProcess, job: Job) -> Result:
        given.append(self)
        return await original(self, job)

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
    return await executor.execute(elf, Stdin(hostile(deed)), family=V6, limits=limits, tenant="a")


def is_gone(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return False
    return True


def is_over(pid: int) -> bool:
    """Whether it is gone or, with nobody there to collect it, waits to be."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
    return stat.rpartition(")")[2].split()[0] in "ZX"


def children_of(pid: int) -> list[int]:
    """Zombies included."""
    return [int(child) for child in proc(pid, f"task/{pid}/children").read_text().split()]


def count_our_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def waiting_in(executor: UnicornExecutor, count: int = 1) -> GuestProcess:
    """A process forked ahead, of so many there must be."""
    await executor.start()
    await asyncio.gather(*executor._pool._starting)
    assert len(executor._pool._ready) == count
    return executor._pool._ready[0]


def server_of(executor: UnicornExecutor) -> ForkServer:
    server = executor._pool._server
    assert server
    return server


@pytest.mark.parametrize("family", Family)
async def test_a_guest_runs_to_its_public_values(executor: UnicornExecutor, family: Family):
    guest = guests.load("solvency", family)
    stdin = guests.solvency_input(1000, [300, 450, 275])

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
        await executor.execute(b"not ELF", Stdin(()), family=V6, limits=LIMITS, tenant="a")


async def test_a_program_of_the_other_generation_is_an_error(executor: UnicornExecutor):
    elf = program("solvency", Family.V5)

    with pytest.raises(ElfError, match="0x78000000"):
        await executor.execute(elf, Stdin(()), family=V6, limits=LIMITS, tenant="a")


async def test_megabytes_of_input_arrive(executor: UnicornExecutor):
    balances = bytes(8 << 20)
    limits = Limits(None, 64 << 20, 60)
    stdin = Stdin.of((1).to_bytes(8, "little"), balances)

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
        elf, Stdin(feature("far_memory")), family=V6, limits=Limits(None, 128 << 20, 60), tenant="a"
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
    waiting = await waiting_in(executor)
    os.kill(waiting.pid, signal.SIGKILL)
    await descriptors.readable(waiting._fork.pidfd)

    assert (await do(executor, "exit_with_seven")).exit_code == 7
    assert is_gone(waiting.pid)


async def test_a_fork_server_killed_between_guests_is_replaced(executor: UnicornExecutor):
    await waiting_in(executor)
    killed = server_of(executor)
    os.kill(killed.pid, signal.SIGKILL)
    await descriptors.readable(killed._pidfd)

    assert (await do(executor, "exit_with_seven")).exit_code == 7
    assert server_of(executor) is not killed


async def test_a_fork_server_killed_under_a_guest_takes_the_guest_with_it(
    executor: UnicornExecutor, processes: list[GuestProcess], running: asyncio.Event
):
    task = asyncio.create_task(do(executor, "never_end", ENDLESS))
    await running.wait()
    os.kill(server_of(executor).pid, signal.SIGKILL)

    with pytest.raises(ExecutorCrashed, match="ended with the one that it was forked from"):
        await task
    assert is_over(processes[0].pid)
    assert (await do(executor, "exit_with_seven")).exit_code == 7


async def test_a_fork_server_killed_while_it_forks_is_replaced(monkeypatch: pytest.MonkeyPatch):
    executor = UnicornExecutor(warm=0)
    await executor.start()
    original = ForkServer._receive
    killed: list[int] = []

    async def receive(self: ForkServer) -> tuple[int, Sequence[int]]:
        if not killed:
            killed.append(self.pid)
            os.kill(self.pid, signal.SIGKILL)
            await descriptors.readable(self._pidfd)
        return await original(self)

    monkeypatch.setattr(ForkServer, "_receive", receive)

    assert (await do(executor, "exit_with_seven")).exit_code == 7
    assert killed
    await executor.aclose()


async def test_a_cancelled_start_leaves_no_process(
    executor: UnicornExecutor, monkeypatch: pytest.MonkeyPatch
):
    await waiting_in(executor)
    forked: list[int] = []
    original = ForkServer.fork

    async def fork(self: ForkServer, stdin: int, stdout: int) -> fork_server.Fork:
        task.cancel()
        child = await original(self, stdin, stdout)
        forked.append(child.pid)
        return child

    server = server_of(executor)
    monkeypatch.setattr(ForkServer, "fork", fork)
    task = asyncio.create_task(GuestProcess.start(server))

    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(forked) == 1
    assert is_gone(forked[0])
    assert server.alive


async def test_no_process_and_no_descriptor_is_left_after_many_runs(executor: UnicornExecutor):
    await waiting_in(executor)
    before = count_our_descriptors()

    for _ in range(20):
        await do(executor, "exit_with_seven")
    waiting = await waiting_in(executor)

    assert children_of(server_of(executor).pid) == [waiting.pid]
    assert count_our_descriptors() == before


async def test_closing_ends_all_that_wait():
    executor = UnicornExecutor(warm=2)
    await waiting_in(executor, 2)
    pids = [waiting.pid for waiting in executor._pool._ready]
    server = server_of(executor)

    await executor.aclose()

    assert len(pids) == 2
    assert all(map(is_gone, [*pids, server.pid]))
    with pytest.raises(ExecutorUnavailable, match="closed"):
        await do(executor, "exit_with_seven")


async def test_closing_ends_a_guest_that_runs(
    executor: UnicornExecutor, processes: list[GuestProcess], running: asyncio.Event
):
    task = asyncio.create_task(do(executor, "never_end", ENDLESS))
    await running.wait()

    await executor.aclose()

    assert is_gone(processes[0].pid)
    with pytest.raises(ExecutorCrashed, match="was ended by SIGKILL"):
        await task


async def test_closing_what_was_never_used_is_fine():
    await UnicornExecutor().aclose()


async def test_processes_that_do_not_come_up_are_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(fork_server, "_MODULE", "this")
    executor = UnicornExecutor()

    with pytest.raises(ExecutorUnavailable, match="too early"):
        await do(executor, "exit_with_seven")


async def test_a_server_that_cannot_start_is_an_error(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(socket, "socketpair", refuse)

    with pytest.raises(ExecutorUnavailable, match="cannot start: Too many open files"):
        await do(UnicornExecutor(), "exit_with_seven")


async def test_a_server_that_cannot_fork_is_an_error(
    executor: UnicornExecutor, monkeypatch: pytest.MonkeyPatch
):
    async def refuse(*_: object) -> tuple[int, Sequence[int]]:
        return -errno.EAGAIN, []

    monkeypatch.setattr(ForkServer, "_ask", refuse)

    with pytest.raises(ExecutorUnavailable, match=r"cannot start: Resource temporarily unav"):
        await do(executor, "exit_with_seven")


async def test_having_no_descriptor_left_is_an_error(
    executor: UnicornExecutor, monkeypatch: pytest.MonkeyPatch
):
    await waiting_in(executor)
    original = ForkServer._ask

    async def truncate(
        self: ForkServer, request: int, descriptors: Sequence[int] = ()
    ) -> tuple[int, Sequence[int]]:
        number, received = await original(self, request, descriptors)
        for descriptor in received:
            os.close(descriptor)
        return number, []

    server = server_of(executor)
    with monkeypatch.context() as patched:
        patched.setattr(ForkServer, "_ask", truncate)
        with pytest.raises(ExecutorUnavailable, match="Too many files are open"):
            await GuestProcess.start(server)

    await descriptors.readable(server._pidfd)
    assert (await do(executor, "exit_with_seven")).exit_code == 7


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


def descriptors_of(pid: int) -> dict[int, str]:
    return {int(entry.name): str(entry.readlink()) for entry in proc(pid, "fd").iterdir()}


def status_of(pid: int) -> dict[str, str]:
    lines = proc(pid, "status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines)


async def test_it_has_no_environment(busy: int):
    assert proc(busy, "environ").read_bytes() == b""


async def test_processes_side_by_side_share_no_descriptor(
    processes: list[GuestProcess], monkeypatch: pytest.MonkeyPatch
):
    executor = UnicornExecutor(warm=2)
    all_run = asyncio.Event()
    original = GuestProcess._receive

    async def receive(self: GuestProcess) -> Result:
        if len(processes) == 4:
            all_run.set()
        return await original(self)

    monkeypatch.setattr(GuestProcess, "_receive", receive)
    tasks = [asyncio.create_task(do(executor, "never_end", ENDLESS)) for _ in range(4)]
    await all_run.wait()
    opened = [descriptors_of(process.pid) for process in processes]
    await executor.aclose()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert [sorted(each) for each in opened] == [[0, 1, 2]] * 4
    pipes = [pipe for each in opened for pipe in (each[0], each[1])]
    assert len(set(pipes)) == 8
    assert all(pipe.startswith("pipe:") for pipe in pipes)


async def test_before_a_guest_is_shown_to_it_it_has_no_descriptor_of_the_fork_server(
    executor: UnicornExecutor,
):
    waiting = await waiting_in(executor)
    await waiting.confine(Allowance(2 << 30, 60))

    opened = descriptors_of(waiting.pid)
    assert sorted(opened) == [0, 1, 2]
    assert opened[0].startswith("pipe:")
    assert opened[1].startswith("pipe:")
    assert opened[2] == "/dev/null"


async def test_the_fork_server_is_confined_and_holds_nothing_of_a_guest(
    executor: UnicornExecutor, busy: int
):
    await (await GuestProcess.start(server_of(executor))).end()
    pid = server_of(executor).pid
    opened, status = descriptors_of(pid), status_of(pid)

    assert sorted(opened) == [0, 1, 2]
    assert opened[0].startswith("socket:")
    assert (opened[1], opened[2]) == ("/dev/null", "/dev/null")
    assert proc(pid, "environ").read_bytes() == b""
    assert (status["NoNewPrivs"], status["Seccomp"], status["Threads"]) == ("1", "2", "1")
    assert resource.prlimit(pid, resource.RLIMIT_NOFILE) == (8, 8)


async def test_it_has_two_pipes_and_no_descriptor_of_ours(
    executor: UnicornExecutor, processes: list[GuestProcess], running: asyncio.Event, tmp_path: Path
):
    with (tmp_path / "private").open("w") as ours:
        os.set_inheritable(ours.fileno(), True)
        task = asyncio.create_task(do(executor, "never_end", ENDLESS))
        await running.wait()
        opened = descriptors_of(processes[0].pid)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    assert sorted(opened) == [0, 1, 2]
    assert opened[0].startswith("pipe:")
    assert opened[1].startswith("pipe:")
    assert opened[2] == "/dev/null"


async def test_it_is_confined(busy: int):
    status = status_of(busy)

    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    assert status["Seccomp_filters"] == "2"  # the fork server's and its own
    assert status["Threads"] == "1"


async def test_its_memory_and_time_are_limited(busy: int):
    memory, _ = resource.prlimit(busy, resource.RLIMIT_AS)
    seconds, _ = resource.prlimit(busy, resource.RLIMIT_CPU)
    files, _ = resource.prlimit(busy, resource.RLIMIT_NOFILE)
    processes, _ = resource.prlimit(busy, resource.RLIMIT_NPROC)

    assert ENDLESS.memory_bytes < memory < ENDLESS.memory_bytes + (2 << 30)
    assert seconds == 61
    assert files == 0
    assert processes == 0


async def test_it_has_a_network_of_its_own_where_the_kernel_allows(busy: int):
    unshare = "import ctypes; raise SystemExit(ctypes.CDLL(None).unshare(0x50000000) != 0)"
    asked = await asyncio.create_subprocess_exec(sys.executable, "-c", unshare)
    if await asked.wait():
        pytest.skip("the kernel allows no namespaces here")

    assert proc(busy, "ns/net").readlink() != proc(os.getpid(), "ns/net").readlink()


async def test_the_fork_server_and_its_children_die_with_its_parent():
    code = """
import asyncio
from sp1tee.fulfill.executors.fork_server import ForkServer
from sp1tee.fulfill.executors.process import GuestProcess
async def main():
    server = await ForkServer.start()
    child = await GuestProcess.start(server)
    print(server.pid, child.pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout
    pids = map(int, (await parent.stdout.readline()).split())
    pidfds = [os.pidfd_open(pid) for pid in pids]
    os.kill(parent.pid, signal.SIGKILL)
    await parent.communicate()

    assert len(pidfds) == 2
    async with asyncio.timeout(60):
        for pidfd in pidfds:
            await descriptors.readable(pidfd)
            os.close(pidfd)


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
