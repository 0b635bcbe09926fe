"""The worker listener: leases, inputs and proofs for fulfillers, figures for operators."""

import secrets
from functools import partial
from typing import Any, Final

from sp1tee.serve import downloads, hand_ins, health, metrics
from sp1tee.serve.admin import QueueAdmin
from sp1tee.serve.admin_workers import WorkerAdmin
from sp1tee.serve.bridge import GrpcBridge
from sp1tee.serve.core import Core
from sp1tee.serve.hand_ins import HandIns
from sp1tee.serve.http_app import HttpApp
from sp1tee.serve.listener import BODY_IDLE_S, Policy
from sp1tee.serve.metrics import MetricsPage
from sp1tee.serve.ports import port
from sp1tee.serve.refusals import counting_refusals
from sp1tee.serve.routes import Route
from sp1tee.serve.tokens import Tokens
from sp1tee.serve.waiting_line import WaitingLine
from sp1tee.serve.worker_auth import AdminAuth, WorkerAuth
from sp1tee.serve.worker_credentials import WorkerCredentials
from sp1tee.serve.workers import LeaseRules, Workers
from sp1tee.wire.pb import worker_pb2_grpc

MESSAGE_LIMIT: Final = 1 << 20

_TENANT_KEY_SIZE: Final = 32
_OWN_PATIENCE_S: Final = 10.0


class WorkerApp:
    """The app of the worker listener, and what it takes to stop it."""

    def __init__(self, core: Core, tokens: Tokens) -> None:
        self._line = WaitingLine()
        self._bridge = GrpcBridge(
            gate=core.gate, limit=MESSAGE_LIMIT, observe=core.metrics.rpc.observe
        )
        proofs = HandIns(
            core.store,
            core.settings.max_proof_bytes,
            core.patience,
            allow_mock=core.settings.allow_mock,
            background=core.background,
        )
        workers = Workers(
            core.store,
            self._line,
            proofs,
            registry=core.registry,
            background=core.background,
            last_words=core.last_words,
            rules=_rules(core),
        )
        server: Any = self._bridge
        servicer: Any = workers if core.traces is None else core.traces.linked(workers)
        worker_pb2_grpc.add_WorkersServicer_to_server(servicer, server)
        routes, admin_routes = _routes(core, proofs), _admin_routes(core)
        http = HttpApp(routes, core.gate, core.metrics.http)
        admin = HttpApp(admin_routes, core.gate, core.metrics.http)
        shared = tokens.worker if core.settings.shared_worker_token else None
        guarded = AdminAuth(
            tokens.admin,
            admin,
            others=WorkerAuth(
                WorkerCredentials(shared, core.store.identities), port(self._bridge, http)
            ),
        )
        self.app = counting_refusals(guarded, partial(core.metrics.refused, "worker"))
        if core.traces is not None:
            every = (*routes, *admin_routes)
            self.app = core.traces.app(self.app, self._bridge, every, linked=True)
        core.store.subscribe(self._line.changed)

    def close(self) -> None:
        """Send waiting workers away."""
        self._line.close()
        self._bridge.end_streams()


def policies(core: Core) -> tuple[Policy, ...]:
    """How long bodies may stand still; proofs have their own, shorter patience."""
    return (
        Policy("/proofs/*", core.settings.upload_idle_s + _OWN_PATIENCE_S),
        Policy("/*", BODY_IDLE_S),
    )


def _rules(core: Core) -> LeaseRules:
    return LeaseRules(
        ttl_s=core.settings.lease_ttl_s,
        allow_mock=core.settings.allow_mock,
        settle=core.settings.network == "standalone",
        # Fresh at every start: labels of different runs cannot be put together.
        tenant_key=secrets.token_bytes(_TENANT_KEY_SIZE),
    )


def _admin_routes(core: Core) -> tuple[Route, ...]:
    workers = WorkerAdmin(core.store.identities, core.registry)
    return (*QueueAdmin(core.store.requests).routes, *workers.routes)


def _routes(core: Core, proofs: HandIns) -> tuple[Route, ...]:
    blobs = downloads.Blobs(core.store)
    page = MetricsPage(core.metrics, core.health, core.store, core.registry, core.settings.data_dir)
    return (
        Route(downloads.STDIN_ROUTE, {"GET": blobs.get_stdin, "HEAD": blobs.get_stdin}),
        Route(downloads.PROGRAM_ROUTE, {"GET": blobs.get_program, "HEAD": blobs.get_program}),
        Route(hand_ins.ROUTE, {"PUT": proofs.put}),
        Route(metrics.ROUTE, {"GET": page.get}, quiet=True),
        Route(health.LIVE_ROUTE, {"GET": core.health.get_live}, quiet=True),
        Route(health.READY_ROUTE, {"GET": core.health.get_ready}, quiet=True),
    )
