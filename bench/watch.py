"""What a process and its children use while something is measured: memory at the peak, and CPU."""

import threading
from types import TracebackType
from typing import Self

import psutil

EVERY_S = 0.5
GB = 1e9


class Watch:
    """Looks twice a second, for as long as the context lasts.

    Memory is what is resident and private, of all processes, and the largest share of any that is
    shared between them, so that what two of them map is not counted twice. Unlike proportional
    sizes it can be read of processes that keep others from looking into them, and costs nothing.

    Attributes:
        peak_gb: the most memory at one time.
        cpu_s: user and system time; also of children that have ended and were waited for.
    """

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.peak_gb = 0.0
        self.cpu_s = 0.0

    def __enter__(self) -> Self:
        self._before = self._cpu()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self.cpu_s = self._cpu() - self._before

    def until_quiet(self, busy_s: float, quiet_s: float) -> float:
        """Wait until nothing is computed for `quiet_s`, after at least `busy_s` of CPU were used.

        Returns:
            For how many seconds nothing had been computed then.
        """
        waited = 0.0
        last = self._cpu()
        while waited < quiet_s:
            self._over.wait(EVERY_S)
            now = self._cpu()
            waited = waited + EVERY_S if now - last < EVERY_S / 10 else 0.0
            waited = waited if now - self._before >= busy_s else 0.0
            last = now
        return waited

    def _look(self) -> None:
        while not self._over.wait(EVERY_S):
            self.peak_gb = max(self.peak_gb, self._memory() / GB)

    def _memory(self) -> int:
        private, shared = 0, 0
        for process in self._family():
            try:
                memory = process.memory_info()
            except psutil.Error:
                continue
            private += memory.rss - memory.shared
            shared = max(shared, memory.shared)
        return private + shared

    def _cpu(self) -> float:
        seconds = 0.0
        for process in self._family():
            try:
                seconds += sum(process.cpu_times()[:4])
            except psutil.Error:
                continue
        return seconds

    def _family(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            return []
