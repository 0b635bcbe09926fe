"""A program is recognised by its header, and its key, hash and file must belong together."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.wire_data import SAMPLE_VK_HASH, sample

from sp1tee.client.program import MAX_VK_BYTES, Program, elf_family
from sp1tee.errors import (
    InputFileError,
    ProgramFileError,
    VerifyingKeyError,
    VerifyingKeyMismatch,
    VerifyingKeyMissing,
)
from sp1tee.wire.versions import Family

V5_HASH = b"\x01" * 32


def header(*, bits: int = 1, order: int = 1, machine: int = 243) -> bytes:
    made = bytearray(64)
    made[:6] = b"\x7fELF" + bytes([bits, order])
    made[18:20] = machine.to_bytes(2, "little")
    return bytes(made)


@pytest.fixture
def v5(tmp_path: Path) -> Path:
    path = tmp_path / "v5.elf"
    path.write_bytes(header())
    return path


@pytest.fixture
def vk(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_bytes(sample("-vk.bin"))
    return path


def test_the_key_beside_a_program_is_found_and_hashed(program: Program) -> None:
    assert program.family is Family.V6
    assert program.vk_hash == SAMPLE_VK_HASH
    assert program.vk == sample("-vk.bin")


def test_a_key_can_be_named(elf: Path, vk: Path) -> None:
    assert Program.read(elf, vk_file=vk).vk_hash == SAMPLE_VK_HASH


def test_a_v6_key_may_come_with_its_hash(elf: Path, vk: Path) -> None:
    assert Program.read(elf, vk_file=vk, vk_hash=SAMPLE_VK_HASH).vk_hash == SAMPLE_VK_HASH
    with pytest.raises(VerifyingKeyMismatch, match="another hash"):
        Program.read(elf, vk_file=vk, vk_hash=bytes(32))


def test_a_key_of_another_program_is_refused(elf: Path, vk: Path) -> None:
    key = bytearray(vk.read_bytes())
    key[0] ^= 4
    vk.write_bytes(key)
    with pytest.raises(VerifyingKeyMismatch, match="another program"):
        Program.read(elf, vk_file=vk)


def test_a_key_that_is_none_is_refused(elf: Path, vk: Path) -> None:
    vk.write_bytes(b"too short")
    with pytest.raises(VerifyingKeyError):
        Program.read(elf, vk_file=vk)


def test_a_v5_key_is_opaque_and_needs_its_hash(v5: Path, vk: Path) -> None:
    vk.write_bytes(b"anything")
    program = Program.read(v5, vk_file=vk, vk_hash=V5_HASH)
    assert (program.family, program.vk, program.vk_hash) == (Family.V5, b"anything", V5_HASH)
    with pytest.raises(VerifyingKeyMissing) as caught:
        Program.read(v5, vk_file=vk)
    assert "--vk-hash" in caught.value.advice


@pytest.mark.parametrize("content", [b"", bytes(MAX_VK_BYTES + 1)])
def test_a_key_of_impossible_length_is_refused(v5: Path, vk: Path, content: bytes) -> None:
    vk.write_bytes(content)
    with pytest.raises(VerifyingKeyMismatch, match="empty or too long"):
        Program.read(v5, vk_file=vk, vk_hash=V5_HASH)


def test_a_program_without_key_and_hash_is_told_how_to_make_one(elf: Path) -> None:
    with pytest.raises(VerifyingKeyMissing, match="no verifying key") as caught:
        Program.read(elf)
    assert "pk.verifying_key()" in caught.value.advice


def test_a_hash_has_32_bytes(elf: Path) -> None:
    with pytest.raises(VerifyingKeyMismatch, match="31 bytes"):
        Program.read(elf, vk_hash=bytes(31))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no ELF"),
        (b"\x7fELF", "no ELF"),
        (b"#!/bin/sh\n" * 20, "no ELF"),
        (header(bits=3), "no ELF"),
        (header(order=2), "no ELF"),
        (header(machine=62), "not for RISC-V"),
    ],
)
def test_what_is_no_program_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "program"
    path.write_bytes(content)
    with pytest.raises(ProgramFileError, match=why):
        Program.read(path, vk_hash=bytes(32))


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match=r"nothing\.elf cannot be read"):
        Program.read(tmp_path / "nothing.elf")


@given(st.binary(max_size=80))
def test_any_header_is_either_a_family_or_refused(content: bytes) -> None:
    try:
        family = elf_family(content)
    except ProgramFileError:
        return
    assert family in Family
