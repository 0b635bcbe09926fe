"""A server that is its own network: it gives out ids, and a finished proof is settled."""

import asyncio
import secrets
from collections.abc import Callable

from sp1tee.errors import (
    NotAllowed,
    NotCancellable,
    ProgramRefused,
)
from sp1tee.serve.calls import CancelCall, ProgramCall, ProofCall, SignedCall
from sp1tee.serve.checks import ADDRESS_SIZE, HASH_SIZE, sized
from sp1tee.serve.listing import describe, read_filter
from sp1tee.serve.network import Question, StatusReply
from sp1tee.serve.network.answers import answer
from sp1tee.serve.network.registrations import Registrations
from sp1tee.serve.programs import family_of
from sp1tee.serve.view import StatusView
from sp1tee.store.records import RequestRecord, State
from sp1tee.store.store import Store
from sp1tee.wire.pb import auction_pb2, types_pb2


class Standalone:
    """Answers for requests that never leave this server.

    Args:
        store: where everything is.
        view: requests by id.
        registrations: programs by their owners.
        address: whom requests name as their fulfiller, 20 bytes.
        clock: Unix seconds.
    """

    def __init__(
        self,
        store: Store,
        view: StatusView,
        registrations: Registrations,
        *,
        address: bytes,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._view = view
        self._registrations = registrations
        self._address = address
        self._clock = clock

    async def place_program(self, request: bytes) -> bytes | None:
        """Have programs uploaded here."""
        del request
        return None

    async def get_program(self, vk_hash: bytes) -> bytes:
        """Answer GetProgram, where accounts may use each other's programs."""
        program = await self._registrations.shown(vk_hash)
        message = types_pb2.Program(
            vk_hash=program.vk_hash,
            vk=program.vk,
            program_uri=program.uri,
            name=program.name,
            owner=program.owner,
            created_at=program.created_at,
        )
        return types_pb2.GetProgramResponse(program=message).SerializeToString()

    async def create_program(self, call: ProgramCall) -> bytes:
        """Check the uploaded program and put it on the shelf; the same one twice is fine."""
        await self._registrations.register(call)
        await self._store.nonces.advance(call.signed.signer, call.body.nonce + 1)
        return types_pb2.CreateProgramResponse(
            tx_hash=_random_hash(), body=types_pb2.CreateProgramResponseBody()
        ).SerializeToString()

    async def nonce(self, address: bytes) -> bytes:
        """Answer GetNonce from the account's counter."""
        nonce = await self._store.nonces.get(sized(address, ADDRESS_SIZE, "address"))
        return types_pb2.GetNonceResponse(nonce=nonce).SerializeToString()

    async def request_proof(self, call: ProofCall) -> bytes:
        """Queue a request; its ids are random."""
        program = await self._registrations.used_by(call.signed.signer, call.body.vk_hash)
        family = family_of(program.vk)
        if family is not call.version.family:
            raise ProgramRefused(
                f"The program is one of SP1 {family}, the request asks for {call.version}.",
                advice="Build the program with the SDK that requests the proof.",
            )
        new = call.to_store(
            program_owner=program.owner, request_id=_random_hash(), tx_hash=_random_hash()
        )
        record, _ = await asyncio.shield(self._store.requests.accept(new, queue=True))
        return _accepted(record)

    async def repeat_proof(self, record: RequestRecord, signed: SignedCall) -> bytes:
        """Answer as the first time."""
        del signed
        return _accepted(record)

    async def status(self, request_id: bytes) -> StatusReply:
        """Answer a poll from memory."""
        return await self._view.reply(request_id)

    async def details(self, request_id: bytes) -> bytes:
        """Answer GetProofRequestDetails."""
        record = await self._view.get(request_id)
        return types_pb2.GetProofRequestDetailsResponse(
            request=await self._describe(record)
        ).SerializeToString()

    async def filtered(self, request: bytes) -> bytes:
        """Answer GetFilteredProofRequests, at most a page of 100, newest first."""
        page = read_filter(request, self._address)
        records = [] if page.impossible else await self._store.requests.find(page.wanted)
        return types_pb2.GetFilteredProofRequestsResponse(
            requests=[await self._describe(record) for record in records]
        ).SerializeToString()

    async def cancel(self, call: CancelCall) -> bytes:
        """Cancel a request of the caller's that has no proof yet."""
        record = await self._view.get(call.request_id)
        if record.requester != call.signed.signer:
            raise NotAllowed("Only its requester can cancel a request.")
        await self._store.nonces.advance(record.requester, call.nonce + 1)
        ended = await self._store.requests.cancel(record.key, "The requester cancelled it.")
        if ended.state is not State.FAILED:
            raise NotCancellable("The request has ended, or has its proof already.")
        return auction_pb2.CancelRequestResponse(
            tx_hash=_random_hash(), body=types_pb2.CancelRequestResponseBody()
        ).SerializeToString()

    async def ask(self, question: Question, request: bytes) -> bytes:
        """Answer as little as SDKs need."""
        return answer(question, request, self._address, int(self._clock()))

    async def reachable(self) -> bool:
        """Say yes: a stand-alone server needs nobody."""
        return True

    async def aclose(self) -> None:
        """Let go of the view, and end what is under way."""
        await self._registrations.aclose()
        self._view.close()

    async def _describe(self, record: RequestRecord) -> bytes:
        program = await self._store.programs.get(record.vk_hash, record.program_owner)
        return describe(record, program, self._address).SerializeToString()


def _accepted(record: RequestRecord) -> bytes:
    return types_pb2.RequestProofResponse(
        tx_hash=record.tx_hash or b"",
        body=types_pb2.RequestProofResponseBody(request_id=record.request_id or b""),
    ).SerializeToString()


def _random_hash() -> bytes:
    return secrets.token_bytes(HASH_SIZE)
