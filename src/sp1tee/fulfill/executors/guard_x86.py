"""The guard's two callbacks as machine code for x86-64 Linux.

`LISTING` is the source; `CODE` is what an assembler makes of it, and a test assembles it again.
The callbacks follow the System V calling convention with unicorn's signatures::

    void block (uc rdi, u64 address rsi, u32 size edx, State *rcx)
    void access(uc rdi, u32 type esi, u64 address rdx, u32 size ecx, i64 value r8, State *r9)

They read and write nothing but the `State` they are given, keep every register a callee must keep,
and end in a jump to ``uc_emu_stop(uc)`` where a rule is broken.
"""

import ctypes
import mmap
import platform
import sys
from functools import cache
from typing import TYPE_CHECKING, Final

from unicorn.unicorn_const import UC_HOOK_BLOCK, UC_HOOK_MEM_READ, UC_HOOK_MEM_WRITE

from sp1tee.fulfill.executors.engine import Uc, uclib

if TYPE_CHECKING:
    from sp1tee.fulfill.executors.guard import State

AVAILABLE: Final = sys.platform == "linux" and platform.machine() == "x86_64"

LISTING: Final = """
.intel_syntax noprefix
block:
    mov  eax, edx
    mov  [rcx+8], rax               # block = size
    add  rax, [rcx]
    mov  [rcx], rax                 # run += size
    cmp  rax, [rcx+16]              # run > limit?
    ja   1f
    mov  rax, rsi
    sub  rax, [rcx+24]              # offset = address - code_address
    cmp  rax, [rcx+32]              # offset >= code_size, or negative?
    jae  1f
    test al, 3                      # not a multiple of 4? (code_address is one)
    jnz  1f
    add  rax, [rcx+8]
    cmp  rax, [rcx+32]              # offset + size > code_size?
    ja   1f
    ret
1:  cmp  qword ptr [rcx+64], 0      # only the first failure is kept
    jne  2f
    mov  qword ptr [rcx+64], 1      # failed = block
    mov  [rcx+72], rsi              # address
    mov  rax, [rcx+8]
    mov  [rcx+80], rax              # size
    mov  rdx, [rcx]
    sub  rdx, rax
    mov  [rcx+88], rdx              # run_before = run - block
2:  jmp  [rcx+56]                   # uc_emu_stop(uc)

.balign 16
access:
    lea  eax, [rcx-1]
    test rax, rdx                   # unaligned? (size is a power of two)
    jnz  1f
    cmp  rdx, [r9+40]               # address < low?
    jb   1f
    cmp  rdx, [r9+48]               # address >= high?
    jae  1f
    cmp  esi, 17                    # a read is fine now
    jne  3f
    mov  eax, ecx
    add  rax, rdx                   # end of the access
    cmp  rax, [r9+24]               # end <= code_address?
    jbe  3f
    mov  rax, [r9+24]
    add  rax, [r9+32]
    cmp  rdx, rax                   # address >= end of the code?
    jae  3f
1:  cmp  qword ptr [r9+64], 0
    jne  2f
    mov  eax, esi
    mov  [r9+64], rax               # failed = type of access
    mov  [r9+72], rdx               # address
    mov  eax, ecx
    mov  [r9+80], rax               # size
    mov  rax, [r9]
    sub  rax, [r9+8]
    mov  [r9+88], rax               # run_before = run - block
2:  jmp  [r9+56]                    # uc_emu_stop(uc)
3:  ret
"""

CODE: Final = bytes.fromhex(
    "89d048894108480301488901483b4110771c4889f0482b4118483b4120730fa803750b4803410848"
    "3b41207701c34883794000751e48c741400100000048897148488b410848894150488b114829c248"
    "895158ff6138662e0f1f8400000000008d41ff4885d07529493b51287223493b5130731d83fe1175"
    "3e89c84801d0493b41187633498b4118490341204839c273264983794000751b89f0498941404989"
    "514889c849894150498b01492b41084989415841ff6138c3"
)
_BLOCK, _ACCESS = 0x00, 0x60


def attach(uc: Uc, state: "State") -> None:
    """Have both callbacks run for every block and every access of an engine.

    `state` must outlive the engine's runs.
    """
    code = ctypes.addressof(_executable_copy())
    state.stop = _address(uclib.uc_emu_stop)
    for kinds, entry in (
        (UC_HOOK_BLOCK, _BLOCK),
        (UC_HOOK_MEM_READ | UC_HOOK_MEM_WRITE, _ACCESS),
    ):
        handle = ctypes.c_size_t()
        everywhere = (ctypes.c_uint64(1), ctypes.c_uint64(0))
        callback = ctypes.c_void_p(code + entry)
        error = uclib.uc_hook_add(
            uc._uch,  # noqa: SLF001 - the binding takes Python callables only
            ctypes.byref(handle),
            kinds,
            callback,
            ctypes.cast(ctypes.pointer(state), ctypes.c_void_p),
            *everywhere,
        )
        if error:
            raise OSError(error, "unicorn refused a hook")


@cache
def _executable_copy() -> "ctypes.Array[ctypes.c_char]":
    """Put the code on a page of its own, which is never writable and executable at once."""
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
    page.write(CODE)
    code = (ctypes.c_char * mmap.PAGESIZE).from_buffer(page)
    protection = mmap.PROT_READ | mmap.PROT_EXEC
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mprotect(code, ctypes.c_size_t(mmap.PAGESIZE), protection):
        raise OSError(ctypes.get_errno(), "mprotect")
    return code


def _address(function: object) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0  # type: ignore[arg-type]
