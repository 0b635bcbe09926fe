"""What is used of the emulator's Python binding, in one place.

``unicorn`` chooses its Python 2 or 3 half at run time, which type checkers do not follow: its types
are imported from the half that is used.
"""

from typing import Final

from unicorn.riscv_const import UC_RISCV_REG_PRIV
from unicorn.unicorn_const import UC_ARCH_RISCV, UC_MODE_RISCV32, UC_MODE_RISCV64
from unicorn.unicorn_py3.unicorn import Uc, UcError, uclib

__all__ = ["Uc", "UcError", "new_engine", "uclib"]

_USER_MODE: Final = 0
_TRANSLATION_BYTES: Final = 128 << 20


def new_engine(xlen: int) -> Uc:
    """Make an engine for an `xlen`-bit guest, in user mode, where nearly all CSR accesses trap."""
    mode = UC_MODE_RISCV32 if xlen == 32 else UC_MODE_RISCV64  # noqa: PLR2004 - a register's width
    engine = Uc(UC_ARCH_RISCV, mode)
    engine.ctl_set_tcg_buffer_size(_TRANSLATION_BYTES)
    engine.reg_write(UC_RISCV_REG_PRIV, _USER_MODE)
    return engine
