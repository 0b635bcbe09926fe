"""A program is taken only if it can be the one its verifying key belongs to."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.serving import ALICE, ProgramFixture, elf_header, real_program
from support.wire_data import sample

from sp1tee.errors import ProgramRefused
from sp1tee.serve.elf import read_header
from sp1tee.serve.programs import family_of, open_program
from sp1tee.store.records import NewProgram
from sp1tee.wire.artifacts import pack
from sp1tee.wire.keys import parse_vk_v6
from sp1tee.wire.program import encode_program
from sp1tee.wire.versions import Family

LIMIT = 1 << 20
REAL = real_program()
V5_KEY = bytes(234)


def registration(program: ProgramFixture = REAL) -> NewProgram:
    return NewProgram(
        vk_hash=program.vk_hash,
        vk=program.vk,
        uri="http://prover.test/artifacts/program/1",
        owner=ALICE.address,
        created_at=0,
    )


def test_a_real_v6_program_fits_its_real_key() -> None:
    assert open_program(REAL.upload, registration(), LIMIT) == sample(".elf")


def test_a_v5_program_is_taken_with_a_key_that_cannot_be_read() -> None:
    elf = elf_header(Family.V5, 0x201514)
    program = replace(registration(), vk=V5_KEY)
    assert open_program(encode_program(elf), program, LIMIT) == elf


def test_a_plain_upload_of_a_v6_program_is_taken_too() -> None:
    assert open_program(encode_program(sample(".elf")), registration(), LIMIT)


def test_the_wrong_program_for_a_key_is_refused() -> None:
    entry = parse_vk_v6(REAL.vk).pc_start_address
    other = encode_program(elf_header(Family.V6, entry + 4))
    with pytest.raises(ProgramRefused, match="start"):
        open_program(other, registration(), LIMIT)


def test_a_hash_of_another_key_is_refused() -> None:
    with pytest.raises(ProgramRefused, match="hash"):
        open_program(REAL.upload, replace(registration(), vk_hash=bytes(32)), LIMIT)


def test_a_key_that_is_none_is_refused() -> None:
    with pytest.raises(ProgramRefused):
        open_program(REAL.upload, replace(registration(), vk=b"\xff" * 104), LIMIT)


def test_a_v5_program_under_a_v6_key_is_refused() -> None:
    with pytest.raises(ProgramRefused, match="v5"):
        open_program(encode_program(elf_header(Family.V5, 0)), registration(), LIMIT)


def test_a_v6_program_under_a_v5_key_is_refused() -> None:
    with pytest.raises(ProgramRefused, match="v6"):
        open_program(REAL.upload, replace(registration(), vk=V5_KEY), LIMIT)


def test_a_program_over_the_limit_is_refused() -> None:
    with pytest.raises(ProgramRefused, match="opened"):
        open_program(REAL.upload, registration(), len(sample(".elf")) - 1)


def test_a_bomb_is_refused() -> None:
    bomb = pack(bytes(64 << 20), Family.V6)
    with pytest.raises(ProgramRefused, match="unpacks to more"):
        open_program(bomb, registration(), LIMIT)


@pytest.mark.parametrize(
    "elf",
    [
        b"",
        b"\x7fELF",
        b"MZ" + bytes(64),
        elf_header(Family.V6, 0)[:20],
        elf_header(Family.V6, 0, machine=62),
        elf_header(Family.V6, 0, kind=3),
        b"\x7fELF\x03" + elf_header(Family.V6, 0)[5:],
        b"\x7fELF\x02\x02" + elf_header(Family.V6, 0)[6:],
    ],
    ids=["empty", "cut", "other format", "short", "x86", "shared", "class", "big-endian"],
)
def test_what_is_no_risc_v_executable_is_refused(elf: bytes) -> None:
    with pytest.raises(ProgramRefused):
        read_header(elf)


def test_only_v6_keys_have_104_bytes() -> None:
    assert (family_of(bytes(104)), family_of(V5_KEY)) == (Family.V6, Family.V5)


@given(st.binary(max_size=400))
def test_any_upload_is_opened_or_refused(data: bytes) -> None:
    with pytest.raises(ProgramRefused):
        open_program(data, registration(), LIMIT)
