"""What is executed and proved: a program with an input."""

import lzma
import os
from dataclasses import dataclass, field
from pathlib import Path

from sp1tee import guests
from sp1tee.wire.proof import decode_proof
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family

DATA = Path(__file__).parent.parent / "tests" / "data"
AMOUNT = 1000


@dataclass(frozen=True, slots=True)
class Work:
    title: str
    guest: guests.Guest = field(repr=False)
    stdin: Stdin = field(repr=False)

    def write(self, folder: Path) -> Path:
        """The program as a file, its verifying key beside it."""
        assert self.guest.vk is not None
        path = folder / f"{self.guest.name}.elf"
        path.write_bytes(self.guest.elf)
        path.with_name(path.name + ".vk").write_bytes(self.guest.vk)
        return path


def fibonacci(n: int) -> Work:
    """14 instructions a step, and 8,419 around them."""
    guest = guests.load("fibonacci", Family.V6)
    return Work(f"fibonacci, n = {n:,}", guest, guests.fibonacci_input(n))


def solvency(balances: int = 12) -> Work:
    """Adds up so many balances: an input that is read as a whole."""
    stdin = Stdin.of(AMOUNT.to_bytes(8, "little"), os.urandom(8 * balances))
    return Work(f"solvency, {balances:,} balances", guests.load("solvency", Family.V6), stdin)


def feature(number: int, title: str, *more: bytes) -> Work:
    """One of the features that guests/features/ shows."""
    elf = (DATA / "guests" / "features-v6.elf").read_bytes()
    stdin = Stdin.of(number.to_bytes(4, "little"), *more)
    return Work(title, guests.Guest("features", Family.V6, elf, None), stdin)


def sample(input_bytes: int = 8) -> Work:
    """The program of the real proofs in tests/data: it takes the first balance of a buffer only.

    Whatever the size of the input, it has the public values of those proofs.
    """
    elf, vk = (_sample(name) for name in (".elf", "-vk.bin"))
    balances = AMOUNT.to_bytes(8, "little") + os.urandom(input_bytes - 8)
    stdin = Stdin.of(AMOUNT.to_bytes(8, "little"), balances)
    return Work("solvency-sample", guests.Guest("sample", Family.V6, elf, vk), stdin)


def sample_proof() -> bytes:
    """A real Core proof of `sample`, as provers return it."""
    saved = lzma.decompress(_sample("-core.bin.xz"))
    return decode_proof(saved).encode_network()


def _sample(suffix: str) -> bytes:
    return (DATA / "proofs" / f"solvency-sample{suffix}").read_bytes()
