"""The guard: machine code and Python decide alike, and as the rules say."""

import ctypes
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.fulfill.executors import guard, guard_x86
from sp1tee.fulfill.executors.guard import Bounds, Guard, State
from sp1tee.fulfill.executors.outcome import Reason

BOUNDS = Bounds(code_address=0x1000, code_size=0x100, low=0x20, high=0x10000)
READ, WRITE = 16, 17

native_only = pytest.mark.skipif(not guard_x86.AVAILABLE, reason="x86-64 Linux")


class Engine:
    """Stands in for an engine: notes that it was stopped."""

    def __init__(self) -> None:
        self.stopped = False

    def emu_stop(self) -> None:
        self.stopped = True


class Native:
    """The machine code, called as unicorn would."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.stopped = False
        self._stop = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._note)
        state.stop = ctypes.cast(self._stop, ctypes.c_void_p).value
        start = ctypes.addressof(guard_x86._executable_copy())
        u32, u64, pointer = ctypes.c_uint32, ctypes.c_uint64, ctypes.POINTER(State)
        block = ctypes.CFUNCTYPE(None, ctypes.c_void_p, u64, u32, pointer)
        access = ctypes.CFUNCTYPE(None, ctypes.c_void_p, u32, u64, u32, u64, pointer)
        self._block = block(start + guard_x86._BLOCK)
        self._access = access(start + guard_x86._ACCESS)

    def _note(self, _engine: int) -> None:
        self.stopped = True

    def block(self, address: int, size: int) -> None:
        self._block(None, address, size, self.state)

    def access(self, kind: int, address: int, size: int) -> None:
        self._access(None, kind, address, size, 0, self.state)


class Python:
    """The same by the Python rules."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._engine = Engine()

    @property
    def stopped(self) -> bool:
        return self._engine.stopped

    def block(self, address: int, size: int) -> None:
        if not guard._admit_block(self.state, address, size):
            guard._fail(self._engine, self.state, guard._BLOCK, address, size)

    def access(self, kind: int, address: int, size: int) -> None:
        if not guard._admit_access(self.state, kind, address, size):
            guard._fail(self._engine, self.state, kind, address, size)


Side = Callable[[State], Native | Python]


def fields(state: State) -> dict[str, int]:
    return {name: getattr(state, name) for name, _ in State._fields_ if name != "stop"}


@native_only
@pytest.mark.skipif(not shutil.which("clang"), reason="clang")
def test_the_machine_code_is_what_its_listing_assembles_to(tmp_path: Path):
    source, code = tmp_path / "guard.S", tmp_path / "guard.bin"
    source.write_text(guard_x86.LISTING)
    subprocess.run(["clang", "-c", source, "-o", tmp_path / "guard.o"], check=True)
    objcopy = shutil.which("objcopy") or "llvm-objcopy"
    section = ["-O", "binary", "-j", ".text"]
    subprocess.run([objcopy, *section, tmp_path / "guard.o", code], check=True)

    assert code.read_bytes() == guard_x86.CODE


@native_only
@given(
    st.integers(0, 200),
    st.lists(
        st.one_of(
            st.tuples(st.just("block"), st.integers(0xF00, 0x1200), st.integers(1, 80)),
            st.tuples(
                st.sampled_from([READ, WRITE]),
                st.integers(0, 0x1200)
                | st.integers(0xFFF0, 0x10010)
                | st.integers(0, (1 << 64) - 1),
                st.sampled_from([1, 2, 4, 8]),
            ),
        ),
        max_size=12,
    ),
)
def test_machine_code_and_python_agree(limit: int, calls: list[tuple[Any, int, int]]):
    guards = [Guard(BOUNDS), Guard(BOUNDS)]
    sides = [Native(guards[0]._state), Python(guards[1]._state)]
    for one, side in zip(guards, sides, strict=True):
        one.limit(limit)
        for kind, address, size in calls:
            if kind == "block":
                side.block(address, size * 4)
            else:
                side.access(kind, address, size)

    assert fields(sides[0].state) == fields(sides[1].state)
    assert sides[0].stopped == sides[1].stopped == guards[0].failed
    if guards[0].failed:
        assert guards[0].explain().args == guards[1].explain().args


SIDES = [Python, pytest.param(Native, marks=native_only)]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("kind", "address", "size", "reason"),
    [
        (READ, 0x1000, 8, None),
        (READ, 0x1002, 2, None),
        (WRITE, 0x0FF8, 8, None),
        (WRITE, 0x1100, 4, None),
        (READ, 0x20, 4, None),
        (READ, 0xFFF8, 8, None),
        (READ, 0x1002, 4, Reason.UNALIGNED),
        (WRITE, 0x2001, 2, Reason.UNALIGNED),
        (READ, 0x1C, 4, Reason.FORBIDDEN_ADDRESS),
        (READ, 0x10000, 1, Reason.FORBIDDEN_ADDRESS),
        (WRITE, (1 << 64) - 8, 8, Reason.FORBIDDEN_ADDRESS),
        (WRITE, 0x1000, 4, Reason.CODE_WRITTEN),
        (WRITE, 0x10FF, 1, Reason.CODE_WRITTEN),
    ],
)
def test_accesses(side: Side, kind: int, address: int, size: int, reason: Reason | None):
    watching = Guard(BOUNDS)
    side(watching._state).access(kind, address, size)

    assert watching.failed == (reason is not None)
    if reason:
        assert watching.explain().reason is reason


@pytest.mark.parametrize("side", SIDES)
def test_a_wide_store_just_below_the_code_may_reach_into_it(side: Side):
    watching = Guard(Bounds(0x1004, 0x100, 0x20, 0x10000))
    side(watching._state).access(WRITE, 0x1000, 8)

    assert watching.explain().reason is Reason.CODE_WRITTEN


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    ("address", "size"),
    [(0x0FFC, 8), (0x1100, 4), (0x10FC, 8), (0x1002, 4), (0, 4), ((1 << 64) - 4, 8)],
)
def test_blocks_outside_the_code(side: Side, address: int, size: int):
    watching = Guard(BOUNDS)
    side(watching._state).block(address, size)

    assert watching.explain().args == (Reason.LEFT_CODE, address)


@pytest.mark.parametrize("side", SIDES)
def test_counting_and_the_limit(side: Side):
    watching = Guard(BOUNDS)
    watching.limit(3)
    running = side(watching._state)

    running.block(0x1000, 8)
    running.block(0x1008, 4)
    assert (watching.instructions, watching.instructions_before) == (3, 2)
    assert not running.stopped

    running.block(0x100C, 4)
    assert running.stopped
    assert watching.explain().args == (Reason.CYCLES, 3)
    assert watching.instructions_before == 3


@pytest.mark.parametrize("side", SIDES)
def test_the_first_failure_is_the_one_that_is_told(side: Side):
    watching = Guard(BOUNDS)
    running = side(watching._state)
    running.block(0x1000, 8)
    running.access(READ, 1, 4)
    running.block(0, 4)

    assert watching.explain().reason is Reason.UNALIGNED
    assert watching.instructions_before == 0


def test_a_limit_beyond_counting_is_no_limit():
    watching = Guard(BOUNDS)
    watching.limit(1 << 63)

    assert watching._state.limit == guard.UNLIMITED


def test_machine_code_is_for_one_platform_only():
    expected = sys.platform == "linux" and platform.machine() == "x86_64"

    assert expected == guard_x86.AVAILABLE
