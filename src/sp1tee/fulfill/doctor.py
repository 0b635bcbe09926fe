"""Is this machine fit to fulfil? Asked by `sp1tee doctor`."""

import asyncio
from dataclasses import replace

from sp1tee.errors import ConfigError, FulfillError, Sp1teeError
from sp1tee.fulfill.assembly import make_provers, open_executor
from sp1tee.fulfill.check import Check
from sp1tee.fulfill.checkup import check_machine
from sp1tee.fulfill.endpoint import Endpoint
from sp1tee.fulfill.server import Server
from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.fulfill.slots import Slots
from sp1tee.monitoring.watch import Listener, Watch

__all__ = ["Check", "check_up"]


async def check_up(settings: FulfillSettings) -> list[Check]:
    """Look at everything: the machine, and the server as this worker would use it."""
    return [*await _check_machine(settings), *await _check_connection(settings)]


async def _check_machine(settings: FulfillSettings) -> list[Check]:
    try:
        slots = Slots(make_provers(settings))
    except Sp1teeError as error:
        return [Check.failed("prover", error)]
    try:
        async with open_executor(settings) as executor:
            return await check_machine(settings, executor, slots)
    except Sp1teeError as error:
        return [Check.failed("executor", error)]
    finally:
        await slots.aclose()


async def _check_connection(settings: FulfillSettings) -> list[Check]:
    try:
        settings = settings.with_token_read()
        endpoint = settings.endpoint
    except ConfigError as error:
        return [Check.failed("token", error)]
    async with endpoint.aio_channel() as channel:
        server = await _check_server(settings, Server(channel, endpoint, settings.name))
    service = [await _check_service(settings, endpoint)] if server.ok else []
    return [server, *service, _check_line(settings)]


async def _check_server(settings: FulfillSettings, server: Server) -> Check:
    try:
        await server.greet()
    except FulfillError as error:
        return Check.failed("server", error)
    return Check("server", ok=True, text=f"{settings.server} answers and takes the token.")


async def _check_service(settings: FulfillSettings, endpoint: Endpoint) -> Check:
    """Ask the server for its own state: what of it is ill is its operator's to mend."""
    listener = Listener(endpoint.url, endpoint.token, settings.server_ca_file, endpoint.certificate)
    with Watch(listener) as watch:
        try:
            ill = (await asyncio.to_thread(watch.health)).why_not
        except FulfillError as error:
            return replace(Check.failed("service", error), needed=False)
    named = ", ".join(f"{part} ({word})" for part, word in ill.items())
    return Check(
        "service",
        ok=not ill,
        text=f"The server is not ready: {named}." if ill else "The server is ready for requests.",
        advice="Ask its operator: docs/operations.md says what each code means.",
        needed=False,
    )


def _check_line(settings: FulfillSettings) -> Check:
    clear = settings.endpoint.in_clear
    return Check(
        "line",
        ok=not clear,
        text="Inputs cross an unencrypted line." if clear else "Nobody can listen in.",
        advice="Use https, or a network that nobody outside the enclave can listen in on.",
        needed=False,
    )
