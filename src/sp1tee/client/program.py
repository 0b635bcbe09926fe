"""The program to prove: its file, and the names that the network has for it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sp1tee.client.inputs import FileSource, unreadable
from sp1tee.errors import ProgramFileError, VerifyingKeyMismatch, VerifyingKeyMissing
from sp1tee.wire.keys import HASH_SIZE, parse_vk_v6
from sp1tee.wire.versions import Family

MAX_VK_BYTES: Final = 1 << 20
MAX_ELF_BYTES: Final = 256 << 20

_HEADER_SIZE: Final = 64
_MAGIC: Final = b"\x7fELF"
_FAMILIES: Final = {1: Family.V5, 2: Family.V6}  # EI_CLASS: 32 and 64 bits
_LITTLE_ENDIAN: Final = 1
_RISCV: Final = 243
_ENTRY: Final = {Family.V5: slice(24, 28), Family.V6: slice(24, 32)}


@dataclass(frozen=True, slots=True)
class Program:
    """A program and its names.

    Attributes:
        elf: the file, its length first: the form in which programs are uploaded.
        family: the generation of SP1 it is built for.
        vk_hash: the network's name for it, 32 bytes.
        vk: its verifying key, which registering it needs.
    """

    elf: FileSource
    family: Family
    vk_hash: bytes
    vk: bytes | None = field(default=None, repr=False)

    @classmethod
    def read(
        cls, elf: Path, *, vk_file: Path | None = None, vk_hash: bytes | None = None
    ) -> "Program":
        """Read a program's header and its verifying key.

        Args:
            elf: the program.
            vk_file: its verifying key (bincode); without it, ``<elf>.vk`` if that exists.
            vk_hash: the key's hash. For v6 it is computed; given too, it must agree. Alone it
                is enough where the server knows the program already.

        Raises:
            ProgramFileError: the file is no program for SP1.
            InputFileError: a file cannot be read.
            VerifyingKeyMissing: neither a key nor a hash, or for v5 no hash.
            VerifyingKeyMismatch: key, hash and program do not belong together.
            VerifyingKeyError: the key is none of v6.
        """
        header = _head(elf, _HEADER_SIZE)
        family = elf_family(header)
        vk = _read_key(elf, vk_file)
        if vk is not None and family is Family.V6:
            vk_hash = _check_v6(vk, vk_hash, int.from_bytes(header[_ENTRY[family]], "little"))
        if vk_hash is None:
            raise _nameless(elf, family)
        if len(vk_hash) != HASH_SIZE:
            raise VerifyingKeyMismatch(f"The vk hash has {len(vk_hash)} bytes instead of 32.")
        return cls(FileSource.of(elf, length_first=True), family, vk_hash, vk)

    @property
    def whole_key(self) -> bytes | None:
        """The key that SP1's verifier takes, which is one of v6; None if it is not known."""
        return self.vk if self.family is Family.V6 else None


def read_vk(path: Path) -> bytes:
    """Read a verifying key's file (bincode).

    Raises:
        InputFileError: it cannot be read.
        VerifyingKeyMismatch: it cannot be a key's.
    """
    key = _head(path, MAX_VK_BYTES + 1)
    if not 0 < len(key) <= MAX_VK_BYTES:
        raise VerifyingKeyMismatch(f"{path} is empty or too long for a verifying key.")
    return key


def read_elf(path: Path) -> tuple[bytes, Family]:
    """Read a whole program, for running it here; raises as `Program.read`."""
    data = _head(path, MAX_ELF_BYTES + 1)
    if len(data) > MAX_ELF_BYTES:
        raise ProgramFileError(f"The program is longer than {MAX_ELF_BYTES} bytes.")
    return data, elf_family(data[:_HEADER_SIZE])


def elf_family(header: bytes) -> Family:
    """Tell from an ELF's first bytes which generation of SP1 it is for.

    Raises:
        ProgramFileError: it is not a little-endian RISC-V ELF.
    """
    family = _FAMILIES.get(header[4]) if len(header) == _HEADER_SIZE else None
    if family is None or header[:4] != _MAGIC or header[5] != _LITTLE_ENDIAN:
        raise ProgramFileError("The program is no ELF file.")
    if int.from_bytes(header[18:20], "little") != _RISCV:
        raise ProgramFileError("The program is an ELF file, but not for RISC-V.")
    return family


def _read_key(elf: Path, vk_file: Path | None) -> bytes | None:
    beside = elf.with_name(elf.name + ".vk")
    if vk_file is None and not beside.is_file():
        return None
    return read_vk(vk_file or beside)


def _check_v6(vk: bytes, vk_hash: bytes | None, entry: int) -> bytes:
    key = parse_vk_v6(vk)
    if key.pc_start_address != entry:
        raise VerifyingKeyMismatch(
            "The verifying key is of another program: they start at different addresses.",
            advice="Write the key again after each build of the program.",
        )
    if vk_hash not in (None, key.vk_hash):
        raise VerifyingKeyMismatch(
            "The verifying key has another hash than the one given.",
            advice="Leave --vk-hash out: for v6 it is computed from the key.",
        )
    return key.vk_hash


def _nameless(elf: Path, family: Family) -> VerifyingKeyMissing:
    if family is Family.V5:
        return VerifyingKeyMissing(
            "The verifying key's hash is missing; for SP1 v5 it cannot be computed here.",
            advice="Give --vk FILE (bincode of pk.verifying_key()) and --vk-hash HEX "
            "(hex of its hash_bytes()), both from the Rust SDK.",
        )
    return VerifyingKeyMissing(f"There is no verifying key for {elf.name}.")


def _head(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise unreadable(path, error) from None
