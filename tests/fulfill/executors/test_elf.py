"""Loading a guest: each of SP1's rules, broken by one file."""

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.elf_maker import (
    LOAD,
    NOP,
    NOTE,
    PROGBITS,
    SYMTAB,
    Elf,
    R,
    Section,
    Segment,
    W,
    X,
    v5,
    v6,
)
from support.guest_programs import program

from sp1tee.errors import ElfError
from sp1tee.fulfill.executors import elf
from sp1tee.fulfill.executors.elf import Rule
from sp1tee.fulfill.executors.elf_headers import Layout
from sp1tee.wire.versions import Family

V5, V6 = Family.V5, Family.V6
CODE, DATA = 0x7800_0000, 0x7801_0000
CODE_V5, DATA_V5 = 0x0020_1000, 0x0021_0000
SUCCINCT = pack("<III", 9, 20, 1) + b"SUCCINCT\0\0\0\0" + b"1\0\0\0" + pack("<QQ", 1, 2)


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("name", ["fibonacci", "solvency", "features", "hostile"])
def test_our_guests_load(name: str, family: Family):
    image = elf.load(program(name, family), family)

    assert image.entry == image.code_address
    assert image.segments[0].data == image.code
    assert image.segments[-1].size > len(image.segments[-1].data)


def test_a_32_bit_file_is_tolerated_in_v6():
    small = Elf(bits=32)

    assert elf.load(small.build(), V6).family is V6


def test_the_image_tells_where_everything_goes():
    data = Segment(DATA, b"data", R | W, memory_size=100)
    image = elf.load(v6(segments=[Segment(CODE), data], entry=CODE + 4).build(), V6)

    assert image.entry == CODE + 4
    assert image.code == NOP * 2
    assert [(s.address, s.data, s.size) for s in image.segments] == [
        (CODE, NOP * 2, 8),
        (DATA, b"data", 100),
    ]


def test_code_in_two_segments_is_one_program():
    parts = [Segment(CODE), Segment(CODE + 8, NOP * 3)]

    assert elf.load(v6(segments=parts).build(), V6).code == NOP * 5


def test_unimplemented_instructions_load_and_are_named():
    fence, csr, wfi = 0x0FF0000F, 0xC00022F3, 0x10500073
    code = pack("<4I", fence, csr, wfi, fence)

    image = elf.load(v6(segments=[Segment(CODE, code)]).build(), V6)

    assert image.unimplemented == {fence, csr, wfi}


def test_a_note_that_is_not_sp1s_means_nothing():
    other = pack("<III", 4, 4, 3) + b"GNU\0" + b"abcd"
    noted = v6(segments=[Segment(CODE), Segment(0, other, R, kind=NOTE)])

    assert elf.load(noted.build(), V6).code == NOP * 2


def test_v5_lets_bare_headers_lie_low():
    low = Segment(0x10000, b"head", R)
    made = v5(segments=[low, Segment(CODE_V5)], sections=[Section(address=CODE_V5, size=8)])

    assert len(elf.load(made.build(), V5).segments) == 2


BROKEN_V6 = {
    Layout.NOT_ELF: v6(byte_order=2),
    Layout.CUT: v6(segment_count=200),
    Layout.ENTRY_SIZE: v6(segment_entry_size=55),
    Layout.NO_SEGMENTS: v6(segments_at=0),
    Layout.TOO_MANY: v6(segment_count=257),
    Layout.SYMBOLS: v6(sections=[Section(SYMTAB, offset=1 << 40, size=24, entry_size=24)]),
    Rule.MACHINE: v6(machine=62),
    Rule.TYPE: v6(kind=3),
    Rule.ENTRY_ALIGNMENT: v6(entry=CODE + 2),
    Rule.ENTRY_OUTSIDE: v6(entry=CODE + 8),
    Rule.SEGMENT_ALIGNMENT: v6(segments=[Segment(CODE + 2)]),
    Rule.SEGMENT_ORDER: v6(segments=[Segment(DATA, flags=R), Segment(CODE)]),
    Rule.SEGMENT_SIZE: v6(segments=[Segment(CODE, file_size=(1 << 48) - 1, memory_size=8)]),
    Rule.SEGMENT_CUT: v6(segments=[Segment(CODE, file_size=1 << 20, memory_size=1 << 20)]),
    Rule.SEGMENT_HIGH: v6(segments=[Segment(CODE), Segment(DATA, b"", R, memory_size=1 << 40)]),
    Rule.SEGMENTS_LARGE: v6(segments=[Segment(CODE), Segment(DATA, b"", R, memory_size=512 << 20)]),
    Rule.V6_LOW: v6(segments=[Segment(CODE - 4)]),
    Rule.UNREADABLE: v6(segments=[Segment(CODE, flags=X)]),
    Rule.WRITABLE_CODE: v6(segments=[Segment(CODE, flags=R | W | X)]),
    Rule.CODE_APART: v6(segments=[Segment(CODE), Segment(CODE + 12)]),
    Rule.NO_CODE: v6(segments=[Segment(CODE, flags=R)]),
    Rule.MUCH_CODE: v6(segments=[Segment(CODE, NOP * ((1 << 22) + 1))]),
    Rule.UNDECODABLE: v6(segments=[Segment(CODE, NOP + bytes(4))]),
    Rule.NOTES: v6(segments=[Segment(CODE), Segment(0, SUCCINCT[:-1], R, kind=NOTE)]),
    Rule.UNTRUSTED: v6(segments=[Segment(CODE), Segment(0, SUCCINCT, R, kind=NOTE)]),
}

