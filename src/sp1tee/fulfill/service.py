"""A worker from its start to its end."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

import stamina

from sp1tee.fulfill.assembly import open_executor, open_tools
from sp1tee.fulfill.check import Check
from sp1tee.fulfill.checkup import check_machine, require
from sp1tee.fulfill.credential import with_token
from sp1tee.fulfill.loop import Fulfiller, Plan
from sp1tee.fulfill.metrics_listener import metrics_listener
from sp1tee.fulfill.patience import persist
from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.fulfill.slots import Slots
from sp1tee.fulfill.tools import Tools
from sp1tee.logs import get
from sp1tee.privileges import drop_privileges, warn_of_surroundings
from sp1tee.tracing import tracing

_T = TypeVar("_T")
_log = get(__name__)


async def run_fulfiller(settings: FulfillSettings, *, stop: asyncio.Event) -> None:
    """Work for the server until `stop` is set; what is under way then is finished or given back.

    The server need not be there yet: it is waited for, and so is the file of the token. The whole
    process is made one that leaves no core dumps, because inputs are in its memory.

    Raises:
        ConfigError: there is no token.
        CheckupFailed: this machine cannot do the work, or no longer.
        WorkerTokenRefused: the server does not accept the token.
        ServerRefused: the server does not want this worker.
        ListenError: `metrics_listen` cannot be listened on.
        MissingExtraError: traces are asked for and cannot be made.
    """
    drop_privileges()
    # `persist` says what is tried again, in our own words.
    stamina.instrumentation.set_on_retry_hooks(())
    complete = await _unless(stop, with_token(settings))
    if complete is not None:
        await _work(complete, stop)


async def _work(settings: FulfillSettings, stop: asyncio.Event) -> None:
    with tracing("sp1tee-fulfill") as tracer:
        async with (
            open_executor(settings) as executor,
            open_tools(settings, executor, tracer=tracer) as tools,
        ):
            checks = await check_machine(settings, executor, tools.slots)
            _tell(checks)
            require(checks)
            with _told(settings, tools):
                await _unless(stop, persist("looking for the server", tools.server.greet))
                if not stop.is_set():
                    _announce(settings, executor.name, tools.slots)
                    await Fulfiller(tools, Plan(settings.prefetch, settings.drain_s)).run(stop)


def _told(settings: FulfillSettings, tools: Tools) -> AbstractContextManager[object]:
    """Let Prometheus read the figures, if the settings say where."""
    if settings.metrics_listen is None:
        return nullcontext()
    return metrics_listener(settings.metrics_listen, tools.figures.registry)


async def _unless(stop: asyncio.Event, work: Awaitable[_T]) -> _T | None:
    """Await `work`; None if `stop` is set before it is done, which ends it."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        return await working if working.done() else None
    finally:
        working.cancel()
        stopping.cancel()


def _tell(checks: Sequence[Check]) -> None:
    for check in checks:
        if not check.ok:
            say = _log.error if check.needed else _log.warning
            say("checkup", check=check.name, found=check.text, advice=check.advice)


def _announce(settings: FulfillSettings, executor: str, slots: Slots) -> None:
    warn_of_surroundings()
    for hint in settings.hints:
        _log.warning("settings", hint=hint)
    if slots.mock:
        _log.warning("mock proofs", meaning="right public values, no cryptography; for trying out")
    _log.info(
        "waiting for work",
        worker=settings.name,
        slots=len(slots),
        mock=slots.mock,
        executor=executor,
    )
