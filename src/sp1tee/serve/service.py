"""The server as a whole: opened, run, drained."""

import asyncio
import contextlib
import math
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import uvloop

from sp1tee import logs
from sp1tee.privileges import drop_privileges, warn_of_surroundings
from sp1tee.serve import public_app, worker_app
from sp1tee.serve.background import Background
from sp1tee.serve.core import Core
from sp1tee.serve.door.descriptors import affordable_connections, raise_descriptor_limit
from sp1tee.serve.door.limits import Limits
from sp1tee.serve.door.peers import Trusted
from sp1tee.serve.gate import Gate
from sp1tee.serve.health import Health, ReadyRules
from sp1tee.serve.journal import log_change
from sp1tee.serve.last_words import LastWords
from sp1tee.serve.listener import Listener, bind, url_of
from sp1tee.serve.memory import collect_seldom
from sp1tee.serve.metrics import Metrics
from sp1tee.serve.network.build import NetworkRoom, build_network
from sp1tee.serve.opening import Kept, open_kept
from sp1tee.serve.public_app import PublicApp
from sp1tee.serve.ready_file import Ready, write_ready_file
from sp1tee.serve.registry import Registry
from sp1tee.serve.settings import ServeSettings
from sp1tee.serve.stopping import Stopping
from sp1tee.serve.tokens import open_tokens
from sp1tee.serve.worker_app import WorkerApp
from sp1tee.serve.worker_tls import Renewal, WorkerTls
from sp1tee.serve.workers import LONGEST_WAIT_S
from sp1tee.tracing import tracing

if TYPE_CHECKING:
    from sp1tee.serve.spans import Traces

_log = logs.get(__name__)

_TTLS_REMEMBERED: Final = 2


