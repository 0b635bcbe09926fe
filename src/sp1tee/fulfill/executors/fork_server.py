"""The process that all processes for guests are forked from, seen from outside."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from sp1tee.errors import ExecutorUnavailable
from sp1tee.fulfill.executors import control
from sp1tee.fulfill.executors.descriptors import is_readable, readable

_MODULE: Final = "sp1tee.fulfill.executors.zygote"
_PATIENCE_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Fork:
    """A forked process.

    Attributes:
        pid: its id, no other process's until it is collected.
        pidfd: what signals go to and its end is seen by, for the caller to close.
    """

    pid: int
    pidfd: int


class ForkServer:
    """A confined process that has loaded all that guests need, and forks (see `zygote`)."""

    def __init__(self, process: Process, control_socket: socket.socket) -> None:
        self._process = process
        # asyncio's own kill() may reap the process where its watcher expects to, and names the
        # process by a number that might be another's by then
        self._pidfd = os.pidfd_open(process.pid)
        self._socket = control_socket
        self._turn = asyncio.Lock()
        self._ending: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls) -> "ForkServer":
        """Start a fork server and wait until it is ready.

        Raises:
            ExecutorUnavailable: it does not get ready.
        """
        try:
            return await cls._start()
        except OSError as error:
            reason = error.strerror
            raise ExecutorUnavailable(f"The process for guests cannot start: {reason}.") from None

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can be asked to fork."""
        return self._ending is None and not is_readable(self._pidfd)

    async def fork(self, stdin: int, stdout: int) -> Fork:
        """Fork a child that reads a job from `stdin` and writes its result to `stdout`.

        Raises:
            ExecutorUnavailable: the server has gone or cannot fork.
        """
        try:
            pid, pidfds = await self._ask(control.FORK, (stdin, stdout))
        except (OSError, EOFError):
            raise ExecutorUnavailable("The process that forks those for guests ended.") from None
        if pid <= 0:
            reason = os.strerror(-pid)
            raise ExecutorUnavailable(f"The process for guests cannot start: {reason}.")
        if not pidfds:
            self._kill()  # and the child with it, of which we could not see the end
            raise ExecutorUnavailable("Too many files are open to start a process for guests.")
        return Fork(pid, pidfds[0])

    async def collect(self, fork: Fork) -> int | None:
        """Collect what is left of a child that has ended.

        Returns:
            Its exit code, or its signal's number made negative; None if nobody can tell, for the
            server has gone.
        """
        try:
            status, _ = await self._ask(fork.pid)
        except (OSError, EOFError):
            _collect_orphan(fork)
            return None
        return status

    async def end(self) -> None:
        """Kill the server, thereby its children, and wait until it is gone, even if cancelled."""
        if self._ending is None:
            self._ending = asyncio.create_task(self._end())
        await asyncio.shield(self._ending)

    @classmethod
    async def _start(cls) -> "ForkServer":
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        try:
            server = cls(await _spawn(theirs), ours)
        except BaseException:
            ours.close()  # which ends the process, if it came that far
            raise
        finally:
            theirs.close()
        try:
            await server._await_ready()
        except BaseException:
            await server.end()
            raise
        return server

    async def _end(self) -> None:
        self._kill()
        await self._process.wait()
        async with self._turn:
            self._socket.close()
            os.close(self._pidfd)

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    async def _await_ready(self) -> None:
        try:
            async with self._turn, asyncio.timeout(_PATIENCE_SECONDS):
                await self._receive()
        except (OSError, EOFError, TimeoutError):
            await self.end()
            raise ExecutorUnavailable("The process for guests ended too early.") from None

    async def _ask(
        self, request: int, descriptors: Sequence[int] = ()
    ) -> tuple[int, Sequence[int]]:
        async with self._turn:
            if self._socket.fileno() < 0:
                raise EOFError
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    socket.send_fds(self._socket, [control.encode(request)], descriptors)
                    return await self._receive()
            except BaseException:
                self._kill()  # its answer may still come, and would be taken for the next one's
                raise

    async def _receive(self) -> tuple[int, Sequence[int]]:
        await readable(self._socket.fileno())
        message, descriptors, _, _ = socket.recv_fds(self._socket, control.SIZE, 1)
        return control.decode(message), descriptors


def _collect_orphan(fork: Fork) -> None:
    """Collect a child whose server has gone, if it has become ours: we may be process 1."""
    with suppress(ChildProcessError):
        os.waitid(os.P_PIDFD, fork.pidfd, os.WEXITED | os.WNOHANG)


async def _spawn(stdin: socket.socket) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-m", _MODULE, str(os.getpid())),
        stdin=stdin.fileno(),
        stdout=DEVNULL,
        stderr=DEVNULL,
        env={},
        cwd="/",
        start_new_session=True,  # ^C in a terminal is for us, and we end it in order
    )
