"""What a servicer may rely on, and what a stock client sees: on h2corn and on grpc.aio alike."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from grpc import StatusCode, aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha._async import ReflectionServicer
from support.rpc_servers import SERVERS

from sp1tee.errors import QuotaExceeded
from sp1tee.wire import retry_hint
from sp1tee.wire.pb import network_pb2_grpc, types_pb2

pytestmark = pytest.mark.anyio

SERVICE = "network.ProverNetwork"

Nonce = types_pb2.GetNonceRequest
Payload = types_pb2.GetProgramRequest
Handler = Callable[[Any, Any], Awaitable[Any]]


@dataclass
class Servicer:
    """Methods that behave as their names say."""

    seen: list[dict[str, str | bytes]] = field(default_factory=list)
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    async def length(self, request: Any, context: Any) -> Any:
        self.seen.append(dict(context.invocation_metadata()))
        return types_pb2.GetNonceResponse(nonce=len(request.address))

    async def echo(self, request: Any, context: Any) -> Any:
        context.set_trailing_metadata((("sp1tee-reason", "none"), ("sp1tee-raw-bin", b"\x00\xff")))
        return types_pb2.GetProgramRequest(vk_hash=request.vk_hash)

    async def refuse(self, request: Any, context: Any) -> Any:
        raise QuotaExceeded("You have 3 requests open.", advice="Wait for one to end.")

    async def abort(self, request: Any, context: Any) -> Any:
        await context.abort(
            StatusCode.FAILED_PRECONDITION, "naïve 100% ✗\n", (("sp1tee-code", "SP1TEE-R008"),)
        )

    async def fail(self, request: Any, context: Any) -> Any:
        raise RuntimeError("the input was 0xdeadbeef")

    async def wait(self, request: Any, context: Any) -> Any:
        self.entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.left.set()

    async def set_code(self, request: Any, context: Any) -> Any:
        context.set_code(StatusCode.NOT_FOUND)
        context.set_details("no such account")
        return types_pb2.GetNonceResponse()

    def register(self, server: Any) -> None:
        handlers = {
            "Length": unary(self.length, Nonce),
            "Echo": unary(self.echo, Payload),
            "Refuse": unary(self.refuse, Nonce),
            "Abort": unary(self.abort, Nonce),
            "Fail": unary(self.fail, Nonce),
            "Wait": unary(self.wait, Nonce),
            "SetCode": unary(self.set_code, Nonce),
        }
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("test.Test", handlers),)
        )
        server.add_registered_method_handlers("test.Test", handlers)


def unary(method: Handler, request: Any) -> Any:
    return grpc.unary_unary_rpc_method_handler(
        method,
        request_deserializer=request.FromString,
        response_serializer=lambda reply: reply.SerializeToString(),
    )


@dataclass
class Served:
    channel: aio.Channel
    servicer: Servicer

    def call(self, method: str, request: Any = b"", **options: Any) -> Any:
        """Start a call; bytes are sent as they are, replies come as bytes."""
        data = request if isinstance(request, bytes) else request.SerializeToString()
        return self.channel.unary_unary(f"/test.Test/{method}")(data, **options)

    async def length(self, payload: bytes, **options: Any) -> int:
        reply = await self.call("Length", Nonce(address=payload), **options)
        return types_pb2.GetNonceResponse.FromString(reply).nonce


@pytest.fixture(params=list(SERVERS))
async def served(request: pytest.FixtureRequest) -> AsyncIterator[Served]:
    servicer = Servicer()

    def register(server: Any) -> None:
        servicer.register(server)
        network_pb2_grpc.add_ProverNetworkServicer_to_server(
            network_pb2_grpc.ProverNetworkServicer(), server
        )
        health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(
            ReflectionServicer([SERVICE]), server
        )

    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    async with (
        SERVERS[request.param](register) as target,
        aio.insecure_channel(target, options=options) as channel,
    ):
        yield Served(channel, servicer)


async def failure(call: Any) -> aio.AioRpcError:
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    return caught.value


@pytest.mark.parametrize("size", [0, 1, 100_000, 3 << 20])
async def test_a_message_of_any_allowed_size_comes_back(served: Served, size: int):
    sent = Payload(vk_hash=bytes(size))
    assert await served.call("Echo", sent) == sent.SerializeToString()


async def test_many_calls_share_one_connection(served: Served):
    lengths = await asyncio.gather(*(served.length(bytes(n)) for n in range(100)))
    assert lengths == list(range(100))


async def test_metadata_of_the_call_reaches_the_servicer(served: Served):
    await served.length(b"", metadata=(("x-text", "plain"), ("x-raw-bin", b"\x00\x01\xff")))
    (seen,) = served.servicer.seen
    assert seen["x-text"] == "plain"
    assert seen["x-raw-bin"] == b"\x00\x01\xff"
    assert "user-agent" in seen


async def test_trailing_metadata_reaches_the_client(served: Served):
    call = served.call("Echo")
    await call
    trailing = dict(await call.trailing_metadata())
    assert trailing["sp1tee-reason"] == "none"
    assert trailing["sp1tee-raw-bin"] == b"\x00\xff"


async def test_a_refusal_becomes_its_status_with_advice_and_code(served: Served):
    error = await failure(served.call("Refuse"))
    assert error.code() is StatusCode.RESOURCE_EXHAUSTED
    assert error.details() == "You have 3 requests open. Wait for one to end."
    trailers = dict(error.trailing_metadata())
    assert trailers["sp1tee-code"] == QuotaExceeded.code
    assert retry_hint.decode_hint(trailers[retry_hint.KEY]) == QuotaExceeded.retry_after_s


async def test_a_refusal_that_stays_has_no_hint_when_to_try_again(served: Served):
    error = await failure(served.call("Abort"))
    assert retry_hint.KEY not in dict(error.trailing_metadata())


async def test_an_abort_becomes_its_status_whatever_letters_it_has(served: Served):
    error = await failure(served.call("Abort"))
    assert error.code() is StatusCode.FAILED_PRECONDITION
    assert error.details() == "naïve 100% ✗\n"
    assert dict(error.trailing_metadata())["sp1tee-code"] == "SP1TEE-R008"


async def test_a_defect_becomes_internal_and_tells_nothing(served: Served):
    error = await failure(served.call("Fail"))
    assert error.code() is StatusCode.INTERNAL
    assert "0xdeadbeef" not in str(error)
    assert "RuntimeError" not in str(error)


async def test_a_code_that_was_set_counts_without_an_exception(served: Served):
    error = await failure(served.call("SetCode"))
    assert error.code() is StatusCode.NOT_FOUND
    assert error.details() == "no such account"


async def test_a_clients_deadline_ends_the_servicers_work(served: Served):
    error = await failure(served.call("Wait", timeout=1.0))
    assert error.code() is StatusCode.DEADLINE_EXCEEDED
    await asyncio.wait_for(served.servicer.left.wait(), 10)


async def test_a_client_that_cancels_ends_the_servicers_work(served: Served):
    call = served.call("Wait")
    await asyncio.wait_for(served.servicer.entered.wait(), 10)
    call.cancel()
    await asyncio.wait_for(served.servicer.left.wait(), 10)


async def test_a_client_that_disconnects_ends_the_servicers_work(served: Served):
    call = served.call("Wait")
    await asyncio.wait_for(served.servicer.entered.wait(), 10)
    await served.channel.close()
    await asyncio.wait_for(served.servicer.left.wait(), 10)
    assert call.cancelled()


async def test_a_message_over_the_limit_is_refused_and_the_connection_goes_on(served: Served):
    error = await failure(served.call("Echo", Payload(vk_hash=bytes(5 << 20))))
    assert error.code() is StatusCode.RESOURCE_EXHAUSTED
    assert await served.length(b"abc") == 3


@pytest.mark.parametrize("message", [b"\xff", b"\x0a\x05abc", b"\x08" + b"\xff" * 11])
async def test_what_is_no_protobuf_is_refused_for_good(served: Served, message: bytes):
    error = await failure(served.call("Length", message))
    assert error.code() is StatusCode.INVALID_ARGUMENT
    assert "SDK" in (error.details() or "")


@pytest.mark.parametrize("path", ["/test.Test/NoSuch", "/no.Such/Length", "/x", "/"])
async def test_an_unknown_method_is_unimplemented(served: Served, path: str):
    error = await failure(served.channel.unary_unary(path)(b""))
    assert error.code() is StatusCode.UNIMPLEMENTED


async def test_a_method_that_a_generated_servicer_leaves_out_is_unimplemented(served: Served):
    stub = network_pb2_grpc.ProverNetworkStub(served.channel)
    error = await failure(stub.GetOwner(types_pb2.GetOwnerRequest()))
    assert error.code() is StatusCode.UNIMPLEMENTED


async def test_a_gzipped_message_is_understood(served: Served):
    assert await served.length(bytes(1000), compression=grpc.Compression.Gzip) == 1000


async def test_a_gzipped_message_may_not_unpack_to_more_than_the_limit(served: Served):
    call = served.call("Echo", Payload(vk_hash=bytes(64 << 20)), compression=grpc.Compression.Gzip)
    error = await failure(call)
    assert error.code() is StatusCode.RESOURCE_EXHAUSTED


async def test_health_can_be_checked(served: Served):
    stub = health_pb2_grpc.HealthStub(served.channel)
    reply = await stub.Check(health_pb2.HealthCheckRequest())
    assert reply.status == health_pb2.HealthCheckResponse.SERVING
    error = await failure(stub.Check(health_pb2.HealthCheckRequest(service="no.Such")))
    assert error.code() is StatusCode.NOT_FOUND


async def test_health_can_be_watched(served: Served):
    watch = health_pb2_grpc.HealthStub(served.channel).Watch(health_pb2.HealthCheckRequest())
    first = await anext(aiter(watch))
    assert first.status == health_pb2.HealthCheckResponse.SERVING
    watch.cancel()


async def test_services_can_be_listed_by_reflection(served: Served):
    stub = reflection_pb2_grpc.ServerReflectionStub(served.channel)
    asked = reflection_pb2.ServerReflectionRequest(list_services="")

    async def ask() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        yield asked
        yield asked

    replies = [reply async for reply in stub.ServerReflectionInfo(ask())]
    assert len(replies) == 2
    assert [s.name for s in replies[0].list_services_response.service] == [SERVICE]
