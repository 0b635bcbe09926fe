"""Programs that accounts register with a stand-alone server, and which of them a request runs.

Whether a program is that of its verifying key can be checked here only in part: somebody else may
have registered a program of theirs under the key of yours. A private input must not end up in
such a program. Where anybody may call, a request therefore runs what its own account registered
and nothing else, and nobody is told that a program is here already: an SDK asks that without
saying who it is, and would skip its own upload. That costs every ``prove()`` an upload of its ELF.
Where the operator has chosen who may call, accounts trust each other's programs: those registered
since, not what anybody left here before.
"""

from collections.abc import Callable

from sp1tee.errors import BlobErased, NotUploaded, UnknownInput, UnknownProgram
from sp1tee.serve.calls import ProgramCall
from sp1tee.serve.checks import HASH_SIZE, sized
from sp1tee.serve.programs import ProgramShelf
from sp1tee.serve.singleflight import SingleFlight
from sp1tee.store.records import Artifact, NewProgram, Program
from sp1tee.store.store import Store

_REMEMBERED = 1000


class Registrations:
    """Registers programs and finds them again.

    Args:
        store: where they are.
        shelf: opens, checks and keeps them.
        shared: whether accounts may use each other's programs.
        clock: Unix seconds.
    """

    def __init__(
        self, store: Store, shelf: ProgramShelf, *, shared: bool, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._shared = shared
        self._clock = clock
        self._flights: SingleFlight[tuple[bytes, str, bytes, bytes], Program] = SingleFlight()
        # By hash and requester, so that a request costs no look-up. What a requester uses changes
        # only when they register a program themselves.
        self._used: dict[tuple[bytes, bytes], Program] = {}

    async def shown(self, vk_hash: bytes) -> Program:
        """Find the program that GetProgram may show to somebody unknown.

        Raises:
            UnknownProgram: there is none, or none that concerns them.
        """
        program = await self._store.programs.oldest(vk_hash) if self._shared else None
        if program is None:
            raise _unknown()
        return program

    async def used_by(self, requester: bytes, vk_hash: bytes) -> Program:
        """Find the program that a requester's request runs.

        Raises:
            UnknownProgram: there is none.
        """
        program = self._used.get((vk_hash, requester))
        if program is None:
            program = await self._find(requester, sized(vk_hash, HASH_SIZE, "vk_hash"))
            self._remember(requester, program)
        return program

    async def register(self, call: ProgramCall) -> Program:
        """Register the program that the caller has uploaded, which erases the upload.

        It goes on if the caller hangs up; who sends the call again gets the same answer.

        Raises:
            UnknownInput: the uri is not one of theirs.
            NotUploaded: there is no upload.
            ProgramRefused: it is not the program of its verifying key, or none at all.
            ProgramConflict: they have registered another one under this hash.
            QuotaExceeded: they keep too much here.
        """
        body, owner = call.body, call.signed.signer
        known = await self._store.programs.get(body.vk_hash, owner)
        if known is not None and (known.uri, known.vk) == (body.program_uri, body.vk):
            # Our answer was lost. An upload place is used once: this is what was checked then.
            return known
        same = (owner, body.program_uri, body.vk_hash, body.vk)
        return await self._flights.run(same, lambda: self._keep(call))

    async def aclose(self) -> None:
        """End what is under way."""
        await self._flights.aclose()

    async def _keep(self, call: ProgramCall) -> Program:
        new = self._new(call)
        upload = await self._uploaded(new.uri, new.owner)
        content = self._store.vault.read(upload.blob or "")
        try:
            program = await self._shelf.keep(new, content, upload=upload.id)
        except BlobErased:
            raise _not_uploaded() from None
        self._remember(new.owner, program)
        return program

    def _new(self, call: ProgramCall) -> NewProgram:
        return NewProgram(
            vk_hash=call.body.vk_hash,
            vk=call.body.vk,
            uri=call.body.program_uri,
            owner=call.signed.signer,
            created_at=int(self._clock()),
            shared=self._shared,
        )

    async def _uploaded(self, uri: str, owner: bytes) -> Artifact:
        artifact = await self._store.artifacts.by_uri(uri)
        if artifact is None or artifact.requester != owner or artifact.kind != "program":
            raise UnknownInput(
                "The program_uri is not one this account was given here.",
                advice="Upload the program with CreateArtifact here first, with the same key.",
            )
        if artifact.state != "uploaded":
            raise _not_uploaded()
        return artifact

    async def _find(self, requester: bytes, vk_hash: bytes) -> Program:
        own = await self._store.programs.get(vk_hash, requester)
        return own if own is not None else await self.shown(vk_hash)

    def _remember(self, requester: bytes, program: Program) -> None:
        if len(self._used) >= _REMEMBERED:
            self._used.clear()
        self._used[program.vk_hash, requester] = program


def _unknown() -> UnknownProgram:
    return UnknownProgram("No program is registered under this vk_hash that this account may use.")


def _not_uploaded() -> NotUploaded:
    return NotUploaded("The program was not uploaded yet, or its upload is gone again.")
