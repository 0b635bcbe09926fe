"""The worker listener: leases, inputs and proofs for fulfillers, figures for operators."""

import secrets
from typing import Any, Final

from sp1tee.serve import downloads, hand_ins, health, metrics
from sp1tee.serve.bridge import GrpcBridge
from sp1tee.serve.core import Core
from sp1tee.serve.hand_ins import HandIns
from sp1tee.serve.http_app import HttpApp
from sp1tee.serve.listener import BODY_IDLE_S, Policy
from sp1tee.serve.metrics import MetricsPage
from sp1tee.serve.ports import port
from sp1tee.serve.queue_watch import QueueWatch
from sp1tee.serve.routes import Route
from sp1tee.serve.waiting_line import WaitingLine
from sp1tee.serve.worker_auth import WorkerAuth
from sp1tee.serve.workers import LeaseRules, Workers
from sp1tee.wire.pb import worker_pb2_grpc

MESSAGE_LIMIT: Final = 1 << 20

_TENANT_KEY_SIZE: Final = 32
_OWN_PATIENCE_S: Final = 10.0


class WorkerApp:
    """The app of the worker listener, and what it takes to stop it."""

    def __init__(self, core: Core, token: str, queue: QueueWatch) -> None:
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
            rules=_rules(core),
        )
        server: Any = self._bridge
        worker_pb2_grpc.add_WorkersServicer_to_server(workers, server)
        http = HttpApp(_routes(core, proofs, queue), core.gate, core.metrics.http)
        self.app = WorkerAuth(token, port(self._bridge, http))
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


def _routes(core: Core, proofs: HandIns, queue: QueueWatch) -> tuple[Route, ...]:
    blobs = downloads.Blobs(core.store)
    page = MetricsPage(core.metrics, core.store, queue, core.registry)
    return (
        Route(downloads.STDIN_ROUTE, {"GET": blobs.get_stdin, "HEAD": blobs.get_stdin}),
        Route(downloads.PROGRAM_ROUTE, {"GET": blobs.get_program, "HEAD": blobs.get_program}),
        Route(hand_ins.ROUTE, {"PUT": proofs.put}),
        Route(metrics.ROUTE, {"GET": page.get}, quiet=True),
        Route(health.LIVE_ROUTE, {"GET": core.health.get_live}, quiet=True),
        Route(health.READY_ROUTE, {"GET": core.health.get_ready}, quiet=True),
    )
