"""Registered programs: the interface."""

from typing import Protocol

from sp1tee.store.records import Program, SealedBlob


class Programs(Protocol):
    """Programs by the hash of their verifying key."""

    async def register(self, program: Program) -> Program:
        """Remember a program; the same one again returns the first.

        Raises:
            ProgramConflict: another verifying key, or another uri, has this hash already.
        """

    async def get(self, vk_hash: bytes) -> Program | None:
        """Find by the verifying key's hash, 32 bytes."""

    async def cache(self, vk_hash: bytes, sealed: SealedBlob) -> Program:
        """Keep a program's ELF; the first one stays, a later blob's file is removed.

        Raises:
            ProgramNotFound: no such program is registered.
        """
