"""The gRPC listener: grpc.aio on purpose, so that two independent stacks meet in tests.

One `grpc.aio` server lives from `open` to `close`; opening again takes the same port, so that an
outage or a broken connection looks to clients like a network that comes back.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Never

import grpc
from grpc import aio

from sp1tee.errors import ConfigError, NetworkRefusal
from sp1tee.sim.network.calls import Handler, Services
from sp1tee.sim.network.faults import Faults
from sp1tee.sim.network.recording import Recording
from sp1tee.sim.network.settings import SimSettings

Context = aio.ServicerContext[bytes, bytes]
Behaviour = Callable[[bytes, Context], Awaitable[bytes]]


class GrpcServer:
    """Serves handlers, with what `faults` wants to go wrong on the way.

    Args:
        settings: where to listen and how.
        services: what is answered.
        faults: what goes wrong.
        tick: called before each call is looked at; lets time pass.
    """

    def __init__(
        self,
        settings: SimSettings,
        services: Services,
        faults: Faults,
        tick: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._services = services
        self._faults = faults
        self._tick = tick
        self._recording = Recording(settings.record)
        self._server: aio.Server | None = None
        self._restart: asyncio.Task[None] | None = None
        self.address = settings.listen

    async def open(self) -> None:
        """Listen; does nothing if it does already.

        Raises:
            ConfigError: the address cannot be bound.
        """
        if self._server is not None:
            return
        server = aio.server(options=self._options())
        server.add_generic_rpc_handlers([self._generic(name) for name in self._services])
        try:
            port = self._bind(server)
        except RuntimeError:
            raise ConfigError(
                f"The simulated network cannot listen on {self.address}.",
                advice="Choose another address, or port 0 for a free one.",
            ) from None
        await server.start()
        self.address = f"{self.address.rpartition(':')[0]}:{port}"
        self._server = server

    async def close(self) -> None:
        """Stop listening and break off calls in flight."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop(grace=None)

    async def aclose(self) -> None:
        """Close for good."""
        if self._restart is not None:
            await self._restart
        await self.close()

    def _bind(self, server: aio.Server) -> int:
        tls = self._settings.tls
        if tls is None:
            return server.add_insecure_port(self.address)
        pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
        return server.add_secure_port(self.address, grpc.ssl_server_credentials([pair]))

    def _options(self) -> list[tuple[str, int]]:
        """Without the first three the SDK's pings (15 s, also when idle) cost it its channel."""
        return [
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.min_ping_interval_without_data_ms", 5000),
            ("grpc.http2.min_recv_ping_interval_without_data_ms", 5000),
            ("grpc.max_receive_message_length", self._settings.max_message_bytes),
            ("grpc.so_reuseport", 0),
        ]

    def _generic(self, service: str) -> grpc.GenericRpcHandler:
        methods = self._services[service]
        return grpc.method_handlers_generic_handler(
            service,
            {
                name: grpc.unary_unary_rpc_method_handler(self._behaviour(name, handler))
                for name, handler in methods.items()
            },
        )

    def _behaviour(self, method: str, handler: Handler) -> Behaviour:
        async def answer(request: bytes, context: Context) -> bytes:
            self._recording.write(method, context.invocation_metadata() or (), request)
            try:
                await self._faults.before(method)
                self._tick()
                reply = handler(request)
                await self._deliver(method)
            except NetworkRefusal as refusal:
                await context.abort(grpc.StatusCode[refusal.status], refusal.message)
            return reply

        return answer

    async def _deliver(self, method: str) -> None:
        """Let the reply of an applied call through, or not."""
        lost = self._faults.lost_reply(method)
        if lost is None:
            return
        if lost.drop:
            await self._break_connections()
        raise NetworkRefusal("injected fault: the reply was lost", status=lost.status)

    async def _break_connections(self) -> Never:
        """Break every connection, this call's too, and listen again."""
        if self._restart is None or self._restart.done():
            self._restart = asyncio.create_task(self._reopen())
        await asyncio.Event().wait()
        raise AssertionError("unreachable: the server cancels this call")

    async def _reopen(self) -> None:
        await self.close()
        await self.open()
