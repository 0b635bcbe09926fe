"""The parts of a worker, made from its settings."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sp1tee.fulfill.checkup import check_machine
from sp1tee.fulfill.executors import Executor
from sp1tee.fulfill.executors.choosing import opened
from sp1tee.fulfill.fitness import Fitness
from sp1tee.fulfill.guest import Guests
from sp1tee.fulfill.heartbeat import GrpcPulse, Heart
from sp1tee.fulfill.inputs import Inputs
from sp1tee.fulfill.provers import Prover
from sp1tee.fulfill.provers.gateway import GatewayProver
from sp1tee.fulfill.provers.mock import MockProver
from sp1tee.fulfill.provers.moongate import MoongateProver
from sp1tee.fulfill.server import Server
from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.fulfill.slots import Slots
from sp1tee.fulfill.tools import Tools
from sp1tee.fulfill.transfer import Transfers


def make_provers(settings: FulfillSettings) -> tuple[Prover, ...]:
    """Make a prover for each slot.

    Raises:
        ConfigError: the prover needs a setting that is missing.
        OffHostRefused: it is on a machine that the settings do not name.
    """
    if settings.prover == "gateway":
        gateway, offer = settings.gateway, settings.gateway_offer
        return tuple(GatewayProver(gateway, offer) for _ in range(settings.slots))
    if settings.prover == "moongate":
        return tuple(MoongateProver(url, settings.reach) for url in settings.moongates)
    if settings.prover == "sp1":
        return settings.sp1_plan.provers()
    return tuple(MockProver() for _ in range(settings.slots))


def open_executor(settings: FulfillSettings) -> AbstractAsyncContextManager[Executor]:
    """Open what runs guests, as many at once as requests are worked on.

    Raises:
        ExecutorUnavailable: it cannot work on this machine, or is not where the settings say.
    """
    return opened(settings.executor, settings.executor_program, settings.executor_needs)


@asynccontextmanager
async def open_tools(
    settings: FulfillSettings, executor: Executor, provers: Sequence[Prover] = ()
) -> AsyncIterator[Tools]:
    """Open connections and provers; `provers` replaces those the settings name."""
    endpoint = settings.endpoint
    slots = Slots(provers or make_provers(settings))
    heart = Heart(GrpcPulse(endpoint, settings.name))
    try:
        async with endpoint.aio_channel() as channel, endpoint.http_client() as http:
            transfers = Transfers(http)
            yield Tools(
                server=Server(channel, endpoint, settings.name),
                transfers=transfers,
                inputs=Inputs(transfers, settings.input_limits),
                guests=Guests(executor, settings.run_limits),
                slots=slots,
                heart=heart,
                fitness=Fitness(lambda: check_machine(settings, executor, slots)),
            )
    finally:
        await slots.aclose()
