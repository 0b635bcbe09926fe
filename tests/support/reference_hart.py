"""RV32IM and RV64IM as the specification words them: slow, plain, made for comparison."""

from dataclasses import dataclass, field

from sp1tee.fulfill.executors import isa


@dataclass
class Hart:
    """Registers, a dictionary of bytes for memory, and a count of instructions."""

    xlen: int
    code: list[int]
    base: int
    registers: list[int] = field(default_factory=lambda: [0] * 32)
    memory: dict[int, int] = field(default_factory=dict)
    count: int = 0

    def run(self) -> None:
        """Run up to the first ecall, which counts."""
        pc = self.base
        while (word := self.code[(pc - self.base) // 4]) != 0x73:
            self.count += 1
            pc = self._step(word, pc) & self._mask
        self.count += 1

    @property
    def _mask(self) -> int:
        return (1 << self.xlen) - 1

    def _step(self, word: int, pc: int) -> int:  # noqa: C901, PLR0912 - one case an opcode
        assert isa.classify(word, self.xlen) is isa.Kind.RUNS
        opcode, rd, funct3 = word & 0x7F, word >> 7 & 31, word >> 12 & 7
        a, b = self.registers[word >> 15 & 31], self.registers[word >> 20 & 31]
        i_imm = _signed(word >> 20, 12)
        s_imm = _signed(word >> 25 << 5 | rd, 12)
        following, result = pc + 4, None
        match opcode:
            case 0x37:
                result = _signed(word & ~0xFFF, 32)
            case 0x17:
                result = pc + _signed(word & ~0xFFF, 32)
            case 0x6F:
                result, following = pc + 4, pc + _j_imm(word)
            case 0x67:
                result, following = pc + 4, (a + i_imm) & ~1
            case 0x63:
                following = pc + _b_imm(word) if self._branches(funct3, a, b) else pc + 4
            case 0x03:
                result = self._load(a + i_imm & self._mask, funct3)
            case 0x23:
                self._store(a + s_imm & self._mask, b, 1 << funct3)
            case 0x13:
                wide = funct3 in (1, 5)
                alternate = wide and word >> 30 & 1
                result = self._alu(
                    funct3, a, word >> 20 & 63 if wide else i_imm, alternate, self.xlen
                )
            case 0x1B:
                alternate = funct3 == 5 and word >> 30 & 1
                result = _signed(
                    self._alu(funct3, a, i_imm & 31 if funct3 else i_imm, alternate, 32), 32
                )
            case 0x33 if word >> 25 == 1:
                result = self._multiply(funct3, a, b, self.xlen)
            case 0x33:
                result = self._alu(funct3, a, b, word >> 30 & 1, self.xlen)
            case 0x3B if word >> 25 == 1:
                result = _signed(self._multiply(funct3, a, b, 32), 32)
            case 0x3B:
                result = _signed(self._alu(funct3, a, b, word >> 30 & 1, 32), 32)
        if result is not None and rd:
            self.registers[rd] = result & self._mask
        return following

    def _alu(  # noqa: PLR0911 - one return an operation
        self, funct3: int, a: int, b: int, alternate: int, width: int
    ) -> int:
        mask, shift = (1 << width) - 1, b & width - 1
        a, b = a & mask, b & mask
        match funct3:
            case 0:
                return a - b if alternate else a + b
            case 1:
                return a << shift
            case 2:
                return int(_signed(a, width) < _signed(b, width))
            case 3:
                return int(a < b)
            case 4:
                return a ^ b
            case 5:
                return (_signed(a, width) if alternate else a) >> shift
            case 6:
                return a | b
            case _:
                return a & b

    def _multiply(  # noqa: PLR0911 - one return an operation
        self, funct3: int, a: int, b: int, width: int
    ) -> int:
        mask = (1 << width) - 1
        a, b = a & mask, b & mask
        sa, sb = _signed(a, width), _signed(b, width)
        match funct3:
            case 0:
                return a * b
            case 1:
                return sa * sb >> width
            case 2:
                return sa * b >> width
            case 3:
                return a * b >> width
            case 4:
                return mask if b == 0 else _truncating(sa, sb)
            case 5:
                return mask if b == 0 else a // b
            case 6:
                return a if b == 0 else sa - sb * _truncating(sa, sb)
            case _:
                return a if b == 0 else a % b

    def _branches(self, funct3: int, a: int, b: int) -> bool:
        if funct3 < 6:
            a, b = _signed(a, self.xlen), _signed(b, self.xlen)
        holds = a == b if funct3 < 2 else a < b
        return holds != bool(funct3 & 1)

    def _load(self, address: int, funct3: int) -> int:
        size = 1 << (funct3 & 3)
        value = sum(self.memory.get(address + i, 0) << 8 * i for i in range(size))
        return value if funct3 & 4 else _signed(value, 8 * size)

    def _store(self, address: int, value: int, size: int) -> None:
        for i in range(size):
            self.memory[address + i] = value >> 8 * i & 0xFF


def _signed(value: int, width: int) -> int:
    value &= (1 << width) - 1
    return value - (value >> width - 1 << width)


def _truncating(a: int, b: int) -> int:
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _j_imm(word: int) -> int:
    imm = word >> 31 << 20 | word & 0xFF000 | (word >> 20 & 1) << 11 | (word >> 21 & 0x3FF) << 1
    return _signed(imm, 21)


def _b_imm(word: int) -> int:
    imm = word >> 31 << 12 | (word >> 7 & 1) << 11 | (word >> 25 & 63) << 5 | (word >> 8 & 15) << 1
    return _signed(imm, 13)
