"""One process that runs one guest, seen from outside."""

import asyncio
import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from sp1tee.errors import ExecutorCrashed, ExecutorUnavailable
from sp1tee.fulfill.executors import frames
from sp1tee.fulfill.executors.descriptors import read_exactly, readable, write_all
from sp1tee.fulfill.executors.fork_server import Fork, ForkServer
from sp1tee.fulfill.executors.frames import Allowance, Job, Result

_READY_SECONDS: Final = 60


class GuestProcess:
    """A process, from its fork to its certain end. It takes one job in its life."""

    def __init__(self, server: ForkServer, fork: Fork, stdin: int, stdout: int) -> None:
        self._server = server
        self._fork = fork
        self._stdin = stdin
        self._stdout = stdout
        self._used = False
        self._ending: asyncio.Task[None] | None = None
        self._ended = asyncio.Event()
        self._exit_code: int | None = None

    @classmethod
    async def start(cls, server: ForkServer) -> "GuestProcess":
        """Have a process forked, even if cancelled meanwhile: then it is ended again.

        Raises:
            ExecutorUnavailable: it cannot be.
        """
        starting = asyncio.create_task(cls._start(server))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            with suppress(ExecutorUnavailable):
                await (await starting).end()
            raise

    @property
    def pid(self) -> int:
        """The process id."""
        return self._fork.pid

    async def confine(self, allowance: Allowance) -> None:
        """Wait until the process has confined itself, before anything of a guest is shown to it.

        Raises:
            ExecutorUnavailable: it does not.
        """
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await write_all(self._stdin, frames.encode_allowance(allowance))
                await read_exactly(self._stdout, len(frames.READY))
        except (OSError, EOFError, TimeoutError):
            await self.end()
            raise ExecutorUnavailable(
                f"The process for guests {self._end_in_words()} too early."
            ) from None
        except BaseException:
            await self.end()
            raise

    async def run(self, job: Job) -> Result:
        """Hand over the one job and wait for what comes of it.

        Raises:
            ExecutorCrashed: the process broke, or did not answer as the protocol says.
        """
        assert not self._used, "a process runs one guest"
        self._used = True
        try:
            await self._send(job)
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

    def kill(self) -> None:
        """Kill the process; whoever uses it notices, and ends it."""
        if not self._ended.is_set():
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._fork.pidfd, signal.SIGKILL)

    async def end(self) -> None:
        """Kill the process and wait until it is gone, even if the caller is cancelled."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        await asyncio.shield(self._ending)

    async def ended(self) -> None:
        """Wait until somebody has ended the process."""
        await self._ended.wait()

    @classmethod
    async def _start(cls, server: ForkServer) -> "GuestProcess":
        pipes: list[int] = []
        try:
            for _ in range(2):
                pipes += os.pipe()
            stdin, our_stdin, our_stdout, stdout = pipes
            fork = await server.fork(stdin, stdout)
        except OSError as error:
            _close(pipes)
            reason = error.strerror
            raise ExecutorUnavailable(f"The process for guests cannot start: {reason}.") from None
        except BaseException:
            _close(pipes)
            raise
        _close((stdin, stdout))
        for descriptor in (our_stdin, our_stdout):
            os.set_blocking(descriptor, False)
        return cls(server, fork, our_stdin, our_stdout)

    async def _end(self) -> None:
        self.kill()
        try:
            await readable(self._fork.pidfd)
            self._exit_code = await self._server.collect(self._fork)
        finally:
            self._ended.set()
            _close((self._stdin, self._stdout, self._fork.pidfd))

    async def _send(self, job: Job) -> None:
        for part in frames.encode_job(job):
            await write_all(self._stdin, part)

    async def _receive(self) -> Result:
        header = await read_exactly(self._stdout, frames.RESULT_HEADER_SIZE)
        size = frames.body_size(header)
        return frames.decode_result(header, await read_exactly(self._stdout, size))

    def _end_in_words(self) -> str:
        code = self._exit_code
        if code is None:
            return "ended with the one that it was forked from"
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with code {code}"


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
