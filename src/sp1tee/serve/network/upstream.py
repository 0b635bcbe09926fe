"""A server in front of a Prover Network: every request is registered and settled there."""

from collections.abc import Sequence
from typing import Protocol

from sp1tee.errors import NetworkError, NotAllowed
from sp1tee.serve.calls import CancelCall, ProgramCall, ProofCall, SignedCall
from sp1tee.serve.checks import ADDRESS_SIZE, sized
from sp1tee.serve.network import Question, StatusReply
from sp1tee.serve.network.channel import ARTIFACTS, Upstream
from sp1tee.serve.network.overlay import overlay, readable
from sp1tee.serve.network.polling import Polled, UpstreamStatuses
from sp1tee.serve.network.registrar import Registrar
from sp1tee.serve.network.watcher import Watcher
from sp1tee.serve.statuses import has_failed
from sp1tee.serve.view import StatusView
from sp1tee.store.records import RequestRecord, State
from sp1tee.store.requests import Requests
from sp1tee.wire.pb import types_pb2


class Closable(Protocol):
    """A part that has something to let go of."""

    async def aclose(self) -> None:
        """Let go of it."""


class UpstreamNetwork:
    """Forwards what it is asked and overlays what it knows.

    Envelopes go on with the exact bytes that were signed; answers come back as they are.

    Args:
        upstream: the network.
        requests: those that this server has.
        view: the same, by id.
        registrar: registers them.
        statuses: what the network says of them.
        watcher: ends those that the network has ended.
        parts: what else is closed with this, in this order.
    """

    def __init__(
        self,
        upstream: Upstream,
        requests: Requests,
        view: StatusView,
        *,
        registrar: Registrar,
        statuses: UpstreamStatuses,
        watcher: Watcher,
        parts: Sequence[Closable],
    ) -> None:
        self._upstream = upstream
        self._requests = requests
        self._view = view
        self._registrar = registrar
        self._statuses = statuses
        self._watcher = watcher
        self._parts = parts

    async def place_program(self, request: bytes) -> bytes | None:
        """Have programs uploaded where the network keeps them; they are not private."""
        return await self._upstream.call("CreateArtifact", request, service=ARTIFACTS)

    async def get_program(self, vk_hash: bytes) -> bytes:
        """Forward GetProgram."""
        ask = types_pb2.GetProgramRequest(vk_hash=vk_hash)
        return await self._upstream.call("GetProgram", ask.SerializeToString())

    async def create_program(self, call: ProgramCall) -> bytes:
        """Forward CreateProgram."""
        return await self._upstream.call("CreateProgram", call.signed.envelope())

    async def nonce(self, address: bytes) -> bytes:
        """Forward GetNonce."""
        ask = types_pb2.GetNonceRequest(address=sized(address, ADDRESS_SIZE, "address"))
        return await self._upstream.call("GetNonce", ask.SerializeToString())

    async def request_proof(self, call: ProofCall) -> bytes:
        """Register a request and answer with the network's ids."""
        return _accepted(await self._registrar.take(call))

    async def repeat_proof(self, record: RequestRecord, signed: SignedCall) -> bytes:
        """Answer with the ids of the first time, or register it if that had failed."""
        return _accepted(await self._registrar.again(record, signed))

    async def status(self, request_id: bytes) -> StatusReply:
        """Answer a poll with both views combined."""
        record = await self._view.find(request_id)
        if record is None:
            polled = await self._statuses.get(request_id)
            return StatusReply(readable(polled.status).SerializeToString())
        told = await self._told(record)
        # Asking may have shown that it is over.
        record = await self._view.get(request_id)
        proved = told is not None and told.status.fulfillment_status == types_pb2.FULFILLED
        if has_failed(record) and not proved:
            return await self._view.reply(request_id)
        status = overlay(record, told.status if told is not None else None)
        return StatusReply(status.SerializeToString())

    async def details(self, request_id: bytes) -> bytes:
        """Forward GetProofRequestDetails."""
        ask = types_pb2.GetProofRequestDetailsRequest(request_id=request_id)
        return await self._upstream.call("GetProofRequestDetails", ask.SerializeToString())

    async def filtered(self, request: bytes) -> bytes:
        """Forward GetFilteredProofRequests."""
        return await self._upstream.call("GetFilteredProofRequests", request)

    async def cancel(self, call: CancelCall) -> bytes:
        """Forward CancelRequest; what the network cancels is not worked on any more."""
        record = await self._view.find(call.request_id)
        if record is not None and record.requester != call.signed.signer:
            raise NotAllowed("Only its requester can cancel a request.")
        answer = await self._upstream.call("CancelRequest", call.signed.envelope())
        if record is not None:
            await self._requests.cancel(record.key, "The requester cancelled it.")
        return answer

    async def ask(self, question: Question, request: bytes) -> bytes:
        """Forward a question."""
        return await self._upstream.call(question.value, request)

    async def reachable(self) -> bool:
        """Tell whether the network can be connected to."""
        return await self._upstream.reachable()

    async def aclose(self) -> None:
        """Stop what is under way and close connections."""
        self._view.close()
        for part in (*self._parts, self._registrar, self._statuses, self._upstream):
            await part.aclose()

    async def _told(self, record: RequestRecord) -> Polled | None:
        """Ask the network about a request of ours; None if it cannot be asked, or need not."""
        request_id = record.request_id or b""
        if record.state is State.FAILED:
            # Final here and told at once; only a proof that the network has would count more.
            return self._statuses.peek(request_id)
        try:
            polled = await self._statuses.get(request_id, about=record.key)
        except NetworkError:
            return None
        await self._watcher.noticed(record, polled)
        return polled


def _accepted(record: RequestRecord) -> bytes:
    return types_pb2.RequestProofResponse(
        tx_hash=record.tx_hash or b"",
        body=types_pb2.RequestProofResponseBody(request_id=record.request_id or b""),
    ).SerializeToString()
