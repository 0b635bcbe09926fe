"""Reading, writing and waiting on non-blocking descriptors in an event loop.

What passes here is a few messages and then nothing: streams and transports, made for connections
that last, would cost more than they carry.
"""

import asyncio
import os
import select
from typing import Final

_CHUNK: Final = 1 << 20


async def readable(descriptor: int) -> None:
    """Wait until there is something to read, or the end; on a pidfd, the end of the process."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(descriptor)


async def writable(descriptor: int) -> None:
    """Wait until something can be written, or nobody reads it any more."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(descriptor, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(descriptor)


def is_readable(descriptor: int) -> bool:
    """Whether `readable` would return at once."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


async def read_exactly(descriptor: int, size: int) -> bytes:
    """Read exactly so many bytes.

    Raises:
        EOFError: there are fewer.
    """
    data = bytearray()
    while len(data) < size:
        try:
            part = os.read(descriptor, min(size - len(data), _CHUNK))
        except BlockingIOError:
            await readable(descriptor)
            continue
        if not part:
            raise EOFError
        data += part
    return bytes(data)


async def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`.

    Raises:
        BrokenPipeError: nobody reads it.
    """
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view[:_CHUNK]) :]
        except BlockingIOError:
            await writable(descriptor)
