"""The server as a whole: opened, run, drained."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

import uvloop

from sp1tee import logs
from sp1tee.privacy import forbid_dumps
from sp1tee.serve import public_app, worker_app
from sp1tee.serve.background import Background
from sp1tee.serve.core import Core
from sp1tee.serve.gate import Gate
from sp1tee.serve.health import Health
from sp1tee.serve.listener import Listener, bind, url_of
from sp1tee.serve.metrics import Metrics
from sp1tee.serve.network.build import NetworkRoom, build_network
from sp1tee.serve.opening import open_kept
from sp1tee.serve.public_app import PublicApp
from sp1tee.serve.queue_watch import QueueWatch
from sp1tee.serve.ready_file import Ready, write_ready_file
from sp1tee.serve.registry import Registry
from sp1tee.serve.settings import ServeSettings
from sp1tee.serve.stopping import Stopping
from sp1tee.serve.worker_app import WorkerApp
from sp1tee.serve.worker_auth import worker_token
from sp1tee.serve.workers import LONGEST_WAIT_S
from sp1tee.store.store import Store

_log = logs.get(__name__)

_TTLS_REMEMBERED: Final = 2


def run(settings: ServeSettings, *, ready: Callable[[Ready], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; raises what `serve` raises."""
    forbid_dumps()
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
        public_app: what answers on the one.
        worker_app: what answers on the other.
    """

    core: Core
    room: NetworkRoom
    public: Listener
    worker: Listener
    public_app: PublicApp
    worker_app: WorkerApp

    async def start(self, stack: AsyncExitStack, stopping: Stopping) -> None:
        """Begin to work; closing the stack ends it."""
        for listener in (self.worker, self.public):
            stack.push_async_callback(listener.stop)
            await listener.start()
        stack.push_async_callback(stopping.end_parts)
        stopping.begin("worker listener", self.worker.ended())
        stopping.begin("public listener", self.public.ended())
        for runner in self.room.runners:
            stopping.begin(type(runner).__name__, runner.run())
        await self.public_app.open()

    def tell(self, ready: Callable[[Ready], None] | None) -> None:
        """Tell whoever waits that both listeners answer."""
        told = Ready(public=self.public.url, worker=self.worker.url, pid=os.getpid())
        if self.core.settings.ready_file is not None:
            write_ready_file(self.core.settings.ready_file, told)
        _log.info("serving", public=told.public, worker=told.worker)
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
    # Bound first: a taken address should cost nobody a wait.
    public = stack.enter_context(contextlib.closing(bind("listen", settings.listen)))
    worker = stack.enter_context(contextlib.closing(bind("worker_listen", settings.worker_listen)))
    store = await open_kept(settings)
    stack.push_async_callback(store.aclose)
    token = worker_token(settings)
    metrics = Metrics()
    registry = Registry(LONGEST_WAIT_S + _TTLS_REMEMBERED * settings.lease_ttl_s)
    room = build_network(
        settings,
        store,
        public_url=settings.public_url or url_of(public),
        capabilities=registry.capabilities,
        upstream_failed=metrics.upstream_failed,
    )
    core = _core(settings, store, registry, metrics, room)
    stack.push_async_callback(core.background.aclose)
    stack.push_async_callback(room.aclose)
    queue = QueueWatch(await store.requests.open_records())
    store.subscribe(queue.changed)
    public_side, worker_side = PublicApp(core, room), WorkerApp(core, token, queue)
    return Server(
        core,
        room,
        Listener(public, public_side.app, public_app.policies(core)),
        Listener(worker, worker_side.app, worker_app.policies(core)),
        public_side,
        worker_side,
    )


def _core(
    settings: ServeSettings, store: Store, registry: Registry, metrics: Metrics, room: NetworkRoom
) -> Core:
    gate = Gate()
    return Core(
        settings=settings,
        store=store,
        gate=gate,
        registry=registry,
        metrics=metrics,
        health=Health(gate, store, room.network, registry),
        background=Background(),
    )


def _warn(settings: ServeSettings) -> None:
    for hint in settings.hints:
        _log.warning(hint)
    if settings.allow_mock:
        _log.warning("allow_mock is set: proofs of mock provers are given out, which prove nothing")
    if settings.public_url is None:
        _log.warning(
            "public_url is not set: requesters are told this machine's own address for uploads"
        )
