"""A worker from its start to its end."""

import asyncio
from collections.abc import Sequence

import stamina

from sp1tee.errors import CheckupFailed
from sp1tee.fulfill.assembly import open_executor, open_tools
from sp1tee.fulfill.doctor import Check, check_machine
from sp1tee.fulfill.loop import Fulfiller, Plan
from sp1tee.fulfill.patience import persist
from sp1tee.fulfill.server import Server
from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.fulfill.slots import Slots
from sp1tee.logs import get
from sp1tee.privacy import forbid_dumps

_log = get(__name__)


async def run_fulfiller(settings: FulfillSettings, *, stop: asyncio.Event) -> None:
    """Work for the server until `stop` is set; what is under way then is finished or given back.

    The server need not be there yet: it is waited for. The whole process is made one that leaves
    no core dumps, because inputs are in its memory.

    Raises:
        ConfigError: there is no token.
        CheckupFailed: this machine cannot do the work.
        WorkerTokenRefused: the server does not accept the token.
        ServerRefused: the server does not want this worker.
    """
    forbid_dumps()
    # `persist` says what is tried again, in our own words.
    stamina.instrumentation.set_on_retry_hooks(())
    async with open_executor(settings) as executor, open_tools(settings, executor) as tools:
        _require(await check_machine(settings, executor, tools.slots))
        if await _reach(tools.server, stop):
            _announce(settings, tools.slots)
            await Fulfiller(tools, Plan(settings.prefetch, settings.drain_s)).run(stop)


async def _reach(server: Server, stop: asyncio.Event) -> bool:
    """Wait until the server answers; False if told to stop before."""
    greeting = asyncio.ensure_future(persist("looking for the server", server.greet))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({greeting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not greeting.done():
            return False
        await greeting
        return True
    finally:
        greeting.cancel()
        stopping.cancel()


def _require(checks: Sequence[Check]) -> None:
    for check in checks:
        if not check.ok:
            say = _log.error if check.needed else _log.warning
            say("checkup", check=check.name, found=check.text, advice=check.advice)
    failed = [check for check in checks if check.needed and not check.ok]
    if failed:
        raise CheckupFailed(
            " ".join(f"{check.name}: {check.text}" for check in failed),
            advice=" ".join(check.advice for check in failed if check.advice),
        )


def _announce(settings: FulfillSettings, slots: Slots) -> None:
    for hint in settings.hints:
        _log.warning("settings", hint=hint)
    if slots.mock:
        _log.warning("mock proofs", meaning="right public values, no cryptography; for trying out")
    _log.info("waiting for work", worker=settings.name, slots=len(slots), mock=slots.mock)
