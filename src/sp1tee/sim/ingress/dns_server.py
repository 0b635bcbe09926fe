"""A resolver of prepared answers, over UDP and TCP (RFC 1035 §4.2)."""

import asyncio
from typing import Final, cast

from sp1tee.sim.ingress.connections import left_alone
from sp1tee.sim.ingress.zone import Zone, answer

_PATIENCE: Final = 30.0


class Resolver:
    """One resolver on one address; UDP and TCP share a port."""

    def __init__(self, tcp: asyncio.Server, udp: asyncio.DatagramTransport) -> None:
        self._tcp = tcp
        self._udp = udp
        self.port: int = tcp.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stop answering."""
        self._udp.close()
        self._tcp.close()


async def serve_dns(zone: Zone, address: str, port: int = 0) -> Resolver:
    """Answer from a zone; port 0 takes any that is free for both."""

    async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_PATIENCE):
            await _exchange(zone, reader, writer)

    tcp = await asyncio.start_server(left_alone(exchange), address, port)
    taken = tcp.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    try:
        udp, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(zone), local_addr=(address, taken)
        )
    except OSError:
        tcp.close()
        raise
    return Resolver(tcp, udp)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, zone: Zone) -> None:
        self._zone = zone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # The loop's transports are no subclasses of what they implement.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        reply = answer(self._zone, data)
        if reply is not None:
            self._transport.sendto(reply, addr)


async def _exchange(zone: Zone, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        size = int.from_bytes(await reader.readexactly(2))
        reply = answer(zone, await reader.readexactly(size))
        if reply is None:
            return
        writer.write(len(reply).to_bytes(2) + reply)
        await writer.drain()
