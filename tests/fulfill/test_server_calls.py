"""A worker's calls to its server, when what comes back is no answer."""

import grpc
import pytest
from grpc import aio

from sp1tee.errors import ServerAway
from sp1tee.fulfill.endpoint import Endpoint
from sp1tee.fulfill.server import Server

pytestmark = pytest.mark.anyio


async def garbage(request: bytes, context: object) -> bytes:
    return b"\xff\xff\xff"


async def test_an_answer_that_cannot_be_read_is_a_server_that_is_away() -> None:
    peer = aio.server()
    handler = grpc.unary_unary_rpc_method_handler(garbage)
    calls = grpc.method_handlers_generic_handler("sp1tee.worker.v1.Workers", {"Lease": handler})
    peer.add_generic_rpc_handlers((calls,))
    port = peer.add_insecure_port("127.0.0.1:0")
    await peer.start()
    endpoint = Endpoint.of(f"http://127.0.0.1:{port}", "token")
    async with endpoint.aio_channel() as channel:
        with pytest.raises(ServerAway, match="cannot be read"):
            await Server(channel, endpoint, "worker").lease([], 0)
    await peer.stop(None)
