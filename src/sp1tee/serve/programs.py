"""Programs on the shelf: opened, checked against their verifying key, sealed.

What workers get is the plain ELF. It is checked once, when it comes in, so that a wrong program
cannot stand under a right key's hash unnoticed: for v6 the key's hash and the program's entry
point must agree; a v5 key cannot be read here, and the prover's setup has to notice.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable

from sp1tee.errors import ProgramRefused, VerifyingKeyError, WireError
from sp1tee.serve.elf import read_header
from sp1tee.store.records import Program
from sp1tee.store.store import Store
from sp1tee.wire.artifacts import unpack
from sp1tee.wire.keys import VK_V6_SIZE, VerifyingKeyV6, parse_vk_v6
from sp1tee.wire.program import decode_program
from sp1tee.wire.versions import Family

_LENGTH_PREFIX = 8
_CHUNK = 1 << 20

# Opening holds an upload and its ELF in memory; more at once would add up.
_OPEN_AT_ONCE = 2


class ProgramShelf:
    """Takes programs as SDKs upload them.

    Args:
        store: where programs and their ELFs are kept.
        max_program_bytes: the largest ELF taken.
    """

    def __init__(self, store: Store, max_program_bytes: int) -> None:
        self._store = store
        self._limit = max_program_bytes
        self._opening = asyncio.Semaphore(_OPEN_AT_ONCE)
        self._registering = asyncio.Lock()

    async def keep(self, program: Program, packed: AsyncIterable[bytes]) -> Program:
        """Register a program and keep its ELF.

        Args:
            program: the registration, without a blob.
            packed: the artifact as it was uploaded: bincode, plain or in one zstd frame.

        Raises:
            ProgramRefused: it is not the program of its verifying key, or none at all.
            ProgramConflict: another verifying key has this hash already.
            StoreError: it could not be stored.
        """
        async with self._opening:
            upload = await _gather(packed, self._limit + _LENGTH_PREFIX)
            elf = await asyncio.to_thread(open_program, upload, program, self._limit)
            await self._register(program)
            return await self._seal(program.vk_hash, elf)

    async def _register(self, program: Program) -> None:
        # Two requesters of one program both upload it; the later one must not be refused for
        # having uploaded it elsewhere.
        async with self._registering:
            known = await self._store.programs.get(program.vk_hash)
            if known is None or known.vk != program.vk:
                await self._store.programs.register(program)

    async def _seal(self, vk_hash: bytes, elf: bytes) -> Program:
        writer = await self._store.vault.writer("program")
        try:
            for start in range(0, len(elf), _CHUNK):
                await writer.write(memoryview(elf)[start : start + _CHUNK])
            sealed = await writer.finish()
        except BaseException:
            await writer.abort()
            raise
        return await self._store.programs.cache(vk_hash, sealed)


def open_program(upload: bytes, program: Program, limit: int) -> bytes:
    """Return the ELF inside an upload, if it can be the program of the verifying key.

    Raises:
        ProgramRefused: it cannot.
    """
    try:
        elf = decode_program(unpack(upload, limit + _LENGTH_PREFIX), limit)
    except WireError as error:
        raise ProgramRefused(f"The program cannot be opened. {error.message}") from None
    header = read_header(elf)
    if header.family is not family_of(program.vk):
        raise ProgramRefused(f"The program is one of SP1 {header.family}, its key is not.")
    if header.family is Family.V6:
        _check_v6(_parse(program.vk), program.vk_hash, header.entry)
    return elf


def family_of(vk: bytes) -> Family:
    """Tell the generation of SP1 from a verifying key: only v6 keys have 104 bytes."""
    return Family.V6 if len(vk) == VK_V6_SIZE else Family.V5


def _check_v6(vk: VerifyingKeyV6, vk_hash: bytes, entry: int) -> None:
    if vk.vk_hash != vk_hash:
        raise ProgramRefused("The vk_hash is not the hash of the verifying key.")
    if vk.pc_start_address != entry:
        raise ProgramRefused("The program does not start where its verifying key says.")


def _parse(vk: bytes) -> VerifyingKeyV6:
    try:
        return parse_vk_v6(vk)
    except VerifyingKeyError as error:
        raise ProgramRefused(error.message) from None


async def _gather(packed: AsyncIterable[bytes], limit: int) -> bytes:
    upload = bytearray()
    try:
        async for chunk in packed:
            upload += chunk
            if len(upload) > limit:
                raise ProgramRefused(f"The program's upload has more than {limit} bytes.")
    finally:
        if isinstance(packed, AsyncGenerator):
            await packed.aclose()
    return bytes(upload)
