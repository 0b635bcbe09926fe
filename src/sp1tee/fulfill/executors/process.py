"""One process that runs one guest, seen from outside."""

import asyncio
import os
import resource
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from sp1tee.errors import ExecutorCrashed, ExecutorUnavailable
from sp1tee.fulfill.executors import frames
from sp1tee.fulfill.executors.frames import Job, Result

_MODULE: Final = "sp1tee.fulfill.executors.child"
_START_SECONDS: Final = 60
_CHUNK: Final = 1 << 20
_OWN_MEMORY: Final = 1 << 30  # address space of the interpreter and the emulator
_COPIES: Final = 4  # of a job, while it is taken apart


class GuestProcess:
    """A confined process, from its start to its certain end. It takes one job in its life."""

    def __init__(self, process: Process) -> None:
        self._process = process
        # asyncio's own kill() may reap the process where its watcher expects to, and names the
        # process by a number that might be another's by then
        self._pidfd = _open(process.pid)
        self._used = False

    @classmethod
    async def start(cls) -> "GuestProcess":
        """Start a process and wait until it is ready for a job.

        Raises:
            ExecutorUnavailable: it does not get ready.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-m", _MODULE, str(os.getpid())),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,  # ^C in a terminal is for us, and we end it in order
            )
        except OSError as error:
            reason = error.strerror
            raise ExecutorUnavailable(f"The process for guests cannot start: {reason}.") from None
        guest_process = cls(process)
        try:
            await guest_process._await_ready()
        except BaseException:
            await guest_process.end()
            raise
        return guest_process

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def fresh(self) -> bool:
        """Whether it can still take a job."""
        return not self._used and self._process.returncode is None

    async def run(self, job: Job, *, cpu_seconds: int) -> Result:
        """Hand over the one job and wait for what comes of it.

        Raises:
            ExecutorCrashed: the process broke, or did not answer as the protocol says.
        """
        assert not self._used, "a process runs one guest"
        self._used = True
        try:
            self._restrict(job, cpu_seconds)
            await self._send(frames.encode_job(job))
            return await self._receive()
        except frames.FrameError:
            raise ExecutorCrashed(
                "The process that ran the program answered with something else than a result."
            ) from None
        except (OSError, EOFError):
            await self.end()
            raise ExecutorCrashed(
                f"The process that ran the program {self._end_in_words()}."
            ) from None

    async def end(self) -> None:
        """Kill the process and wait until it is gone, even if the caller is cancelled."""
        self._kill()
        await asyncio.shield(self._process.communicate())

    def _kill(self) -> None:
        if self._pidfd is None:
            return
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        os.close(self._pidfd)
        self._pidfd = None

    async def _await_ready(self) -> None:
        assert self._process.stdout
        try:
            async with asyncio.timeout(_START_SECONDS):
                ready = await self._process.stdout.read(len(frames.READY))
        except TimeoutError:
            ready = b""
        if ready != frames.READY:
            await self.end()
            raise ExecutorUnavailable(f"The process for guests {self._end_in_words()} too early.")

    def _restrict(self, job: Job, cpu_seconds: int) -> None:
        size = len(job.elf) + sum(map(len, job.stdin))
        memory = _OWN_MEMORY + job.memory_bytes + _COPIES * size
        for kind, limit in ((resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, cpu_seconds)):
            resource.prlimit(self.pid, kind, (limit, limit))

    async def _send(self, parts: Iterable[bytes]) -> None:
        assert self._process.stdin
        for part in parts:
            view = memoryview(part)
            for start in range(0, len(view), _CHUNK):
                self._process.stdin.write(view[start : start + _CHUNK])
                await self._process.stdin.drain()

    async def _receive(self) -> Result:
        assert self._process.stdout
        header = await self._process.stdout.readexactly(frames.RESULT_HEADER_SIZE)
        size = frames.public_values_size(header)
        return frames.decode_result(header, await self._process.stdout.readexactly(size))

    def _end_in_words(self) -> str:
        code = self._process.returncode
        if code is not None and code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with code {code}"


def _open(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError:  # it has ended already
        return None
