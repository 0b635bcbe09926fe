"""What callers of the HTTP client see of connections that end before they are used."""

import asyncio
import socket
import struct
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeAlias

import httpx
import pytest
import uvloop

from sp1tee.http_client import HttpClient

Run: TypeAlias = Callable[[Coroutine[Any, Any, None]], None]
RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing resets the connection."""


@pytest.mark.parametrize("run", [uvloop.run, asyncio.run], ids=["uvloop", "asyncio"])
def test_a_connection_that_is_reset_as_it_is_made_is_the_transport_s_failure(run: Run) -> None:
    with ThreadPoolExecutor(1) as apart, pytest.raises(httpx.NetworkError):
        apart.submit(run, asked_for_nothing()).result()


@pytest.mark.anyio
async def test_what_else_goes_wrong_is_not_taken_for_that() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        return request.peer  # type: ignore[attr-defined,no-any-return]

    async with HttpClient(transport=httpx.MockTransport(handle)) as client:
        with pytest.raises(AttributeError, match="peer"):
            await client.get("http://127.0.0.1")


async def asked_for_nothing() -> None:
    """Ask a listener that resets a connection in the moment in which the client has it."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)

        def reset() -> None:
            accepted, _ = listener.accept()
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            # Not before this turn of the loop has told the client that it is connected.
            loop.call_soon(accepted.close)

        loop.add_reader(listener, reset)
        try:
            async with HttpClient(trust_env=False) as client:
                await client.get(f"http://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            loop.remove_reader(listener)
