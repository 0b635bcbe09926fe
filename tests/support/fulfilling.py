"""A worker under test: real loop, real connections, and doubles where a fault is wanted."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import SecretStr

from sp1tee.errors import ExecutorCrashed, ExecutorUnavailable, ProverFailed
from sp1tee.fulfill.assembly import open_tools
from sp1tee.fulfill.executors import Cause, Execution, Limits
from sp1tee.fulfill.loop import Fulfiller, Plan
from sp1tee.fulfill.provers import Capability, Made, ProveTask
from sp1tee.fulfill.provers.mock import MockProver
from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.fulfill.tools import Tools
from sp1tee.wire.modes import Mode
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family
from support.wire_data import SAMPLE_PUBLIC_VALUES, SAMPLE_VK_HASH, sample
from support.worker_listener import TOKEN, Work, WorkerListener

CLEAN_RUN = Execution(SAMPLE_PUBLIC_VALUES, 0, 4321, None, None, "")


def sample_work(**changes: Any) -> Work:
    """The request that the real proofs in tests/data/proofs answer."""
    facts: dict[str, Any] = {
        "elf": sample(".elf"),
        "stdin": sample(".stdin"),
        "vk": sample("-vk.bin"),
        "vk_hash": SAMPLE_VK_HASH,
    }
    return Work(**{**facts, **changes})


@dataclass
class ScriptedExecutor:
    """Ends every run as told, and remembers what it was given."""

    outcome: Execution = CLEAN_RUN
    crashes: int = 0
    unavailable: int = 0
    name: str = "scripted"
    verifies: frozenset[Family] = frozenset()
    runs: list[tuple[bytes, Stdin, Limits, str]] = field(default_factory=list)

    async def execute(
        self, elf: bytes, stdin: Stdin, *, family: Family, limits: Limits, tenant: str
    ) -> Execution:
        self.runs.append((elf, stdin, limits, tenant))
        if self.crashes:
            self.crashes -= 1
            raise ExecutorCrashed("The child process ended with signal 9.")
        if self.unavailable:
            self.unavailable -= 1
            raise ExecutorUnavailable("The process for guests cannot start.")
        return self.outcome

    async def aclose(self) -> None:
        pass


@dataclass
class ScriptedProver:
    """Proves as told; `gate` holds every proof back until it is set, `judging` its judgement."""

    answer: Callable[[ProveTask], bytes] | None = None
    mock: bool = True
    name: str = "scripted"
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[ProveTask] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: int = 0
    judging: asyncio.Event | None = None
    judged: list[Made] = field(default_factory=list)
    refuted: str = ""

    def capabilities(self) -> tuple[Capability, ...]:
        modes = frozenset(Mode) if self.answer else MockProver().capabilities()[0].modes
        return tuple(
            Capability(offered.version, modes, mock=self.mock)
            for offered in MockProver().capabilities()
        )

    async def check(self) -> None:
        pass

    async def prove(self, task: ProveTask, deadline: float) -> Made:
        self.tasks.append(task)
        self.started.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return Made(self.answer(task)) if self.answer else await MockProver().prove(task, deadline)

    async def verify(self, task: ProveTask, made: Made) -> None:
        self.judged.append(made)
        if self.judging is not None:
            await self.judging.wait()
        if self.refuted:
            raise ProverFailed(self.refuted)

    async def aclose(self) -> None:
        pass

    def open(self) -> "ScriptedProver":
        self.gate.set()
        return self


def crash(_: ProveTask) -> bytes:
    raise ProverFailed("The prover process ended with signal 9.")


@dataclass
class Worker:
    """A running worker.

    Attributes:
        task: its loop; ends when told to stop, or with what stopped it.
        tools: what its jobs work with.
        stop: tells it to stop.
    """

    task: asyncio.Task[None]
    tools: Tools
    stop: asyncio.Event


def settings_for(listener: WorkerListener, **changes: Any) -> FulfillSettings:
    facts = {
        "server": listener.url,
        "token": SecretStr(TOKEN),
        "name": "worker-1",
        "executor": "unicorn",
    }
    return FulfillSettings(**{**facts, **changes})


@contextlib.asynccontextmanager
async def working(
    listener: WorkerListener,
    *provers: Any,
    executor: Any = None,
    change: Callable[[Tools], Tools] = lambda tools: tools,
    **changes: Any,
) -> AsyncIterator[Worker]:
    """Run a worker against `listener`; leaving stops it as SIGTERM would."""
    settings = settings_for(listener, **changes)
    stop = asyncio.Event()
    async with open_tools(settings, executor or ScriptedExecutor(), provers) as opened:
        tools = change(opened)
        loop = Fulfiller(tools, Plan(settings.prefetch, settings.drain_s))
        worker = Worker(asyncio.ensure_future(loop.run(stop)), tools, stop)
        try:
            yield worker
        finally:
            stop.set()
            with contextlib.suppress(BaseException):
                await worker.task


def failed_run(cause: Cause, text: str = "It failed.", exit_code: int | None = None) -> Execution:
    return Execution(b"", exit_code, 17, None, cause, text)


async def within(awaitable: Awaitable[Any], seconds: float = 30.0) -> Any:
    """Await something that must happen; a hang fails the test instead of stopping the run."""
    return await asyncio.wait_for(awaitable, seconds)
