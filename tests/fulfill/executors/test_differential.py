"""Random programs on the emulator and on the specification in plain Python: both must agree."""

from struct import pack

from hypothesis import given, settings
from hypothesis import strategies as st
from support.elf_maker import R, Segment, W, X, v5, v6
from support.guest_programs import run_here
from support.reference_hart import Hart

from sp1tee.fulfill.executors import isa
from sp1tee.fulfill.executors.outcome import Reason
from sp1tee.wire.versions import Family

BASE = {Family.V5: 0x0020_1000, Family.V6: 0x7800_0000}
DATA = {Family.V5: 0x0021_0000, Family.V6: 0x7801_0000}
XLEN = {Family.V5: 32, Family.V6: 64}
POINTER, SCRATCH = 31, 30  # x31 holds the address of data, x30 is the epilogue's


def ordinary(xlen: int) -> st.SearchStrategy[int]:
    """Any computing instruction that leaves x31 alone."""
    opcodes = [0x13, 0x33, 0x37, 0x17] + ([0x1B, 0x3B] if xlen == 64 else [])
    fields = st.tuples(
        *(st.sampled_from(opcodes), st.integers(0, 30), st.integers(0, 7)),
        *(st.integers(0, 31), st.integers(0, 31), st.sampled_from([0, 1, 0x20, 0x21, 0x55])),
    )

    def assemble(parts: tuple[int, ...]) -> int:
        opcode, rd, funct3, rs1, rs2, funct7 = parts
        return funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode

    return fields.map(assemble).filter(lambda word: isa.classify(word, xlen) is isa.Kind.RUNS)


def access(xlen: int) -> st.SearchStrategy[int]:
    """A load or store at an aligned offset from x31."""

    def assemble(parts: tuple[int, bool, int, int]) -> int:
        funct3, store, register, slot = parts
        offset = slot << (funct3 & 3) & 0x7F8
        if store:
            funct3 &= 3
            return (
                offset >> 5 << 25
                | register << 20
                | POINTER << 15
                | funct3 << 12
                | ((offset & 31) << 7 | 0x23)
            )
        return offset << 20 | POINTER << 15 | funct3 << 12 | register << 7 | 0x03

    widths = st.integers(0, 6 if xlen == 64 else 5).filter(lambda f: xlen == 64 or f != 3)
    parts = st.tuples(widths, st.booleans(), st.integers(0, 30), st.integers(0, 255))
    return parts.map(assemble).filter(lambda word: isa.classify(word, xlen) is isa.Kind.RUNS)


def forward_branch() -> st.SearchStrategy[int]:
    """A conditional branch over up to three instructions."""

    def assemble(parts: tuple[int, int, int, int]) -> int:
        funct3, rs1, rs2, distance = parts
        return rs2 << 20 | rs1 << 15 | funct3 << 12 | distance * 4 << 7 | 0x63

    condition = st.sampled_from([0, 1, 4, 5, 6, 7])
    return st.tuples(condition, st.integers(0, 31), st.integers(0, 31), st.integers(1, 4)).map(
        assemble
    )


@st.composite
def programs(draw: st.DrawFn, family: Family) -> list[int]:
    xlen = XLEN[family]
    body = draw(st.lists(ordinary(xlen) | access(xlen) | forward_branch(), max_size=60))
    constants = draw(st.lists(st.integers(0, (1 << 20) - 1), min_size=8, max_size=8))
    start = [
        constant << 12 | register << 7 | 0x37 for register, constant in enumerate(constants, 1)
    ]
    pointer = DATA[family] >> 12 << 12 | POINTER << 7 | 0x37
    return [*start, pointer, *body, *[0x13] * 4, *epilogue(xlen)]


def epilogue(xlen: int) -> list[int]:
    """Store all registers behind the data, publish them, and halt."""
    size, width = xlen // 8, 3 if xlen == 64 else 2
    stores = [
        (at := 0x400 + size * n) >> 5 << 25
        | n << 20
        | POINTER << 15
        | width << 12
        | (at & 31) << 7
        | 0x23
        for n in range(31)
    ]
    return [
        *stores,
        13 << 20 | 10 << 7 | 0x13,  # a0 = 13
        0x400 << 20 | POINTER << 15 | 11 << 7 | 0x13,  # a1 = x31 + 0x400
        31 * size << 20 | 12 << 7 | 0x13,  # a2 = 31 registers
        2 << 20 | 5 << 7 | 0x13,  # t0 = WRITE
        0x73,
        5 << 7 | 0x13,  # t0 = HALT
        10 << 7 | 0x13,  # a0 = 0
        0x73,
    ]


def agree(family: Family, words: list[int]) -> None:
    reference = Hart(XLEN[family], words, BASE[family])
    reference.run()
    size = XLEN[family] // 8
    expected = b"".join(
        bytes(
            reference.memory.get(DATA[family] + 0x400 + i, 0)
            for i in range(n * size, (n + 1) * size)
        )
        for n in range(31)
    )
    code = Segment(BASE[family], pack(f"<{len(words)}I", *words), R | X)
    data = Segment(DATA[family], b"", R | W, memory_size=4096)
    made = (v5 if family is Family.V5 else v6)(segments=[code, data], entry=BASE[family])

    outcome = run_here(made.build(), family)

    assert outcome.reason is Reason.NEVER_COMMITTED
    assert outcome.public_values == expected
    assert outcome.cycles == reference.count + 3


@settings(max_examples=60, deadline=None)
@given(programs(Family.V5))
def test_random_rv32im_programs(words: list[int]):
    agree(Family.V5, words)


@settings(max_examples=60, deadline=None)
@given(programs(Family.V6))
def test_random_rv64im_programs(words: list[int]):
    agree(Family.V6, words)
