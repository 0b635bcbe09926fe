"""From a lease to a program and its input: fetched, unpacked, decoded, checked.

Both stay in memory, and in no file. What costs time runs outside the event loop.
"""

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from sp1tee.errors import JobFailed, TransferError, VerifyingKeyError, WireError
from sp1tee.fulfill.lease import Lease
from sp1tee.fulfill.transfer import Transfers
from sp1tee.wire.artifacts import Unpacker
from sp1tee.wire.keys import VerifyingKeyV6, parse_vk_v6
from sp1tee.wire.pb import types_pb2
from sp1tee.wire.stdin import Stdin, StdinLimits, decode_stdin
from sp1tee.wire.versions import CircuitVersion, Family

# Where e_entry stands in an ELF header, by class (byte 4): ELF32 has 4 bytes there, ELF64 8.
_ENTRY_OFFSET = 24
_ENTRY_SIZE = {1: 4, 2: 8}


@dataclass(frozen=True, slots=True)
class InputLimits:
    """How much is fetched and unpacked, in bytes.

    Attributes:
        stdin: an input, both as it was uploaded and unpacked.
        program: an ELF.
    """

    stdin: int = 2 << 30
    program: int = 256 << 20


class Programs:
    """The last programs, by SHA-256, so that a program that is proved often is fetched once."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._size = 0
        self._elves: OrderedDict[bytes, bytes] = OrderedDict()

    def get(self, digest: bytes) -> bytes | None:
        """Return the ELF with this SHA-256, if it is here."""
        elf = self._elves.get(digest)
        if elf is not None:
            self._elves.move_to_end(digest)
        return elf

    def put(self, digest: bytes, elf: bytes) -> None:
        """Remember an ELF, at the cost of those unused for longest."""
        if digest in self._elves or len(elf) > self._capacity:
            return
        self._elves[digest] = elf
        self._size += len(elf)
        while self._size > self._capacity:
            self._size -= len(self._elves.popitem(last=False)[1])


class Inputs:
    """Fetches what a lease is about."""

    def __init__(self, transfers: Transfers, limits: InputLimits) -> None:
        self._transfers = transfers
        self._limits = limits
        self._programs = Programs(limits.program)

    async def stdin(self, lease: Lease) -> Stdin:
        """Fetch, unpack and decode a lease's input.

        Raises:
            JobFailed: it is too large, or no input.
            FulfillError: as `Transfers.fetch`.
        """
        limit = self._limits.stdin
        _check_size("input", lease.stdin_size, limit)
        unpacker, parts = Unpacker(limit), list[bytes]()

        async def unpack(chunk: bytes) -> None:
            parts.append(await asyncio.to_thread(unpacker.feed, chunk))

        try:
            await self._transfers.fetch(lease, "stdin", lease.stdin_size, unpack)
            parts.append(unpacker.finish())
            stdin = await asyncio.to_thread(_decode, parts, limit)
        except WireError as error:
            raise _unusable("input", error) from None
        return stdin

    async def program(self, lease: Lease) -> bytes:
        """Fetch a lease's ELF, or take it from memory.

        Raises:
            JobFailed: it is too large.
            TransferError: it is not the ELF that the lease names.
            FulfillError: as `Transfers.fetch`.
        """
        if (elf := self._programs.get(lease.program_sha256)) is not None:
            return elf
        _check_size("program", lease.program_size, self._limits.program)
        parts = list[bytes]()

        async def collect(chunk: bytes) -> None:
            parts.append(chunk)

        await self._transfers.fetch(lease, "program", lease.program_size, collect)
        elf = b"".join(parts)
        if await asyncio.to_thread(_sha256, elf) != lease.program_sha256:
            raise TransferError("The program that arrived is not the one the lease names.")
        self._programs.put(lease.program_sha256, elf)
        return elf


def check_key(lease: Lease, version: CircuitVersion, elf: bytes) -> None:
    """Compare the program with the key it was registered under, as far as that can be told.

    A v6 key can be hashed and names the program's first address. The rest of a key commits to the
    program's code, which only SP1's own setup computes; keys of v5 say nothing readable.

    Raises:
        JobFailed: the key is another program's.
    """
    if version.family is not Family.V6 or not lease.vk:
        return
    try:
        key = parse_vk_v6(lease.vk)
    except VerifyingKeyError as error:
        raise _mismatch(error.message) from None
    if key.vk_hash != lease.vk_hash:
        raise _mismatch("The verifying key does not hash to the request's vk_hash.")
    if _entry(elf) != key.pc_start_address:
        raise _mismatch(_other_start(elf, key))


def _check_size(what: str, size: int, limit: int) -> None:
    if size > limit:
        raise JobFailed(
            f"The {what} has {size} bytes; this prover takes at most {limit}.",
            error=types_pb2.UNKNOWN_FAILURE,
        )


def _decode(parts: list[bytes], limit: int) -> Stdin:
    data = b"".join(parts)
    parts.clear()
    return decode_stdin(data, StdinLimits(size=limit))


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _entry(elf: bytes) -> int | None:
    """Return an ELF's first address; None if this is no little-endian ELF."""
    size = _ENTRY_SIZE.get(elf[4]) if elf.startswith(b"\x7fELF") and len(elf) > _ENTRY_OFFSET else 0
    return int.from_bytes(elf[_ENTRY_OFFSET : _ENTRY_OFFSET + size], "little") if size else None


def _other_start(elf: bytes, key: VerifyingKeyV6) -> str:
    entry = _entry(elf)
    if entry is None:
        return "The program is not an ELF, so the verifying key cannot be its key."
    return (
        f"The program starts at {entry:#x}, its verifying key is of one that starts at "
        f"{key.pc_start_address:#x}."
    )


def _mismatch(text: str) -> JobFailed:
    return JobFailed(text, error=types_pb2.VERIFICATION_KEY_MISMATCH)


def _unusable(what: str, error: WireError) -> JobFailed:
    return JobFailed(
        f"The {what} cannot be read. {error.message} {error.advice}".rstrip(),
        error=types_pb2.UNKNOWN_FAILURE,
    )
