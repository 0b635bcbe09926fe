"""The public ProverNetwork service."""

from typing import Any

from sp1tee.serve.network import Network


class ProverNetworkServicer:
    """Answers `network.ProverNetwork` for requesters."""

    def __init__(self, network: Network, admission: Any) -> None:
        self._network = network
        self._admission = admission

    def add_to(self, server: Any) -> None:
        """Register with a server: `add_generic_rpc_handlers`, `add_registered_method_handlers`."""
        raise NotImplementedError
