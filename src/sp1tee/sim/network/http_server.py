"""The artifact listener: objects below the bucket's name, the admin pages beside it."""

import asyncio

import h2corn

from sp1tee.errors import ConfigError
from sp1tee.sim.network.admin_pages import AdminPages
from sp1tee.sim.network.http import Exchange, Receive, Reply, Scope, Send, send_reply
from sp1tee.sim.network.object_pages import ObjectPages
from sp1tee.sim.network.recording import Recording
from sp1tee.sim.network.settings import SimSettings

_DRAIN_S = 1.0


class HttpServer:
    """Serves objects and admin pages.

    Args:
        settings: where to listen and how.
        objects: answers below the bucket's name.
        admin: answers everything else.
    """

    def __init__(self, settings: SimSettings, objects: ObjectPages, admin: AdminPages) -> None:
        self._settings = settings
        self._objects = objects
        self._admin = admin
        self._recording = Recording(settings.record)
        self._server: h2corn.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self.address = settings.artifacts_listen

    async def open(self) -> None:
        """Listen.

        Raises:
            ConfigError: the address cannot be bound.
        """
        try:
            self._server = h2corn.Server(self._serve, _config(self._settings))
            self._task = await _start(self._server)
        except (OSError, ValueError):
            raise ConfigError(
                f"The artifact store cannot listen on {self.address}.",
                advice="Choose another address, or port 0 for a free one.",
            ) from None
        self.address = self._server.addresses[0]

    async def close(self) -> None:
        """Stop, letting requests in flight end within a second."""
        if self._server is not None and self._task is not None:
            self._server.shutdown()
            await self._task

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            heard = self._recording.hearing(scope, receive)
            await send_reply(await self._answer(Exchange(scope, heard)), send)

    async def _answer(self, exchange: Exchange) -> Reply:
        bucket, _, key = exchange.path.partition("/")
        if bucket == self._settings.bucket and key:
            return await self._objects.answer(exchange, key)
        return await self._admin.answer(exchange)


async def _start(server: h2corn.Server) -> asyncio.Task[None]:
    task = asyncio.create_task(server.serve())
    try:
        await server.wait_started()
    except OSError:
        await asyncio.wait([task])
        task.exception()  # the same error once more, seen so that nobody warns of it
        raise
    return task


def _config(settings: SimSettings) -> h2corn.Config:
    tls = settings.tls
    return h2corn.Config(
        bind=(settings.artifacts_listen,),
        certfile=tls.certificate if tls else None,
        keyfile=tls.key if tls else None,
        lifespan="off",
        access_log=False,
        max_request_body_size=0,
        timeout_graceful_shutdown=_DRAIN_S,
    )
