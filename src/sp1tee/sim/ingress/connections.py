"""How a connection ends, whatever happened on it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

Exchange = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def left_alone(exchange: Exchange) -> Exchange:
    """Serve a connection so that whoever hangs up or lingers on it is simply left.

    A cancellation ends here too: the task is over, and asyncio's own callback takes a cancelled
    one for a fault.
    """

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, EOFError, asyncio.CancelledError):
            await exchange(reader, writer)
        writer.close()

    return connected
