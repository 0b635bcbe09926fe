"""The process that runs one guest and exits: ``python -I -m sp1tee.fulfill.executors.child PID``.

It loads everything first, confines itself (`sandbox`), says that it is ready, reads one job from
its standard input, runs it, writes one result to its standard output and exits. `PID` is the
process that must be its parent. See `sp1tee.fulfill.executors.frames` for the bytes.
"""

import os
import sys
from typing import Final

from sp1tee.errors import ElfError
from sp1tee.fulfill.executors import elf, frames, machine, sandbox

_STDIN, _STDOUT = 0, 1
_CHUNK: Final = 1 << 20


def main() -> None:
    """Run one guest."""
    machine.warm_up()
    sandbox.confine(int(sys.argv[1]))
    _write(frames.READY)
    _write(frames.encode_result(_run()))
    os._exit(0)  # nothing is left to be flushed, and a guest's memory need not be freed


def _run() -> frames.Result:
    try:
        job = frames.read_job(_read)
        image = elf.load(job.elf, job.family)
        return machine.run(image, job.stdin, machine.Budget(job.cycles, job.memory_bytes))
    except ElfError as error:
        return frames.Refused(error.message)
    except MemoryError:
        return frames.OutOfMemory()


def _read(size: int) -> bytes:
    """Read exactly so many bytes of standard input; end quietly where it ends early."""
    data = bytearray()
    while len(data) < size:
        part = os.read(_STDIN, min(size - len(data), _CHUNK))
        if not part:
            os._exit(0)
        data += part
    return bytes(data)


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(_STDOUT, view) :]


if __name__ == "__main__":
    main()
