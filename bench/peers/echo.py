"""A bare `grpc.aio` server that answers every call with the same bytes: the usual stack."""

import asyncio
import json
import sys

import grpc
import grpc.aio


class Echo(grpc.GenericRpcHandler):
    def __init__(self, answer: bytes) -> None:
        self._handler = grpc.unary_unary_rpc_method_handler(self._reply)
        self._answer = answer

    def service(self, _details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return self._handler

    async def _reply(self, _request: bytes, _context: grpc.aio.ServicerContext) -> bytes:
        return self._answer


async def main(size: int) -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Echo(bytes(size)),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(json.dumps({"port": port}), flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
