"""What only the bridge itself can be asked: raw frames, draining, replies without trailers."""

import asyncio
from collections.abc import Iterable
from typing import Any

import grpc
import pytest
from grpc import StatusCode
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health import aio as health
from structlog.testing import capture_logs

from sp1tee.serve.bridge import GrpcBridge
from sp1tee.serve.framing import frame
from sp1tee.serve.gate import Gate

pytestmark = pytest.mark.anyio

WAIT = "/test.Test/Wait"
ECHO = "/test.Test/Echo"


class Client:
    """An HTTP server's side of one request: gives the body's pieces, keeps what is sent."""

    def __init__(self, path: str, body: Iterable[bytes] = (), **extra: Any) -> None:
        self.scope = {
            "type": "http",
            "path": path,
            "headers": [(b"content-type", b"application/grpc"), (b"te", b"trailers")],
            "extensions": {"http.response.trailers": {}},
            **extra,
        }
        self.pieces = list(body)
        self.sent: list[Any] = []
        self.answered = asyncio.Event()

    async def receive(self) -> Any:
        if not self.pieces:
            return {"type": "http.disconnect"}
        piece = self.pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(self.pieces)}

    async def send(self, event: Any) -> None:
        self.sent.append(event)
        self.answered.set()

    async def call(self, bridge: GrpcBridge) -> dict[bytes, bytes]:
        """Make the call; return the trailers."""
        await bridge(self.scope, self.receive, self.send)
        return dict(self.sent[-1].get("headers", ())) if self.sent else {}


class Handlers:
    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.let_go = asyncio.Event()
        self.contexts: list[Any] = []

    async def wait(self, request: bytes, context: Any) -> bytes:
        self.contexts.append(context)
        self.entered.set()
        await self.let_go.wait()
        return b"done"

    async def echo(self, request: bytes, context: Any) -> bytes:
        return request


@pytest.fixture
def handlers() -> Handlers:
    return Handlers()


def bridge_of(handlers: Handlers, **options: Any) -> GrpcBridge:
    bridge = GrpcBridge(**options)
    methods = {
        "Wait": grpc.unary_unary_rpc_method_handler(handlers.wait),
        "Echo": grpc.unary_unary_rpc_method_handler(handlers.echo),
    }
    bridge.add_registered_method_handlers("test.Test", methods)
    health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), bridge)
    return bridge


async def test_a_reply_is_headers_one_body_and_trailers(handlers: Handlers):
    client = Client(ECHO, [frame(b"abc")])
    trailers = await client.call(bridge_of(handlers))
    assert [event["type"] for event in client.sent] == [
        "http.response.start",
        "http.response.body",
        "http.response.trailers",
    ]
    assert client.sent[1]["body"] == frame(b"abc")
    assert trailers == {b"grpc-status": b"0"}


async def test_an_error_too_has_headers_an_empty_body_and_trailers(handlers: Handlers):
    client = Client("/no.Such/Method", [frame(b"")])
    trailers = await client.call(bridge_of(handlers))
    assert client.sent[0]["status"] == 200
    assert not client.sent[1].get("body")
    assert trailers[b"grpc-status"] == b"12"


async def test_a_call_is_turned_away_when_its_message_is_there(handlers: Handlers):
    """Through nginx, who is reset while sending gets INTERNAL, which SDKs repeat for two minutes."""
    client = Client("/no.Such/Method", [frame(bytes(1000))[:500], frame(bytes(1000))[500:]])
    trailers = await client.call(bridge_of(handlers))
    assert trailers[b"grpc-status"] == b"12"
    assert client.pieces == []


@pytest.mark.parametrize("cut", range(1, 8))
async def test_a_message_may_come_in_any_pieces(handlers: Handlers, cut: int):
    whole = frame(b"abc")
    client = Client(ECHO, [whole[:cut], b"", whole[cut:], b""])
    await client.call(bridge_of(handlers))
    assert client.sent[1]["body"] == whole


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ([b""], b"12"),
        ([b"\0\0"], b"13"),
        ([frame(b"abc")[:6]], b"13"),
        ([frame(b"a") + frame(b"b")], b"12"),
        ([b"\1" + frame(b"abc")[1:]], b"13"),
    ],
)
async def test_a_broken_body_ends_with_a_status_and_a_text(
    handlers: Handlers, pieces: list[bytes], status: bytes
):
    trailers = await Client(ECHO, pieces).call(bridge_of(handlers))
    assert trailers[b"grpc-status"] == status
    assert trailers[b"grpc-message"]


