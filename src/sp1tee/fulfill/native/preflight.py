"""What may keep a native prover from working here, looked at when it did not start."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

# SP1's executor hands traces to the prover in shared memory, some 1.4 GiB at its default settings.
_SHARED: Final = 1 << 30


def obstacles(
    shared: Path = Path("/dev/shm"),  # noqa: S108 - nothing is written there
    driver: Path = Path("/proc/driver/nvidia/version"),
) -> Iterator[str]:
    """Say what this machine lacks, a sentence each; not all of it is needed by every prover."""
    if not driver.exists():
        yield "There is no NVIDIA driver, which sp1-gpu-server needs."
    if not shared.is_dir():
        yield f"There is no shared memory at {shared}, which provers need."
    elif shutil.disk_usage(shared).free < _SHARED:
        yield f"{shared} has less than 1 GiB free, which provers need (docker: --shm-size)."
    folder = tempfile.gettempdir()
    if os.statvfs(folder).f_flag & os.ST_NOEXEC:
        yield f"{folder} allows no programs, and provers unpack one there; set TMPDIR."
