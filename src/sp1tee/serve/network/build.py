"""Assembly of the network half of a server."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sp1tee.serve.artifact_store import ArtifactStoreServicer
from sp1tee.serve.network import Network, Runner
from sp1tee.serve.prover_network import ProverNetworkServicer
from sp1tee.store.records import Capability

if TYPE_CHECKING:
    from sp1tee.serve.settings import ServeSettings
    from sp1tee.store.store import Store


@dataclass(frozen=True, slots=True)
class NetworkRoom:
    """Everything behind the two public gRPC services.

    Register with `prover.add_to(server)` and `artifacts.add_to(server)`, where `server` is a
    `GrpcBridge` or a `grpc.aio.Server`: replies are already encoded, so grpcio's generated
    functions do not fit. Start every runner, cancel them at shutdown, then `await aclose()`.
    """

    network: Network
    prover: ProverNetworkServicer
    artifacts: ArtifactStoreServicer
    runners: tuple[Runner, ...]

    async def aclose(self) -> None:
        """Close connections."""
        await self.network.aclose()


def build_network(
    settings: "ServeSettings",
    store: "Store",
    *,
    public_url: str,
    capabilities: Callable[[], Iterable[Capability]],
    clock: Callable[[], float] = time.time,
) -> NetworkRoom:
    """Build the network that `settings` name, and the servicers in front of it.

    Args:
        settings: the server's settings.
        store: the open store; `StatusView` subscribes to it.
        public_url: the public listener's origin without a trailing slash.
        capabilities: what the live workers can prove; empty when none is known.
        clock: Unix seconds.
    """
    raise NotImplementedError
