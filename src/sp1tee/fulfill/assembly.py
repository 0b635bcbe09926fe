"""The parts of a worker, made from its settings."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sp1tee.fulfill.checkup import check_machine
from sp1tee.fulfill.executors import Executor
from sp1tee.fulfill.executors.choosing import opened
from sp1tee.fulfill.figures import Figures
from sp1tee.fulfill.fitness import Fitness
from sp1tee.fulfill.guest import Guests
from sp1tee.fulfill.heartbeat import GrpcPulse, Heart
from sp1tee.fulfill.inputs import Inputs
from sp1tee.fulfill.provers import Prover
from sp1tee.fulfill.provers.cluster.oracle import CountsGas
from sp1tee.fulfill.provers.gateway import GatewayProver
from sp1tee.fulfill.provers.mock import MockProver
from sp1tee.fulfill.provers.moongate import MoongateProver
from sp1tee.fulfill.provers.verifying import Verifier
from sp1tee.fulfill.server import Server
from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.fulfill.slots import Slots
from sp1tee.fulfill.tools import Tools
from sp1tee.fulfill.transfer import Transfers

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from sp1tee.fulfill.spans import JobSpans


def make_provers(settings: FulfillSettings) -> tuple[Prover, ...]:
    """Make a prover for each slot.

    Raises:
        ConfigError: the prover needs a setting that is missing.
        OffHostRefused: it is on a machine that the settings do not name.
    """
    if settings.prover == "gateway":
        gateway, offer = settings.gateway, settings.gateway_offer
        verifier = None if offer.mock else Verifier.find()
        return tuple(
            GatewayProver(gateway, offer, verifier=verifier) for _ in range(settings.slots)
        )
    if settings.prover == "moongate":
        return tuple(MoongateProver(url, settings.reach) for url in settings.moongates)
    if settings.prover == "sp1":
        return settings.sp1_plan.provers()
    if settings.prover == "cluster":
        return settings.cluster.provers(settings.slots)
    return tuple(MockProver() for _ in range(settings.slots))


@asynccontextmanager
async def open_executor(settings: FulfillSettings) -> AsyncIterator[Executor]:
    """Open what runs guests, as many at once as requests are worked on.

    Raises:
        ConfigError: what counts gas needs a setting that is missing.
        ExecutorUnavailable: it cannot work on this machine, or is not where the settings say.
        OffHostRefused: what counts gas is on a machine that the settings do not name.
    """
    needs = settings.executor_needs
    async with opened(settings.executor, settings.executor_program, needs) as executor:
        oracle = settings.cluster.open_oracle() if settings.prover == "cluster" else None
        if oracle is None:
            yield executor
            return
        try:
            yield CountsGas(executor, oracle)
        finally:
            await oracle.aclose()


@asynccontextmanager
async def open_tools(
    settings: FulfillSettings,
    executor: Executor,
    provers: Sequence[Prover] = (),
    *,
    tracer: "Tracer | None" = None,
) -> AsyncIterator[Tools]:
    """Open connections and provers; `provers` replaces those the settings name."""
    endpoint = settings.endpoint
    slots = Slots(provers or make_provers(settings))
    heart = Heart(GrpcPulse(endpoint, settings.name))
    fitness = Fitness(lambda: check_machine(settings, executor, slots))
    figures = Figures()
    figures.watch(slots, fitness)
    guests = Guests(executor, settings.run_limits, settings.tell_guest_output, figures.executed)
    try:
        async with endpoint.aio_channel() as channel, endpoint.http_client() as http:
            transfers = Transfers(http)
            yield Tools(
                server=Server(channel, endpoint, settings.name),
                transfers=transfers,
                inputs=Inputs(transfers, settings.input_limits),
                guests=guests,
                slots=slots,
                heart=heart,
                fitness=fitness,
                figures=figures,
                spans=_spans(tracer),
            )
    finally:
        await slots.aclose()


def _spans(tracer: "Tracer | None") -> "JobSpans | None":
    if tracer is None:
        return None
    from sp1tee.fulfill.spans import JobSpans  # noqa: PLC0415 - needs an extra

    return JobSpans(tracer)