def run(settings: ServeSettings, *, ready: Callable[[Ready], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; raises what `serve` raises."""
    drop_privileges()
    collect_seldom()
    uvloop.run(serve(settings, ready=ready))


async def serve(
    settings: ServeSettings,
    *,
    ready: Callable[[Ready], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then drain and return.

    Draining means: new calls are refused, calls and uploads in flight may take `drain_s` to end,
    waiting workers are sent away at once. A second signal ends it early.

    Args:
        settings: what the operator set.
        ready: called once both listeners answer.
        stop: ends it like a signal; with it, signals are left to the caller.

    Raises:
        ConfigError: a setting is unusable, or an address is taken.
        StoreError: the store cannot be opened.
        MissingExtraError: traces are asked for and cannot be made.
    """
    stopping = Stopping(stop)
    with stopping.signals():
        async with AsyncExitStack() as stack:
            server = await open_server(settings, stack)
            await server.start(stack, stopping)
            server.tell(ready)
            await stopping.wait()
            await server.drain(stopping)
        stopping.raise_if_failed()


@dataclass(frozen=True, slots=True)
class Server:
    """Everything of a server, opened.

    Attributes:
        core: what both listeners work with.
        room: the network.
        public: the listener for requesters.
        worker: the listener for fulfillers.
        tls: that listener's certificates; None if it is in clear.
        public_app: what answers on the one.
        worker_app: what answers on the other.
    """

    core: Core
    room: NetworkRoom
    public: Listener
    worker: Listener
    tls: WorkerTls | None
    public_app: PublicApp
    worker_app: WorkerApp

    async def start(self, stack: AsyncExitStack, stopping: Stopping) -> None:
        """Begin to work; closing the stack ends it."""
        for listener in (self.worker, self.public):
            stack.push_async_callback(listener.stop)
            await listener.start()
        stack.push_async_callback(stopping.end_parts)
        if self.tls is not None:
            renewal = Renewal(self.worker, self.tls)
            stack.enter_context(renewal.signals())
            stopping.begin("certificates", renewal.run())
        stopping.begin("worker listener", self.worker.ended())
        stopping.begin("public listener", self.public.ended())
        for runner in self.room.runners:
            stopping.begin(type(runner).__name__, runner.run())
        await self.public_app.open()

    def tell(self, ready: Callable[[Ready], None] | None) -> None:
        """Tell whoever waits that both listeners answer."""
        told = Ready(
            public=self.public.url,
            worker=self.worker.url,
            pid=os.getpid(),
            input_protection=self.core.health.input_protection,
        )
        if self.core.settings.ready_file is not None:
            write_ready_file(self.core.settings.ready_file, told)
        _log.info(
            "serving",
            public=told.public,
            worker=told.worker,
            input_protection=told.input_protection,
        )
        if ready is not None:
            ready(told)

    async def drain(self, stopping: Stopping) -> None:
        """Let nothing new in and wait until what is in flight has ended, or for too long."""
        self.core.gate.close()
        self.worker_app.close()
        await self.public_app.close()
        _log.info("draining", in_flight=self.core.gate.inside)
        waits = [
            asyncio.ensure_future(self.core.gate.emptied()),
            asyncio.ensure_future(stopping.wait_hurry()),
        ]
        await asyncio.wait(
            waits, timeout=self.core.settings.drain_s, return_when=asyncio.FIRST_COMPLETED
        )
        for wait in waits:
            wait.cancel()
        _log.info("stopping", cut_off=self.core.gate.inside)


async def open_server(settings: ServeSettings, stack: AsyncExitStack) -> Server:
    """Open all parts of a server; closing the stack closes them. Raises what `serve` raises."""
    _warn(settings)
    tls = WorkerTls.of(settings)
    options = None if tls is None else tls.options
    traces = _open_traces(stack)
    # Bound first: a taken address should cost nobody a wait.
    public = stack.enter_context(contextlib.closing(bind("listen", settings.listen)))
    worker = stack.enter_context(contextlib.closing(bind("worker_listen", settings.worker_listen)))
    kept = await open_kept(settings)
    store = kept.store
    stack.push_async_callback(store.aclose)
    tokens = open_tokens(settings)
    metrics = Metrics(store.clock)
    registry = Registry(
        LONGEST_WAIT_S + _TTLS_REMEMBERED * settings.lease_ttl_s, store.identities.all
    )
    last_words = LastWords()
    room = build_network(
        settings,
        store,
        public_url=settings.public_url or url_of(public),
        capabilities=registry.capabilities,
        last_words=last_words,
        upstream_answered=metrics.upstream_answered,
        leases_lost=metrics.leases_lost,
    )
    core = _core(settings, kept, registry, metrics, room, last_words=last_words, traces=traces)
    stack.push_async_callback(core.health.aclose)
    stack.push_async_callback(core.background.aclose)
    stack.push_async_callback(room.aclose)
    open_records = await store.requests.open_records()
    store.witness(log_change)
    if traces is not None:
        store.subscribe(traces.requests.changed)
    await metrics.follow(store, open_records, upstream=settings.network == "upstream")
    public_side, worker_side = PublicApp(core, room), WorkerApp(core, tokens)
    limits = _limits(settings)
    return Server(
        core,
        room,
        Listener(
            public,
            public_side.app,
            public_app.policies(core),
            limits,
            partial(metrics.connections_closed, "public"),
        ),
        Listener(
            worker,
            worker_side.app,
            worker_app.policies(core),
            # A whole fleet may stand behind one address, and each of its calls shows a token.
            replace(limits, calls_per_s=math.inf, told_apart="nothing"),
            partial(metrics.connections_closed, "worker"),
            tls=options,
        ),
        tls,
        public_side,
        worker_side,
    )


def _limits(settings: ServeSettings) -> Limits:
    """Fit what each listener bears into what the system allows this process."""
    affordable = affordable_connections(raise_descriptor_limit(), listeners=2)
    if affordable < settings.max_connections:
        _log.warning(
            "max_connections is cut down: too few descriptors are allowed (ulimit -n)",
            connections=affordable,
        )
    return Limits(
        connections=min(settings.max_connections, affordable),
        peer_connections=settings.max_peer_connections,
        calls_per_s=settings.max_peer_calls_per_s,
        trusted=Trusted.of(settings.trusted_peers),
        told_apart=settings.told_apart,
    )


def _core(
    settings: ServeSettings,
    kept: Kept,
    registry: Registry,
    metrics: Metrics,
    room: NetworkRoom,
    *,
    last_words: LastWords,
    traces: "Traces | None",
) -> Core:
    gate = Gate()
    return Core(
        settings=settings,
        store=kept.store,
        gate=gate,
        registry=registry,
        metrics=metrics,
        health=Health(gate, kept, room.network, registry, rules=_ready_rules(settings)),
        background=Background(),
        last_words=last_words,
        traces=traces,
    )


def _open_traces(stack: AsyncExitStack) -> "Traces | None":
    tracer = stack.enter_context(tracing("sp1tee-serve"))
    if tracer is None:
        return None
    from sp1tee.serve.spans import Traces  # noqa: PLC0415 - needs an extra

    traces = Traces(tracer)
    stack.callback(traces.requests.end)
    return traces


def _ready_rules(settings: ServeSettings) -> ReadyRules:
    return ReadyRules(settings.data_dir, settings.min_free_bytes, settings.require_workers)


def _warn(settings: ServeSettings) -> None:
    warn_of_surroundings()
    for hint in settings.hints:
        _log.warning(hint)
    if settings.allow_mock:
        _log.warning("allow_mock is set: proofs of mock provers are given out, which prove nothing")
    if settings.public_url is None:
        _log.warning(
            "public_url is not set: requesters are told this machine's own address for uploads"
        )
