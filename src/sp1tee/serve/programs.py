"""Programs on the shelf: opened, checked against their verifying key, sealed.

What workers get is the plain ELF. It is checked once, when it comes in, so that a wrong program
cannot stand under a right key's hash unnoticed: for v6 the key's hash and the program's entry
point must agree; a v5 key cannot be read here. That is no proof: only SP1's own setup can tell
whether a key is that of a program. Every owner's registration therefore stands for itself.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import AbstractAsyncContextManager, nullcontext

from sp1tee.errors import ProgramRefused, VerifyingKeyError, WireError
from sp1tee.serve.elf import read_header
from sp1tee.serve.quota import ByteQuota
from sp1tee.store.records import NewProgram, Program, SealedBlob
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
        quota: how much one owner may keep; without one, as much as there is.
    """

    def __init__(
        self, store: Store, max_program_bytes: int, quota: ByteQuota | None = None
    ) -> None:
        self._store = store
        self._limit = max_program_bytes
        self._quota = quota
        self._opening = asyncio.Semaphore(_OPEN_AT_ONCE)

    async def keep(
        self, new: NewProgram, packed: AsyncIterable[bytes], *, upload: str | None = None
    ) -> Program:
        """Register a program and keep its ELF; the same one twice is fine, and kept once.

        Args:
            new: the registration.
            packed: the artifact as it was uploaded: bincode, plain or in one zstd frame.
            upload: the artifact's id if it is one of ours; it is erased when this returns.

        Raises:
            ProgramRefused: it is not the program of its verifying key, or none at all.
            ProgramConflict: its owner has registered another one under this hash.
            QuotaExceeded: its owner keeps too much here.
            StoreError: it could not be stored.
        """
        async with self._opening:
            content = await _gather(packed, self._limit + _LENGTH_PREFIX)
            elf = await asyncio.to_thread(open_program, content, new, self._limit)
            digest = await asyncio.to_thread(_sha256, elf)
            known = await self._store.programs.confirm(new, digest, upload=upload)
            if known is not None:
                return known
            async with self._room(new.owner, len(elf)):
                sealed = await self._seal(elf)
                return await self._store.programs.register(new, sealed, upload=upload)

    def _room(self, owner: bytes, size: int) -> AbstractAsyncContextManager[None]:
        return nullcontext() if self._quota is None else self._quota.reserve(owner, size)

    async def _seal(self, elf: bytes) -> SealedBlob:
        writer = await self._store.vault.writer("program")
        try:
            for start in range(0, len(elf), _CHUNK):
                await writer.write(memoryview(elf)[start : start + _CHUNK])
            return await writer.finish()
        except BaseException:
            await writer.abort()
            raise


def open_program(upload: bytes, program: NewProgram, limit: int) -> bytes:
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


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


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
