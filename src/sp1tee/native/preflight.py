"""What may keep a native prover from working here."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from sp1tee.wire.modes import Mode

# SP1's executor hands traces to the prover in shared memory, some 1.4 GiB at its default settings.
_SHARED: Final = 1 << 30


def obstacles(
    shared: Path = Path("/dev/shm"),  # noqa: S108 - nothing is written there
    driver: Path = Path("/proc/driver/nvidia/version"),
) -> Iterator[str]:
    """Say what this machine lacks, a sentence each; asked when a prover did not start.

    Not all of it is needed by every prover.
    """
    if not driver.exists():
        yield "There is no NVIDIA driver, which sp1-gpu-server needs."
    if not shared.is_dir():
        yield f"There is no shared memory at {shared}, which provers need."
    elif shutil.disk_usage(shared).free < _SHARED:
        yield f"{shared} has less than 1 GiB free, which provers need (docker: --shm-size)."
    folder = tempfile.gettempdir()
    if os.statvfs(folder).f_flag & os.ST_NOEXEC:
        yield f"{folder} allows no programs, and provers unpack one there; set TMPDIR."


def missing_circuits(circuit: str, environment: Mapping[str, str] = os.environ) -> tuple[Mode, ...]:
    """Return the modes for which SP1's GPU server would first download circuits.

    It looks in SP1_GROTH16_CIRCUIT_PATH and SP1_PLONK_CIRCUIT_PATH, or below ~/.sp1, for a folder
    named as the circuit version.
    """
    return tuple(
        mode
        for mode in (Mode.GROTH16, Mode.PLONK)
        if not (_circuits(mode, environment) / circuit).is_dir()
    )


def _circuits(mode: Mode, environment: Mapping[str, str]) -> Path:
    named = environment.get(f"SP1_{mode.name}_CIRCUIT_PATH")
    return Path(named) if named else Path.home() / ".sp1" / "circuits" / str(mode)
