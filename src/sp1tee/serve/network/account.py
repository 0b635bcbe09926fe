"""The fulfiller's account on the network: the one place that signs with its key."""

import asyncio
from collections.abc import Callable

from google.protobuf.message import Message

from sp1tee.serve.network.channel import CALL_TIMEOUT_S, Upstream
from sp1tee.serve.network.reading import read
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.signing import Address, Signer

SETTLE_TIMEOUT_S = 300.0
"""A Core proof can have 100 MB and more."""


class FulfillerAccount:
    """Sends signed calls, one at a time.

    The network counts the nonces of an account, and a call with any but the next is refused.
    Asking for it, signing and sending is therefore one unit that no other call can come between.
    """

    def __init__(self, signer: Signer, upstream: Upstream) -> None:
        self._signer = signer
        self._upstream = upstream
        self._turn = asyncio.Lock()

    @property
    def address(self) -> Address:
        """Whom requests are assigned to."""
        return self._signer.address

    async def send(self, method: str, make_body: Callable[[int], Message]) -> bytes:
        """Send the body that `make_body` makes of the next nonce; return the encoded answer.

        Raises:
            NetworkError: the nonce could not be had, or the call failed.
        """
        async with self._turn:
            body = make_body(await self._nonce()).SerializeToString()
            envelope = types_pb2.SignedRequest(
                format=types_pb2.BINARY, signature=self._signer.sign(body), body=body
            )
            return await self._upstream.call(
                method, envelope.SerializeToString(), timeout_s=SETTLE_TIMEOUT_S
            )

    async def _nonce(self) -> int:
        ask = types_pb2.GetNonceRequest(address=self._signer.address)
        answer = await self._upstream.call(
            "GetNonce", ask.SerializeToString(), timeout_s=CALL_TIMEOUT_S
        )
        return read(types_pb2.GetNonceResponse, answer).nonce
