"""Which words are instructions, checked against what an assembler makes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.fulfill.executors.isa import Kind, classify

# clang -c, then llvm-objdump: one of each
RUNS_IN_BOTH = {
    0x00B50533: "add a0, a0, a1",
    0x40B50533: "sub a0, a0, a1",
    0x02B51533: "mulh a0, a0, a1",
    0x02B57533: "remu a0, a0, a1",
    0x00151513: "slli a0, a0, 1",
    0x40155513: "srai a0, a0, 1",
    0x00052503: "lw a0, 0(a0)",
    0x00A5A023: "sw a0, 0(a1)",
    0x00B56463: "bltu a0, a1, 8",
    0x008000EF: "jal 8",
    0x000500E7: "jalr a0",
    0x00001517: "auipc a0, 1",
    0x00001537: "lui a0, 1",
    0x00000073: "ecall",
    0x00100073: "ebreak",
}
RUNS_IN_64 = {
    0x00053503: "ld a0, 0(a0)",
    0x00056503: "lwu a0, 0(a0)",
    0x00A5B023: "sd a0, 0(a1)",
    0x0015051B: "addiw a0, a0, 1",
    0x0015151B: "slliw a0, a0, 1",
    0x4015551B: "sraiw a0, a0, 1",
    0x40B5053B: "subw a0, a0, a1",
    0x02B5653B: "remw a0, a0, a1",
    0x02051513: "slli a0, a0, 32",
    0x43F55513: "srai a0, a0, 63",
}
FAILS_WHEN_RUN = {
    0x0FF0000F: "fence",
    0x0100000F: "pause",
    0xC0001073: "unimp",
    0xC0002573: "rdcycle a0",
    0x10500073: "wfi",
    0x30200073: "mret",
}
NO_INSTRUCTION = {
    0x00000000: "zero",
    0xFFFFFFFF: "ones",
    0x0000100F: "fence.i",
    0x10200073: "sret",
    0x1005252F: "lr.w a0, (a0)",
    0x00052507: "flw fa0, 0(a0)",
    0x000510E7: "jalr with another funct3",
    0x20051513: "slli with another funct7",
    0x00057003: "load of no width",
}


@pytest.mark.parametrize("xlen", [32, 64])
@pytest.mark.parametrize("word", RUNS_IN_BOTH, ids=RUNS_IN_BOTH.get)
def test_rv32im_runs_in_both(word: int, xlen: int):
    assert classify(word, xlen) is Kind.RUNS


@pytest.mark.parametrize("word", RUNS_IN_64, ids=RUNS_IN_64.get)
def test_the_rest_of_rv64im_runs_in_64_bits_only(word: int):
    assert classify(word, 64) is Kind.RUNS
    assert classify(word, 32) is Kind.UNDECODABLE


@pytest.mark.parametrize("xlen", [32, 64])
@pytest.mark.parametrize("word", FAILS_WHEN_RUN, ids=FAILS_WHEN_RUN.get)
def test_what_sp1_decodes_without_implementing_it(word: int, xlen: int):
    assert classify(word, xlen) is Kind.UNIMPLEMENTED


@pytest.mark.parametrize("xlen", [32, 64])
@pytest.mark.parametrize("word", NO_INSTRUCTION, ids=NO_INSTRUCTION.get)
def test_everything_else_stops_the_loader(word: int, xlen: int):
    assert classify(word, xlen) is Kind.UNDECODABLE


@given(st.integers(0, (1 << 32) - 1))
def test_what_runs_in_32_bits_runs_in_64_bits(word: int):
    if classify(word, 32) is Kind.RUNS:
        assert classify(word, 64) is Kind.RUNS
