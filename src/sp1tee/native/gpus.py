"""The GPUs of this machine, as NVIDIA's own tool tells of them."""

import subprocess
from dataclasses import dataclass
from typing import Final

_ASK_SECONDS: Final = 20.0
_QUESTION: Final = ("--query-gpu=name,memory.total", "--format=csv,noheader,nounits")


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU.

    Attributes:
        name: the model.
        memory: all of it, in bytes.
    """

    name: str
    memory: int


def gpus(smi: str = "nvidia-smi") -> tuple[Gpu, ...]:
    """Return the GPUs in the order of their numbers; none where the tool is not or does not work.

    Blocks for a second.
    """
    try:
        said = subprocess.run(  # noqa: S603 - NVIDIA's tool, without anybody's words
            [smi, *_QUESTION],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=_ASK_SECONDS,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ()
    rows = (line.rpartition(",") for line in said.splitlines())
    return tuple(
        Gpu(name.strip(), int(size) << 20)
        for name, _, size in rows
        if size.strip().isascii() and size.strip().isdigit()
    )


def memory_of(number: int) -> int | None:
    """Return a GPU's memory in bytes; None if it is not known."""
    found = gpus()
    return found[number].memory if number < len(found) else None
