"""Is this machine fit to fulfil? Asked by `sp1tee doctor`."""

from sp1tee.errors import ConfigError, FulfillError, Sp1teeError
from sp1tee.fulfill.assembly import make_provers, open_executor
from sp1tee.fulfill.checkup import Check, check_machine
from sp1tee.fulfill.server import Server
from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.fulfill.slots import Slots

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
        return [
            await _check_server(settings, Server(channel, endpoint, settings.name)),
            _check_line(settings),
        ]


async def _check_server(settings: FulfillSettings, server: Server) -> Check:
    try:
        await server.greet()
    except FulfillError as error:
        return Check.failed("server", error)
    return Check("server", ok=True, text=f"{settings.server} answers and takes the token.")


def _check_line(settings: FulfillSettings) -> Check:
    clear = settings.endpoint.in_clear
    return Check(
        "line",
        ok=not clear,
        text="Inputs cross an unencrypted line." if clear else "Nobody can listen in.",
        advice="Use https, or a network that nobody outside the enclave can listen in on.",
        needed=False,
    )
