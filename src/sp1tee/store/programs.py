"""Registered programs."""

from dataclasses import asdict
from typing import Final, Protocol, final

from sqlalchemy import bindparam, insert, update
from typing_extensions import override

from sp1tee.errors import ProgramConflict
from sp1tee.store.erasing import erase_artifact, keep_blob
from sp1tee.store.lookup import oldest_program, one_program
from sp1tee.store.reader import Reader
from sp1tee.store.records import NewProgram, Program, SealedBlob
from sp1tee.store.rows import PROGRAM_COLUMNS, program_record
from sp1tee.store.schema import programs
from sp1tee.store.sealed_vault import removed_if_refused
from sp1tee.store.vault import Vault
from sp1tee.store.writer import Tx, Writer


class Programs(Protocol):
    """Programs by the hash of their verifying key and by who registered them.

    Every owner has a registration of its own: what one account says about a hash binds no other.
    The upload a program came in is erased as soon as the program is registered, since the
    registration has the plain ELF.
    """

    async def register(
        self, new: NewProgram, elf: SealedBlob, *, upload: str | None = None
    ) -> Program:
        """Keep a program; if its owner has registered it before, do what `confirm` does.

        Args:
            new: the registration.
            elf: the plain ELF. Its file is removed if the one that is here already stays.
            upload: id of the artifact it came in, if that is one of ours.

        Raises:
            ProgramConflict: as `confirm` says.
        """

    async def confirm(
        self, new: NewProgram, sha256: bytes, *, upload: str | None = None
    ) -> Program | None:
        """Register a program again: the ELF that is here stays, the upload is erased.

        It keeps the new uri, and stays shared if it ever was.

        Args:
            new: the registration.
            sha256: of the plain ELF that was uploaded now.
            upload: id of the artifact it came in, if that is one of ours.

        Returns:
            The registration, or None if this owner has none of this hash.

        Raises:
            ProgramConflict: its owner registered another key or another ELF under this hash.
        """

    async def get(self, vk_hash: bytes, owner: bytes) -> Program | None:
        """Find an owner's registration by the verifying key's hash, 32 bytes."""

    async def oldest(self, vk_hash: bytes) -> Program | None:
        """Find the first shared registration of a hash, whoever made it."""


@final
class SqlPrograms(Programs):
    """`Programs` in a database."""

    def __init__(self, writer: Writer, reader: Reader, vault: Vault) -> None:
        self._writer = writer
        self._reader = reader
        self._vault = vault

    @override
    async def register(
        self, new: NewProgram, elf: SealedBlob, *, upload: str | None = None
    ) -> Program:
        async with removed_if_refused(self._vault, elf):
            return await self._writer.run(register, new, elf, upload)

    @override
    async def confirm(
        self, new: NewProgram, sha256: bytes, *, upload: str | None = None
    ) -> Program | None:
        return await self._writer.run(confirm, new, sha256, upload)

    @override
    async def get(self, vk_hash: bytes, owner: bytes) -> Program | None:
        return await self._reader.now(one_program, vk_hash, owner)

    @override
    async def oldest(self, vk_hash: bytes) -> Program | None:
        return await self._reader.now(oldest_program, vk_hash)


def register(tx: Tx, new: NewProgram, elf: SealedBlob, upload: str | None) -> Program:
    """See `Programs.register`."""
    known = confirm(tx, new, elf.sha256, upload)
    if known is not None:
        if known.blob != elf.id:
            tx.erased.append(elf.id)
        return known
    keep_blob(tx, elf)
    _erase(tx, upload)
    program = Program(**asdict(new), blob=elf.id, size=elf.size, sha256=elf.sha256)
    tx.connection.execute(insert(programs), asdict(program))
    return program


def confirm(tx: Tx, new: NewProgram, sha256: bytes, upload: str | None) -> Program | None:
    """See `Programs.confirm`."""
    known = one_program(tx.connection, new.vk_hash, new.owner, lock=True)
    if known is None:
        return None
    if (known.vk, known.sha256) != (new.vk, sha256):
        what = "verifying key" if known.vk != new.vk else "program"
        raise ProgramConflict(f"This account registered another {what} with this vk_hash.")
    _erase(tx, upload)
    shared = known.shared or new.shared
    moved = {"hash": new.vk_hash, "by": new.owner, "new_uri": new.uri, "now_shared": shared}
    return program_record(tx.connection.execute(_MOVE, moved).one())


def _erase(tx: Tx, upload: str | None) -> None:
    if upload is not None:
        erase_artifact(tx, upload)


_MOVE: Final = (
    update(programs)
    .where(programs.c.vk_hash == bindparam("hash"), programs.c.owner == bindparam("by"))
    .values(uri=bindparam("new_uri"), shared=bindparam("now_shared"))
    .returning(*PROGRAM_COLUMNS)
)
