"""A stand-in for SP1's GPU server whose proofs are real: SP1 made them, once and for all.

A proof says that some input leads to its public values, not which one. So those of the sample
program hold for every input with the same public values, and tests can keep a secret.
"""

import hashlib
import os
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from sp1tee.wire.stdin import Stdin
from support.gpu_server import Answer, GpuServer, failed, framed, info, u32
from support.people import Task
from support.wire_data import SAMPLE_PUBLIC_VALUES, real_proof, sample

CORE, COMPRESSED = 1, 2
THRESHOLD = 1000
PROVE = 1
_KEY = slice(4, 36)
_NONCE_BYTES = 16
_OPTION_BYTES = 1


def sample_task(folder: Path) -> Task:
    """The sample program, with balances that nobody could guess and the sample's public values."""
    amounts = [THRESHOLD + int.from_bytes(os.urandom(7), "little") for _ in range(3)]
    balances = [amount.to_bytes(8, "little") for amount in amounts]
    elf, stdin = folder / "sample.elf", folder / "sample.stdin"
    elf.write_bytes(sample(".elf"))
    stdin.write_bytes(Stdin.of(THRESHOLD.to_bytes(8, "little"), *balances).encode())
    return Task(elf, stdin, tuple(balances), SAMPLE_PUBLIC_VALUES)


def archived(mode: str) -> bytes:
    """A real proof as provers hand it over: without the field that only files have."""
    return real_proof(mode)[:-_OPTION_BYTES]


def real_proofs() -> dict[int, bytes]:
    return {CORE: archived("core"), COMPRESSED: archived("compressed")}


def false_proofs() -> dict[int, bytes]:
    """A core proof that claims other public values, and a compressed one with a bit turned."""
    before, _, after = archived("core").rpartition(SAMPLE_PUBLIC_VALUES)
    insolvent = SAMPLE_PUBLIC_VALUES[:-1] + b"\0"
    turned = bytearray(archived("compressed"))
    turned[len(turned) // 2] ^= 1
    return {CORE: before + insolvent + after, COMPRESSED: bytes(turned)}


@dataclass
class ProofArchive(GpuServer):
    """Sets up the sample program, and has proofs for one input; everything else it fails at.

    Its key belongs to the sample whatever program it is given, as that of another SP1 might.

    Attributes:
        program: the only ELF it has proofs of.
        stdin: the only input, bincode of ``SP1Stdin``.
        proofs: by the number of their kind.
        begun: set when a proof is asked for.
        open: proofs are held back while it is not set.
    """

    program: bytes = b""
    stdin: bytes = field(default=b"", repr=False)
    proofs: Mapping[int, bytes] = field(default_factory=dict, repr=False)
    begun: threading.Event = field(default_factory=threading.Event)
    open: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of(cls, task: Task, path: Path, proofs: Mapping[int, bytes] | None = None) -> Self:
        """Have proofs of a task."""
        return cls(
            path,
            vk=sample("-vk.bin"),
            program=task.elf.read_bytes(),
            stdin=task.stdin.read_bytes(),
            proofs=real_proofs() if proofs is None else proofs,
        )

    def only(self, *modes: int) -> Self:
        """Say what it makes, as sp1tee-prover does; a GPU server is taken to make everything."""
        self.info = info(*modes)
        return self

    def __post_init__(self) -> None:
        self.answers[PROVE] = self._prove
        self.open.set()

    def _prove(self, body: bytes) -> Answer:
        self.begun.set()
        self.open.wait()
        (mode,) = struct.unpack_from("<I", body)
        stdin, nonce = body[_KEY.stop : -_NONCE_BYTES], body[-_NONCE_BYTES:]
        asked = (body[_KEY], stdin, nonce)
        if asked != (hashlib.sha256(self.program).digest(), self.stdin, bytes(_NONCE_BYTES)):
            return framed(failed(b"there is no proof of this", proving=True))
        if mode not in self.proofs:
            return framed(failed(b"there is no proof of this kind", proving=True))
        return framed(u32(2) + self.proofs[mode])
