"""A TCP proxy that delivers every byte a fixed time later, in both directions.

No loss and no slow start: it isolates what a window does over distance. Needs no privileges.
"""

import asyncio
import json
import socket
import sys

import uvloop

BUFFER = 64 << 20


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    """Copy, `delay` seconds late, with a bounded amount in flight."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    room = asyncio.Semaphore(BUFFER >> 16)

    async def deliver() -> None:
        while True:
            due, data = await queue.get()
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            if not data:
                writer.write_eof()
                return
            writer.write(data)
            await writer.drain()
            room.release()

    delivery = asyncio.create_task(deliver())
    try:
        while data := await reader.read(1 << 16):
            await room.acquire()
            queue.put_nowait((loop.time() + delay, data))
        queue.put_nowait((loop.time() + delay, b""))
        await delivery
    except (ConnectionError, OSError):
        delivery.cancel()
        writer.close()


async def serve(target: str, delay: float) -> None:
    host, port = target.rsplit(":", 1)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(delay * 2)  # the handshake's round trip
        far_reader, far_writer = await asyncio.open_connection(host, int(port), limit=1 << 20)
        for end in (writer, far_writer):
            end.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            end.transport.set_write_buffer_limits(BUFFER)
        await asyncio.gather(
            pump(reader, far_writer, delay), pump(far_reader, writer, delay), return_exceptions=True
        )
        writer.close()
        far_writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=1 << 20)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], float(sys.argv[2]) / 1000))
