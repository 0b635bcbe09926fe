"""What SP1's native programs find on this machine: shared memory, a place to unpack to, a GPU.

Looked at only where such a program is used.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sp1tee.errors import NativeGone
from sp1tee.fulfill.check import Check
from sp1tee.fulfill.executors import Executor
from sp1tee.fulfill.provers.sp1_look import WRAPPING_MEMORY
from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.native.gpus import gpus
from sp1tee.native.preflight import missing_circuits
from sp1tee.native.programs import GPU_SERVER, PROVER, NativeProgram, find_program, find_verifier
from sp1tee.wire.versions import Family, latest

_GIB: Final = 1 << 30
# Runs share a guest's memory and its trace with their provers; Docker gives 64 MiB.
_SHARED: Final = _GIB
# SP1's GPU prover refuses to start on less than 24 GiB, of which it leaves 4 to others.
_GPU_MEMORY: Final = 20 * _GIB


@dataclass(frozen=True, slots=True)
class Places:
    """Where it is looked, for tests to be elsewhere."""

    shared: Path = Path("/dev/shm")  # noqa: S108 - nothing is written there
    driver: Path = Path("/proc/driver/nvidia/version")
    smi: str = "nvidia-smi"


def check_surroundings(
    settings: FulfillSettings, executor: Executor, places: Places | None = None
) -> list[Check]:
    """Look at what the native programs need that these settings use. Blocks for a second."""
    return list(_checks(settings, executor, places or Places()))


def _checks(settings: FulfillSettings, executor: Executor, places: Places) -> Iterator[Check]:
    proving = settings.prover == "sp1"
    if executor.verifies or proving:
        yield _check_shared(places.shared)
        yield _check_temporary()
    if not executor.verifies:
        yield _check_program(proving=proving)
    if proving and settings.sp1_socket is None and _is_gpu_server(settings.sp1_program):
        yield _check_driver(places.driver)
        yield _check_gpu(places.smi, settings)
        yield _check_circuits()


def _check_program(*, proving: bool) -> Check:
    """Say what is lost without ``sp1tee-prover``, or that it is not what runs programs."""
    found = find_verifier()
    if found is not None:
        text = f"SP1 {found.sp1_version}, at {found.path}; the emulator was chosen to run programs."
        return Check(PROVER, ok=True, text=text)
    return Check(
        PROVER,
        ok=not proving,
        text="Not found: an emulator runs programs, which knows few precompiles and no gas, and "
        "real proofs are handed in unverified.",
        advice="Build it (`just native`) and name it in SP1TEE_PROVER.",
        needed=False,
    )


def _check_shared(folder: Path) -> Check:
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        text = f"There is no shared memory at {folder}, where SP1 puts what programs work on."
        return Check("shared memory", ok=False, text=text, advice=f"Mount a tmpfs at {folder}.")
    return Check(
        "shared memory",
        ok=usage.free >= _SHARED,
        text=f"{usage.free / _GIB:.1f} of {usage.total / _GIB:.1f} GiB free at {folder}.",
        advice="Give it 1 GiB at least, and as much as programs use memory (docker: --shm-size).",
        needed=False,
    )


def _check_temporary() -> Check:
    folder = tempfile.gettempdir()
    if os.statvfs(folder).f_flag & os.ST_NOEXEC:
        return Check(
            "temporary files",
            ok=False,
            text=f"{folder} allows no programs (noexec), and SP1 unpacks one there.",
            advice="Set TMPDIR to a folder that allows them.",
        )
    return Check("temporary files", ok=True, text=f"{folder} allows programs.")


def _is_gpu_server(named: Path | None) -> bool:
    """Tell whether SP1's GPU server makes the proofs; what is wrong with it, its check says."""
    path = find_program(named)
    try:
        return path is not None and NativeProgram.at(path).gpu
    except NativeGone:
        return path is not None and path.name == GPU_SERVER


def _check_driver(path: Path) -> Check:
    try:
        first = path.read_text(errors="replace").splitlines()[0]
    except (OSError, IndexError):
        text = f"There is no NVIDIA driver, which {GPU_SERVER} needs."
        advice = "Install it, and give the container the device (docker: --gpus all)."
        return Check("driver", ok=False, text=text, advice=advice)
    return Check("driver", ok=True, text=first.removeprefix("NVRM version: ").strip())


def _check_gpu(smi: str, settings: FulfillSettings) -> Check:
    found = gpus(smi)
    if not found:
        return Check(
            "GPU",
            ok=False,
            text="nvidia-smi names no GPU, so its memory is not known.",
            advice="Run nvidia-smi: it says why.",
            needed=False,
        )
    named = ", ".join(f"{gpu.name} with {gpu.memory / _GIB:.0f} GiB" for gpu in found)
    least = min(gpu.memory for gpu in found)
    wraps = settings.sp1_modes is not None or least >= WRAPPING_MEMORY
    return Check(
        "GPU",
        ok=least >= _GPU_MEMORY,
        text=f"{named}." if wraps else f"{named}; those of less than 40 GB make no PLONK, Groth16.",
        advice=f"{GPU_SERVER} takes no GPU of less than 20 GiB.",
        needed=False,
    )


def _check_circuits() -> Check:
    missing = missing_circuits(latest(Family.V6).circuit)
    return Check(
        "circuits",
        ok=not missing,
        text=f"Missing for {', '.join(map(str, missing))}: gigabytes are downloaded at the first "
        "such proof."
        if missing
        else "Here for PLONK and Groth16.",
        advice="Fetch them before, into SP1_GROTH16_CIRCUIT_PATH and SP1_PLONK_CIRCUIT_PATH.",
        needed=False,
    )
