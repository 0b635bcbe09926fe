"""The public ArtifactStore service."""

from typing import Any

from sp1tee.serve.network import Network


class ArtifactStoreServicer:
    """Answers `artifact.ArtifactStore`."""

    def __init__(self, network: Network, admission: Any, uploads: Any) -> None:
        self._network = network
        self._admission = admission
        self._uploads = uploads

    def add_to(self, server: Any) -> None:
        """Register with a server: `add_generic_rpc_handlers`, `add_registered_method_handlers`."""
        raise NotImplementedError
