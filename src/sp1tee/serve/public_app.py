"""The public listener: requesters' calls, uploads, proofs. Nothing private can be read here."""

from functools import partial
from typing import Final

from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as grpc_health
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from sp1tee.serve import downloads, evidences, health, uploads
from sp1tee.serve.bridge import GrpcBridge
from sp1tee.serve.core import Core
from sp1tee.serve.evidences import Evidences
from sp1tee.serve.http_app import HttpApp
from sp1tee.serve.listener import BODY_IDLE_S, Policy
from sp1tee.serve.network.build import NetworkRoom
from sp1tee.serve.ports import port
from sp1tee.serve.quota import ByteQuota
from sp1tee.serve.refusals import counting_refusals
from sp1tee.serve.routes import Route

MESSAGE_LIMIT: Final = 1 << 20
"""Largest request message; the largest real one holds a verifying key of some KiB."""

SERVICES: Final = ("network.ProverNetwork", "artifact.ArtifactStore")

_OWN_PATIENCE_S: Final = 10.0


class PublicApp:
    """The app of the public listener, and what it takes to stop it."""

    def __init__(self, core: Core, room: NetworkRoom) -> None:
        self._health = grpc_health.HealthServicer()
        self._bridge = GrpcBridge(
            gate=core.gate, limit=MESSAGE_LIMIT, observe=core.metrics.rpc.observe
        )
        room.prover.add_to(self._bridge)
        room.artifacts.add_to(self._bridge)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._bridge)
        names = (*SERVICES, "grpc.health.v1.Health", reflection.SERVICE_NAME)
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(
            reflection.aio.ReflectionServicer(names), self._bridge
        )
        routes = _routes(core)
        http = HttpApp(routes, core.gate, core.metrics.http)
        both = port(self._bridge, http)
        self.app = counting_refusals(both, partial(core.metrics.refused, "public"))
        if core.traces is not None:
            # Strangers do not say what of ours theirs belongs to.
            self.app = core.traces.app(self.app, self._bridge, routes, linked=False)

    async def open(self) -> None:
        """Say that the services are there."""
        for name in SERVICES:
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def close(self) -> None:
        """Say that they are about to stop, and end the calls that would never end."""
        await self._health.enter_graceful_shutdown()
        self._bridge.end_streams()


def policies(core: Core) -> tuple[Policy, ...]:
    """How long bodies may stand still; uploads have their own, shorter patience."""
    return (
        Policy("/artifacts/*", core.settings.upload_idle_s + _OWN_PATIENCE_S),
        Policy("/*", BODY_IDLE_S),
    )


def _routes(core: Core) -> tuple[Route, ...]:
    settings = core.settings
    taking = uploads.Uploads(
        core.store,
        {"program": settings.max_program_bytes, "stdin": settings.max_stdin_bytes},
        core.patience,
        quota=ByteQuota(core.store, settings.max_requester_bytes),
        count=core.metrics.upload,
        background=core.background,
    )
    proofs = downloads.Proofs(core.store)
    routes = (
        Route(uploads.PROGRAM_ROUTE, {"PUT": taking.put_program}),
        Route(uploads.STDIN_ROUTE, {"PUT": taking.put_stdin}),
        Route(downloads.PROOF_ROUTE, {"GET": proofs.get, "HEAD": proofs.get}),
        Route(health.PUBLIC_ROUTE, {"GET": core.health.get_public}, quiet=True),
    )
    if settings.evidences_dir is None:
        return routes
    files = Evidences(settings.evidences_dir)
    return (*routes, Route(evidences.ROUTE, {"GET": files.get, "HEAD": files.get}))
