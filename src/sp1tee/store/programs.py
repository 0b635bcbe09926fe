"""Registered programs."""

from dataclasses import asdict
from typing import Final, Protocol, final

from sqlalchemy import update
from typing_extensions import override

from sp1tee.errors import ProgramConflict, ProgramNotFound
from sp1tee.store.erasing import keep_blob
from sp1tee.store.file_vault import FileVault, removed_if_refused
from sp1tee.store.lookup import one_program
from sp1tee.store.reader import Reader
from sp1tee.store.records import Program, SealedBlob
from sp1tee.store.rows import PROGRAM_COLUMNS, program_record
from sp1tee.store.schema import programs, upsert
from sp1tee.store.writer import Tx, Writer


class Programs(Protocol):
    """Programs by the hash of their verifying key."""

    async def register(self, program: Program) -> Program:
        """Remember a program. A known one stays as it is and is returned.

        Raises:
            ProgramConflict: this hash is registered with another verifying key, or with another
                uri of what is not known to be the same program (by the sha256 of its ELF).
        """

    async def get(self, vk_hash: bytes) -> Program | None:
        """Find by the verifying key's hash, 32 bytes."""

    async def cache(self, vk_hash: bytes, sealed: SealedBlob) -> Program:
        """Keep a program's plain ELF; the first one stays, a later blob's file is removed.

        Raises:
            ProgramNotFound: no such program is registered.
        """


@final
class SqlPrograms(Programs):
    """`Programs` in a database."""

    def __init__(self, writer: Writer, reader: Reader, vault: FileVault) -> None:
        self._writer = writer
        self._reader = reader
        self._vault = vault

    @override
    async def register(self, program: Program) -> Program:
        return await self._writer.run(register, program)

    @override
    async def get(self, vk_hash: bytes) -> Program | None:
        return self._reader.now(one_program, vk_hash)

    @override
    async def cache(self, vk_hash: bytes, sealed: SealedBlob) -> Program:
        async with removed_if_refused(self._vault, sealed):
            return await self._writer.run(cache, vk_hash, sealed)


def register(tx: Tx, program: Program) -> Program:
    """See `Programs.register`."""
    tx.connection.execute(_REGISTER, asdict(program))
    known = _known(tx, program.vk_hash)
    same_bytes = program.sha256 is not None and program.sha256 == known.sha256
    if program.vk != known.vk or (program.uri != known.uri and not same_bytes):
        raise ProgramConflict("Another program is registered with this vk_hash.")
    return known


def cache(tx: Tx, vk_hash: bytes, sealed: SealedBlob) -> Program:
    """See `Programs.cache`."""
    known = _known(tx, vk_hash)
    if known.blob is not None:
        if known.blob != sealed.id:
            tx.erased.append(sealed.id)
        return known
    keep_blob(tx, sealed)
    cached = (
        update(programs)
        .where(programs.c.vk_hash == vk_hash)
        .values(blob=sealed.id, size=sealed.size, sha256=sealed.sha256)
        .returning(*PROGRAM_COLUMNS)
    )
    return program_record(tx.connection.execute(cached).one())


def _known(tx: Tx, vk_hash: bytes) -> Program:
    known = one_program(tx.connection, vk_hash)
    if known is None:
        raise ProgramNotFound("There is no program with this vk_hash.")
    return known


_REGISTER: Final = upsert(programs).on_conflict_do_nothing(index_elements=[programs.c.vk_hash])
