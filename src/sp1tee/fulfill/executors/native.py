"""SP1's own executor, in the server that comes with sp1tee (native/, ``sp1tee-prover``).

It knows all that SP1 v6 knows: every precompile and hook, programs that verify proofs, and gas.
Each run has a connection of its own: the server answers it from a process that has seen no other
run and that starts a further one for the guest; hanging up ends both.
"""

import asyncio
import math
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Final

from sp1tee.errors import (
    ElfError,
    ExecutorCrashed,
    ExecutorUnavailable,
    NativeError,
    NativeFailed,
    NativeTimeout,
)
from sp1tee.fulfill.executors import MAX_PRINTED, Cause, Execution, Limits, in_one_line
from sp1tee.fulfill.executors.connections import Connections
from sp1tee.fulfill.executors.outcome import MAX_PUBLIC_VALUES, Outcome, Reason
from sp1tee.native.client import Client
from sp1tee.native.frames import Executed, Info, RunOutcome
from sp1tee.native.process import NativeServer
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family

# What a call may take beyond the run: the input has to arrive, and a process to start.
_GRACE_SECONDS: Final = 30.0
_CAUSES: Final = frozenset(Cause)
_MOST_SHOWN: Final = 300


class NativeExecutor:
    """Runs programs of SP1 v6.

    Attributes:
        verifies: programs of v6 may verify proofs.
    """

    verifies = frozenset({Family.V6})

    def __init__(
        self, server: NativeServer, *, at_once: int, warm: int = 1, grace: float = _GRACE_SECONDS
    ) -> None:
        """Take over `server`.

        Args:
            server: runs guests, and makes no proofs meanwhile.
            at_once: how many runs there may be at a time.
            warm: how many connections are opened ahead, from the first run on.
            grace: seconds that a call may take beyond its run.
        """
        self._connections = Connections(server, warm)
        self._grace = grace
        self._threads = ThreadPoolExecutor(at_once + 1, thread_name_prefix="native-executor")

    @property
    def name(self) -> str:
        """What logs and reports call it; with versions, once there was a run."""
        info = self._connections.info
        return f"native ({_versions(info)})" if info else "native"

    async def execute(
        self, elf: bytes, stdin: Stdin, *, family: Family, limits: Limits, tenant: str
    ) -> Execution:
        """Run one guest. See `sp1tee.fulfill.executors.Executor`.

        How much memory a guest may use, the server was told when it started.
        """
        del tenant  # nothing that has touched a guest outlives its connection
        if family is not Family.V6:
            raise ElfError(f"SP1's own executor is here for v6, not for programs of SP1 {family}.")
        client = await self._connect()
        self._threads.submit(self._connections.refill)
        running = self._threads.submit(_run, client, elf, stdin, limits, self._grace)
        try:
            return await asyncio.wrap_future(running)
        finally:
            client.abort()

    async def aclose(self) -> None:
        """End the server, and with it every run: see `ExecutorCrashed`."""
        await asyncio.to_thread(self._connections.close)
        await asyncio.to_thread(self._threads.shutdown)
        # A thread may have been about to start it again.
        await asyncio.to_thread(self._connections.close)

    async def _connect(self) -> Client:
        try:
            connecting = self._threads.submit(self._connections.take)
        except RuntimeError:
            raise ExecutorUnavailable("The executor is closed.", advice="") from None
        try:
            return await asyncio.wrap_future(connecting)
        except NativeError as error:
            raise ExecutorUnavailable(error.message, advice=error.advice) from None
        except asyncio.CancelledError:
            connecting.add_done_callback(_hang_up)
            raise


def _versions(info: Info) -> str:
    return f"{info.name} {info.version}, SP1 {info.sp1_version}, circuits {info.circuit}"


def _hang_up(connecting: Future[Client]) -> None:
    """Let go of a connection that comes when nobody waits for it any more."""
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().close()


def _run(client: Client, elf: bytes, stdin: Stdin, limits: Limits, grace: float) -> Execution:
    began = time.monotonic()
    try:
        with client:
            executed = client.execute(
                elf,
                stdin.encode(),
                cycles=limits.cycles,
                gas=limits.gas,
                milliseconds=math.ceil(limits.seconds * 1000),
                seconds=limits.seconds + grace,
            )
    except NativeTimeout:
        return _out_of_time(limits)
    except NativeFailed as error:
        raise ExecutorCrashed(f"SP1's executor failed: {_shown(error.text)}.") from None
    except NativeError as error:
        raise ExecutorCrashed(f"SP1's executor gave no answer. {error.message}") from None
    if executed.outcome is RunOutcome.STOPPED:
        if time.monotonic() - began >= limits.seconds:
            return replace(_out_of_time(limits), printed=_printed(executed))
        raise ExecutorCrashed(executed.reason)
    return _execution(executed)


def _execution(executed: Executed) -> Execution:
    if len(executed.public_values) > MAX_PUBLIC_VALUES:
        return _broken_off(Reason.PUBLIC_VALUES, MAX_PUBLIC_VALUES)
    ended = executed.cycles > 0
    return Execution(
        public_values=executed.public_values,
        exit_code=executed.exit_code if ended else None,
        cycles=executed.cycles,
        gas=executed.gas if ended else None,
        cause=None if executed.outcome is RunOutcome.COMPLETED else _cause(executed.cause),
        text=executed.reason,
        printed=_printed(executed),
    )


def _shown(text: str) -> str:
    """Shorten what ``sp1tee-prover`` says of itself, in which it quotes no input."""
    return in_one_line(text)[:_MOST_SHOWN]


def _printed(executed: Executed) -> str:
    return in_one_line(executed.stderr[-MAX_PRINTED:])


def _cause(number: int) -> Cause:
    return Cause(number) if number in _CAUSES else Cause.UNSPECIFIED


def _out_of_time(limits: Limits) -> Execution:
    return _broken_off(Reason.TIME, math.ceil(limits.seconds))


def _broken_off(reason: Reason, detail: int) -> Execution:
    """Say of a run that was not allowed to go on what the other executor says of such a run."""
    outcome = Outcome(reason, detail, None, 0, b"")
    return Execution(b"", None, 0, None, outcome.cause, outcome.text)
