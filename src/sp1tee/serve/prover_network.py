"""The public ProverNetwork service: what requesters call, in every dialect."""

from contextlib import AsyncExitStack

from sp1tee.errors import ListsClosed, MalformedCall, NotServed, Refusal, WireError
from sp1tee.serve.accounts import Accounts
from sp1tee.serve.admission import Admission
from sp1tee.serve.calls import SignedCall
from sp1tee.serve.checks import HASH_SIZE, decode, sized
from sp1tee.serve.guard import guarded
from sp1tee.serve.network import Network, Question
from sp1tee.serve.quota import Quota
from sp1tee.serve.rpc import Context, Method, Server, register
from sp1tee.store.requests import Requests
from sp1tee.wire.dialect import request_fingerprint
from sp1tee.wire.pb import types_pb2

SERVICE = "network.ProverNetwork"

_FULFILLERS_ONLY = ("FulfillProof", "FailFulfillment", "GetStdinUri")


class ProverNetworkServicer:
    """Admits calls and lets the network answer them.

    Args:
        network: registers and settles.
        accounts: who may call.
        admission: what may be asked for.
        quota: how much of it.
        requests: where known requests are.
        public_lists: whether everybody may list requests.
    """

    def __init__(
        self,
        network: Network,
        accounts: Accounts,
        admission: Admission,
        quota: Quota,
        requests: Requests,
        *,
        public_lists: bool,
    ) -> None:
        self._network = network
        self._accounts = accounts
        self._admission = admission
        self._quota = quota
        self._requests = requests
        self._lists_open = public_lists or accounts.asks_for_token

    def add_to(self, server: Server) -> None:
        """Register with a `GrpcBridge` or a `grpc.aio.Server`."""
        methods = {
            "GetProgram": self.get_program,
            "CreateProgram": self.create_program,
            "GetNonce": self.get_nonce,
            "RequestProof": self.request_proof,
            "GetProofRequestStatus": self.get_status,
            "GetProofRequestDetails": self.get_details,
            "GetFilteredProofRequests": self.get_filtered,
            "CancelRequest": self.cancel_request,
            **{question.value: self._asked(question) for question in Question},
            **dict.fromkeys(_FULFILLERS_ONLY, self.not_served),
        }
        guard = guarded(self._accounts)
        register(server, SERVICE, {name: guard(method) for name, method in methods.items()})

    async def get_program(self, request: bytes, context: Context) -> bytes:
        """Answer GetProgram; NOT_FOUND makes an SDK register the program."""
        del context
        vk_hash = decode(types_pb2.GetProgramRequest, request).vk_hash
        return await self._network.get_program(sized(vk_hash, HASH_SIZE, "vk_hash"))

    async def create_program(self, request: bytes, context: Context) -> bytes:
        """Answer CreateProgram."""
        del context
        call = self._admission.program(self._accounts.signed(request))
        return await self._network.create_program(call)

    async def get_nonce(self, request: bytes, context: Context) -> bytes:
        """Answer GetNonce."""
        del context
        return await self._network.nonce(decode(types_pb2.GetNonceRequest, request).address)

    async def request_proof(self, request: bytes, context: Context) -> bytes:
        """Answer RequestProof.

        A request that would be refused may be known already: it was admitted before, and is
        answered as before, even if its input is used up by now. A client that lost our reply must
        get it again.
        """
        del context
        signed = self._accounts.signed(request)
        fingerprint = _fingerprint(signed)
        async with AsyncExitStack() as held:
            try:
                call = await self._admission.proof(signed, fingerprint)
                await held.enter_async_context(self._quota.request(signed.signer))
            except Refusal:
                known = await self._requests.by_fingerprint(fingerprint)
                if known is None:
                    raise
                return await self._network.repeat_proof(known, signed)
            return await self._network.request_proof(call)

    async def get_status(self, request: bytes, context: Context) -> bytes:
        """Answer GetProofRequestStatus; the reason of a failure follows as trailing metadata."""
        request_id = decode(types_pb2.GetProofRequestStatusRequest, request).request_id
        reply = await self._network.status(sized(request_id, HASH_SIZE, "request_id"))
        if reply.trailers:
            context.set_trailing_metadata(reply.trailers)
        return reply.encoded

    async def get_details(self, request: bytes, context: Context) -> bytes:
        """Answer GetProofRequestDetails to whoever knows the id."""
        del context
        request_id = decode(types_pb2.GetProofRequestDetailsRequest, request).request_id
        return await self._network.details(sized(request_id, HASH_SIZE, "request_id"))

    async def get_filtered(self, request: bytes, context: Context) -> bytes:
        """Answer GetFilteredProofRequests, where lists are open."""
        del context
        if not self._lists_open:
            raise ListsClosed("Requests are not listed here for everybody.")
        return await self._network.filtered(request)

    async def cancel_request(self, request: bytes, context: Context) -> bytes:
        """Answer CancelRequest."""
        del context
        return await self._network.cancel(self._admission.cancel(self._accounts.signed(request)))

    async def not_served(self, request: bytes, context: Context) -> bytes:
        """Refuse what fulfillers call: they have a listener of their own."""
        del request, context
        raise NotServed("This call is for fulfillers, and not served to requesters.")

    def _asked(self, question: Question) -> Method:
        async def method(request: bytes, context: Context) -> bytes:
            del context
            return await self._network.ask(question, request)

        return method


def _fingerprint(signed: SignedCall) -> bytes:
    try:
        return request_fingerprint(signed.signer, signed.body)
    except WireError as error:
        raise MalformedCall(error.message, advice=error.advice) from None
