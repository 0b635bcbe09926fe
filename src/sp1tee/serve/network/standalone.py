"""A server that is its own network: it gives out ids, and a finished proof is settled."""

import asyncio
import secrets
from collections.abc import Callable

from sp1tee.errors import (
    NotAllowed,
    NotCancellable,
    NotUploaded,
    ProgramRefused,
    UnknownInput,
    UnknownProgram,
)
from sp1tee.serve.calls import CancelCall, ProgramCall, ProofCall, SignedCall
from sp1tee.serve.checks import ADDRESS_SIZE, HASH_SIZE, sized
from sp1tee.serve.listing import describe, read_filter
from sp1tee.serve.network import Question, StatusReply
from sp1tee.serve.network.answers import answer
from sp1tee.serve.programs import ProgramShelf, family_of
from sp1tee.serve.view import StatusView
from sp1tee.store.records import Artifact, Program, RequestRecord, State
from sp1tee.store.store import Store
from sp1tee.wire.pb import auction_pb2, types_pb2

_REMEMBERED = 1000


class Standalone:
    """Answers for requests that never leave this server.

    Args:
        store: where everything is.
        view: requests by id.
        shelf: takes uploaded programs.
        address: whom requests name as their fulfiller, 20 bytes.
        clock: Unix seconds.
    """

    def __init__(
        self,
        store: Store,
        view: StatusView,
        shelf: ProgramShelf,
        *,
        address: bytes,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._view = view
        self._shelf = shelf
        self._address = address
        self._clock = clock
        # A registered program with its ELF on the shelf never changes.
        self._programs: dict[bytes, Program] = {}

    async def place_program(self, request: bytes) -> bytes | None:
        """Have programs uploaded here."""
        del request
        return None

    async def get_program(self, vk_hash: bytes) -> bytes:
        """Answer GetProgram from the shelf."""
        program = await self._program(vk_hash)
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
        body, owner = call.body, call.signed.signer
        known = await self._store.programs.get(body.vk_hash)
        if known is None or known.blob is None or known.vk != body.vk:
            artifact = await self._uploaded(body.program_uri, owner)
            program = Program(
                vk_hash=body.vk_hash,
                vk=body.vk,
                uri=body.program_uri,
                owner=owner,
                created_at=int(self._clock()),
            )
            await self._shelf.keep(program, self._store.vault.read(artifact.blob or ""))
        await self._store.nonces.advance(owner, body.nonce + 1)
        return types_pb2.CreateProgramResponse(
            tx_hash=_random_hash(), body=types_pb2.CreateProgramResponseBody()
        ).SerializeToString()

    async def nonce(self, address: bytes) -> bytes:
        """Answer GetNonce from the account's counter."""
        nonce = await self._store.nonces.get(sized(address, ADDRESS_SIZE, "address"))
        return types_pb2.GetNonceResponse(nonce=nonce).SerializeToString()

    async def request_proof(self, call: ProofCall) -> bytes:
        """Queue a request; its ids are random."""
        program = await self._program(call.body.vk_hash)
        family = family_of(program.vk)
        if family is not call.version.family:
            raise ProgramRefused(
                f"The program is one of SP1 {family}, the request asks for {call.version}.",
                advice="Build the program with the SDK that requests the proof.",
            )
        new = call.to_store(request_id=_random_hash(), tx_hash=_random_hash())
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
        """Let go of the view."""
        self._view.close()

    async def _program(self, vk_hash: bytes) -> Program:
        program = self._programs.get(vk_hash)
        if program is None:
            program = await self._store.programs.get(sized(vk_hash, HASH_SIZE, "vk_hash"))
            if program is None or program.blob is None:
                raise UnknownProgram("No program is registered under this vk_hash.")
            if len(self._programs) >= _REMEMBERED:
                self._programs.clear()
            self._programs[vk_hash] = program
        return program

    async def _uploaded(self, uri: str, owner: bytes) -> Artifact:
        artifact = await self._store.artifacts.by_uri(uri)
        if artifact is None or artifact.requester != owner or artifact.kind != "program":
            raise UnknownInput(
                "The program_uri is not one this account was given here.",
                advice="Upload the program with CreateArtifact here first, with the same key.",
            )
        if artifact.state != "uploaded":
            raise NotUploaded("The program was not uploaded yet, or its upload is gone again.")
        return artifact

    async def _describe(self, record: RequestRecord) -> bytes:
        program = await self._store.programs.get(record.vk_hash)
        return describe(record, program, self._address).SerializeToString()


def _accepted(record: RequestRecord) -> bytes:
    return types_pb2.RequestProofResponse(
        tx_hash=record.tx_hash or b"",
        body=types_pb2.RequestProofResponseBody(request_id=record.request_id or b""),
    ).SerializeToString()


def _random_hash() -> bytes:
    return secrets.token_bytes(HASH_SIZE)