BROKEN_V5 = {
    Rule.CLASS: v6(),
    Rule.V5_LOW: v5(
        segments=[Segment(0x10000, b"data", R), Segment(CODE_V5)],
        sections=[Section(PROGBITS, 0x10000, 4)],
    ),
    Rule.V5_ZERO: v5(segments=[Segment(0, b"data", R), Segment(CODE_V5)], sections=[Section()]),
    Rule.CODE_LOW: v5(segments=[Segment(0x20)], entry=0x20, sections=[Section()]),
    Rule.SEGMENT_HIGH: v5(segments=[Segment(CODE_V5), Segment(0x7800_0000, b"", R, memory_size=8)]),
    Rule.SEGMENT_SIZE: v5(segments=[Segment(CODE_V5, file_size=(1 << 32) - 1)]),
    Rule.WRITABLE_CODE: v5(segments=[Segment(CODE_V5, flags=R | W | X)]),
    Rule.UNDECODABLE: v5(segments=[Segment(CODE_V5, pack("<I", 0x0000003B))]),
}


@pytest.mark.parametrize(
    ("rule", "made", "family"),
    [
        pytest.param(rule, made, family, id=f"{family}-{rule.name}")
        for family, files in ((V5, BROKEN_V5), (V6, BROKEN_V6))
        for rule, made in files.items()
    ],
)
def test_a_broken_rule_is_named(rule: str, made: Elf, family: Family):
    with pytest.raises(ElfError) as caught:
        elf.load(made.build(), family)

    assert caught.value.message == rule
    assert caught.value.message in elf.REFUSALS


def test_every_rule_is_tested_above():
    assert {*BROKEN_V6, *BROKEN_V5, Rule.TOO_LARGE} == set(elf.REFUSALS)


def test_a_huge_file_is_refused_before_it_is_read(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(elf, "MAX_ELF_BYTES", 100)

    with pytest.raises(ElfError, match=r"256 MiB"):
        elf.load(bytes(101), V6)


def test_code_that_asks_to_be_changeable_is_refused():
    marked = Segment(CODE + 8, flags=R | X | 0x0010_0000)

    with pytest.raises(ElfError) as caught:
        elf.load(v6(segments=[Segment(CODE), marked]).build(), V6)

    assert caught.value.message == Rule.UNTRUSTED


@given(st.binary(max_size=400), st.sampled_from(Family))
def test_arbitrary_bytes_are_refused_and_nothing_worse(data: bytes, family: Family):
    with pytest.raises(ElfError):
        elf.load(data, family)


@given(st.binary(max_size=300), st.sampled_from(Family))
def test_arbitrary_bytes_behind_a_good_beginning_are_refused_or_load(data: bytes, family: Family):
    good = (v5() if family is V5 else v6()).build()
    _load_or_refuse(good[:16] + data, family)


@given(st.data(), st.sampled_from(Family), st.sampled_from(["solvency", "hostile"]))
def test_a_guest_with_changed_bytes_loads_or_is_refused(
    data: st.DataObject, family: Family, name: str
):
    changed = bytearray(program(name, family))
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, 200) | st.integers(0, len(changed) - 1))
        changed[at] = data.draw(st.integers(0, 255))
    _load_or_refuse(bytes(changed[: data.draw(st.integers(0, len(changed)))]), family)


@given(
    st.lists(
        st.builds(
            Segment,
            st.integers(0x7000_0000, 0x7900_0000),
            st.binary(max_size=40),
            st.integers(0, 7),
            st.none() | st.integers(0, (1 << 64) - 1),
            st.sampled_from([LOAD, NOTE]),
        ),
        max_size=5,
    )
)
def test_arbitrary_segments_load_or_are_refused(segments: list[Segment]):
    _load_or_refuse(v6(segments=segments).build(), V6)


def _load_or_refuse(data: bytes, family: Family) -> None:
    try:
        image = elf.load(data, family)
    except ElfError as error:
        refusal = error.message
    else:
        assert image.code_address <= image.entry < image.code_address + len(image.code)
        return
    assert refusal in elf.REFUSALS
