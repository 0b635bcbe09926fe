"""Which fulfiller a request must be assigned to, to be ours."""

from sp1tee.errors import UpstreamError
from sp1tee.serve.network.channel import Upstream
from sp1tee.serve.network.reading import DEFINITE, read
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.signing import Address


class OwnAddresses:
    """The key's own address and, where the network knows one, the prover it signs for.

    A network may let a prover's owner name a key that signs on its behalf; requests are then
    assigned to the prover, and only GetOwner tells that this is us.
    """

    def __init__(self, address: Address, upstream: Upstream) -> None:
        self._address = address
        self._upstream = upstream
        self._owner: bytes | None = None

    async def contains(self, address: bytes) -> bool:
        """Tell whether an address means this server.

        Raises:
            NetworkError: the network could not be asked who we are.
        """
        if address == self._address:
            return True
        if self._owner is None:
            self._owner = await self._ask()
        return address == self._owner

    async def _ask(self) -> bytes:
        ask = types_pb2.GetOwnerRequest(address=self._address)
        try:
            answer = await self._upstream.call("GetOwner", ask.SerializeToString())
        except UpstreamError as error:
            if error.status in DEFINITE:
                return self._address
            raise
        return read(types_pb2.GetOwnerResponse, answer).owner or self._address