async def test_a_body_over_the_limit_is_not_read_to_its_end(handlers: Handlers):
    client = Client(ECHO, [frame(bytes(100_000))[:5], *([bytes(1000)] * 100)])
    trailers = await client.call(bridge_of(handlers, limit=5000))
    assert trailers[b"grpc-status"] == b"8"
    assert len(client.pieces) > 90


async def test_limits_can_differ_by_method(handlers: Handlers):
    bridge = bridge_of(handlers, limit=10, limits={ECHO: 1000})
    assert (await Client(ECHO, [frame(bytes(1000))]).call(bridge))[b"grpc-status"] == b"0"
    assert (await Client(WAIT, [frame(bytes(11))]).call(bridge))[b"grpc-status"] == b"8"


async def test_a_client_that_leaves_while_it_sends_gets_no_reply(handlers: Handlers):
    client = Client(ECHO, [])
    assert await client.call(bridge_of(handlers)) == {}


@pytest.mark.parametrize("sent", [0, 1])
async def test_a_stream_whose_client_has_gone_is_cancelled_and_no_error_of_ours(
    handlers: Handlers, sent: int
):
    class Leaver(Client):
        async def send(self, event: Any) -> None:
            if len(self.sent) == sent:
                raise RuntimeError("The stream is closed.")
            await super().send(event)

    ended: list[StatusCode] = []
    bridge = bridge_of(handlers, observe=lambda _path, code, _seconds: ended.append(code))
    client = Leaver("/grpc.health.v1.Health/Watch", [frame(b"")])
    with capture_logs() as lines:
        await client.call(bridge)
    assert ended == [StatusCode.CANCELLED]
    assert {line["log_level"] for line in lines} == {"info"}


async def test_a_request_without_te_trailers_is_told_in_its_headers(handlers: Handlers):
    client = Client(ECHO, [frame(b"")], extensions={})
    await client.call(bridge_of(handlers))
    headers = dict(client.sent[0]["headers"])
    assert headers[b"grpc-status"] == b"13"
    assert b"te: trailers" in headers[b"grpc-message"]
    assert client.sent[-1]["type"] == "http.response.body"


async def test_every_call_is_observed_with_its_status(handlers: Handlers):
    seen: list[tuple[str, StatusCode]] = []
    bridge = bridge_of(handlers, observe=lambda path, code, _seconds: seen.append((path, code)))
    await Client(ECHO, [frame(b"")]).call(bridge)
    await Client(ECHO, [b"\0"]).call(bridge)
    await Client(ECHO, []).call(bridge)
    assert seen == [
        (ECHO, StatusCode.OK),
        (ECHO, StatusCode.INTERNAL),
        (ECHO, StatusCode.CANCELLED),
    ]


async def test_a_cancelled_call_tells_who_asked_and_counts_as_cancelled(handlers: Handlers):
    seen: list[StatusCode] = []
    bridge = bridge_of(handlers, observe=lambda _path, code, _seconds: seen.append(code))
    task = asyncio.ensure_future(Client(WAIT, [frame(b"")]).call(bridge))
    await handlers.entered.wait()
    told: list[bool] = []
    (context,) = handlers.contexts
    context.add_done_callback(lambda context: told.append(context.cancelled()))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == [True]
    assert seen == [StatusCode.CANCELLED]


async def test_while_draining_calls_in_flight_end_well_and_new_ones_are_unavailable(
    handlers: Handlers,
):
    gate = Gate()
    bridge = bridge_of(handlers, gate=gate)
    first = asyncio.ensure_future(Client(WAIT, [frame(b"")]).call(bridge))
    await handlers.entered.wait()
    gate.close()
    drained = asyncio.ensure_future(gate.emptied())
    assert (await Client(ECHO, [frame(b"")]).call(bridge))[b"grpc-status"] == b"14"
    assert not drained.done()
    handlers.let_go.set()
    assert (await first)[b"grpc-status"] == b"0"
    await drained


async def test_streams_end_at_once_when_told_to(handlers: Handlers):
    bridge = bridge_of(handlers)
    client = Client("/grpc.health.v1.Health/Watch", [frame(b"")])
    watch = asyncio.ensure_future(client.call(bridge))
    await client.answered.wait()
    bridge.end_streams()
    assert (await watch)[b"grpc-status"] == b"14"
    late = Client("/grpc.health.v1.Health/Watch", [frame(b"")])
    assert (await late.call(bridge))[b"grpc-status"] == b"14"


async def test_a_gate_that_nobody_is_in_is_empty_once_closed():
    gate = Gate()
    gate.close()
    await gate.emptied()
    assert not gate.enter()
