"""What a process forked for one guest does: confine itself, run the guest, answer, exit.

See `sp1tee.fulfill.executors.frames` for the bytes.
"""

import os
from typing import Final, NoReturn

from sp1tee.errors import ElfError
from sp1tee.fulfill.executors import elf, frames, machine, sandbox

_STDIN, _STDOUT = 0, 1
_CHUNK: Final = 1 << 20


def main(server: int, stdin: int, stdout: int) -> NoReturn:
    """Run one guest in this process, just forked from `server`, and exit."""
    try:
        sandbox.die_with(server)
        _keep_only(stdin, stdout)
        allowance = frames.read_allowance(_read)
        sandbox.confine_guest(allowance.address_space, allowance.cpu_seconds)
        _write(frames.READY)
        _write(frames.encode_result(_run()))
        os._exit(0)  # nothing is left to be flushed, and a guest's memory need not be freed
    finally:
        os._exit(1)  # whatever happened, nothing of the server's code may go on here


def _keep_only(stdin: int, stdout: int) -> None:
    for source, target in ((stdin, _STDIN), (stdout, _STDOUT)):
        os.dup2(source, target, inheritable=False)  # the first replaces the server's socket
        os.close(source)


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
