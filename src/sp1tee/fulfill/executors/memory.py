"""A guest's memory on a unicorn engine: mapped when first touched, under a cap.

All memory reads as zero until it is written, as in SP1. Pieces are mapped in growing size, because
an engine gets slower with every piece: 1 MiB at first, later an eighth of what is mapped already.
What counts against the cap is what is mapped; the host provides pages only for what is touched.
"""

from bisect import bisect_right, insort
from collections.abc import Iterator
from typing import Final

from unicorn.unicorn_const import (
    UC_HOOK_MEM_READ_UNMAPPED,
    UC_HOOK_MEM_WRITE,
    UC_HOOK_MEM_WRITE_UNMAPPED,
)

from sp1tee.fulfill.executors.elf import Image
from sp1tee.fulfill.executors.engine import Uc, UcError
from sp1tee.fulfill.executors.outcome import Reason, Trap, trap

_PAGE: Final = 4096
_SMALLEST: Final = 1 << 20
_GROWTH: Final = 8


class Memory:
    """The memory of one guest.

    `failure` is set where the engine asked for memory that the guest cannot have; the engine then
    stops with an error of its own.
    """

    def __init__(self, uc: Uc, image: Image, cap: int) -> None:
        self.failure: Trap | None = None
        self._uc = uc
        self._space = image.space
        self._cap = cap
        self._mapped = 0
        self._pieces: list[tuple[int, int]] = []  # start and end, ascending
        self._code = (image.code_address, image.code_address + len(image.code))
        self._taken = [(s.address, s.address + s.size) for s in image.segments if s.size]
        self._undo: dict[int, bytes] = {}
        self._undo_hook: int | None = None
        for segment in image.segments:
            self._put(segment.address, segment.data)
        uc.hook_add(UC_HOOK_MEM_READ_UNMAPPED | UC_HOOK_MEM_WRITE_UNMAPPED, self._touch)

    def read(self, address: int, size: int) -> bytes:
        """Read bytes, zeros where nothing is mapped; maps nothing.

        Raises:
            Trap: they lie outside the guest's space.
        """
        self._require(address, size)
        return self._peek(address, size)

    def write(self, address: int, data: bytes) -> None:
        """Write bytes, mapping what is needed.

        Raises:
            Trap: they lie outside the guest's space or on its code, or do not fit into the cap.
        """
        self._require(address, len(data))
        start, end = self._code
        if data and address < end and start < address + len(data):
            trap(Reason.CODE_WRITTEN, address)
        self._put(address, data)

    def _put(self, address: int, data: bytes) -> None:
        position, end = address, address + len(data)
        while position < end:
            _, piece_end = self._piece_at(position) or self._map(position)
            part = data[position - address : piece_end - address]
            self._uc.mem_write(position, part)
            position += len(part)

    def take_fresh(self, address: int, data: bytes, *, zeros_behind: int) -> None:
        """Write a hint, which SP1 takes only into memory that is neither loaded nor used.

        SP1 clears so many bytes behind it, which must not be in use either. A use that left only
        zeros is not noticed.

        Raises:
            Trap: the memory is in use, or as for `write`.
        """
        end = address + len(data)
        where = bisect_right(self._taken, (address, end))
        neighbours = self._taken[max(where - 1, 0) : where + 1]
        taken = any(low < end and address < high for low, high in neighbours)
        found = self.read(address, len(data) + zeros_behind)
        if taken or found.count(0) < len(found):
            trap(Reason.HINT_TARGET, address)
        self.write(address, data)
        if data:
            insort(self._taken, (address, end))

    def begin_undo(self) -> None:
        """From now on, remember what memory was before it is changed."""
        self._undo = {}
        self._undo_hook = self._uc.hook_add(UC_HOOK_MEM_WRITE, self._remember)

    def roll_back(self) -> None:
        """Bring memory back to what it was at `begin_undo`."""
        if self._undo_hook is not None:
            self._uc.hook_del(self._undo_hook)
        self._undo_hook = None
        for page, content in self._undo.items():
            self._uc.mem_write(page, content)
        self._undo = {}

    def _require(self, address: int, size: int) -> None:
        space = self._space
        if size and not (space.low <= address and address + size <= space.high):
            trap(Reason.FORBIDDEN_ADDRESS, address)

    def _touch(self, uc: Uc, _access: int, address: int, size: int, _value: int, _: object) -> bool:
        """Map what the guest touches for the first time; false stops the engine."""
        try:
            self._require(address, size)
            self._map(address)
        except Trap as error:
            self.failure = self.failure or error
            uc.emu_stop()
            return False
        return True

    def _remember(
        self, _uc: Uc, _access: int, address: int, _size: int, _value: int, _: object
    ) -> None:
        page = address & -_PAGE
        if page not in self._undo:
            self._undo[page] = self._peek(page, _PAGE)

    def _peek(self, address: int, size: int) -> bytes:
        result = bytearray(size)
        for start, end in self._overlaps(address, address + size):
            low, high = max(start, address), min(end, address + size)
            result[low - address : high - address] = self._uc.mem_read(low, high - low)
        return bytes(result)

    def _piece_at(self, address: int) -> tuple[int, int] | None:
        return next(self._overlaps(address, address + 1), None)

    def _overlaps(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        first = max(bisect_right(self._pieces, (low, high)) - 1, 0)
        for start, end in self._pieces[first:]:
            if start >= high:
                return
            if end > low:
                yield start, end

    def _map(self, address: int) -> tuple[int, int]:
        size = max(_SMALLEST, 1 << (self._mapped // _GROWTH).bit_length())
        while size > max(self._cap - self._mapped, _PAGE - 1):
            size //= 2
        if size < _PAGE:
            trap(Reason.MEMORY, self._cap)
        start, end = self._between_neighbours(address, size)
        try:
            self._uc.mem_map(start, end - start)
        except UcError:
            trap(Reason.MEMORY, self._cap)
        self._mapped += end - start
        insort(self._pieces, (start, end))
        return start, end

    def _between_neighbours(self, address: int, size: int) -> tuple[int, int]:
        """Cut the aligned block around an address down to what is not mapped yet."""
        start = address & -size
        end = start + size
        for piece_start, piece_end in self._overlaps(start, end):
            if piece_end <= address:
                start = max(start, piece_end)
            else:
                end = min(end, piece_start)
        return start, end
