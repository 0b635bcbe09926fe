"""One port for gRPC and HTTP: addresses, and requests that are neither."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from grpc import StatusCode, aio
from support.running import Running, running

from sp1tee.errors import ListenError
from sp1tee.serve.http import Receive, Scope, Send
from sp1tee.serve.listener import Listener, Policy, bind, url_of
from sp1tee.wire.pb import types_pb2

pytestmark = pytest.mark.anyio

NONCE = "/network.ProverNetwork/GetNonce"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as server:
        yield server


async def say(served: Running, *lines: str, body: bytes = b"") -> bytes:
    """Send an HTTP/1.1 request as it is; return all that comes back."""
    host, _, port = served.server.public.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write("\r\n".join([*lines, "host: x", "connection: close", "", ""]).encode() + body)
    answer = await reader.read()
    writer.close()
    return answer


def test_port_0_is_any_free_one_and_its_number_is_told():
    with bind("listen", "127.0.0.1:0") as bound:
        assert url_of(bound) == f"http://127.0.0.1:{bound.getsockname()[1]}"


def test_all_addresses_of_this_machine_are_reached_over_loopback():
    with bind("listen", "0.0.0.0:0") as bound:
        assert url_of(bound).startswith("http://127.0.0.1:")


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_ipv6_addresses_stand_in_brackets():
    try:
        bound = bind("listen", "[::1]:0")
    except ListenError:
        pytest.skip("this machine has no IPv6 loopback")
    with bound:
        assert url_of(bound).startswith("http://[::1]:")


def test_an_address_of_another_machine_is_refused_by_name():
    with pytest.raises(ListenError) as caught:
        bind("listen", "192.0.2.1:80")
    assert "listen = 192.0.2.1:80" in caught.value.message


async def test_a_listener_that_never_started_can_be_stopped():
    listener = Listener(bind("listen", "127.0.0.1:0"), _nothing)
    await listener.stop()


async def test_a_body_that_stands_still_is_cut_by_its_policy():
    seen: asyncio.Queue[str] = asyncio.Queue()

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        while (event := await receive())["type"] == "http.request" and event.get("more_body"):
            pass
        seen.put_nowait(event["type"])

    listener = Listener(bind("listen", "127.0.0.1:0"), app, (Policy("/*", 0.2),))
    await listener.start()
    async with aio.insecure_channel(listener.url.removeprefix("http://")) as channel:
        call = channel.stream_unary("/x.Y/z")()
        await call.write(b"a beginning")
        assert await asyncio.wait_for(seen.get(), 20) == "http.disconnect"
        call.cancel()
    await listener.stop()


async def _nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise AssertionError


async def test_a_websocket_is_refused(served: Running):
    answer = await say(
        served,
        "GET /health HTTP/1.1",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        "sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==",
    )
    assert answer.split(b"\r\n")[0].split()[1] in (b"403", b"200")
    assert b"101 Switching" not in answer


async def test_a_call_that_cannot_get_trailers_is_told_so_in_its_headers(served: Running):
    answer = await say(
        served,
        f"POST {NONCE} HTTP/1.1",
        "content-type: application/grpc",
        "content-length: 5",
        body=bytes(5),
    )
    assert b"grpc-status: 13" in answer
    assert b"te: trailers" in answer


async def test_a_compression_that_is_unknown_here_is_named_as_the_reason(served: Running):
    call = served.channel.unary_unary(NONCE)(
        types_pb2.GetNonceRequest(address=bytes(1000)).SerializeToString(),
        compression=grpc.Compression.Deflate,
    )
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is StatusCode.UNIMPLEMENTED
    assert "gzip" in (caught.value.details() or "")


async def test_a_message_over_the_public_limit_is_refused(served: Running):
    with pytest.raises(aio.AioRpcError) as caught:
        await served.channel.unary_unary(NONCE)(bytes((1 << 20) + 1))
    assert caught.value.code() is StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    "line",
    [
        "GET /../../etc/passwd HTTP/1.1",
        "GET //health HTTP/1.1",
        "BREW /health HTTP/1.1",
        "GET /%ff%fe HTTP/1.1",
    ],
)
async def test_odd_requests_get_an_answer_and_leave_the_server_well(served: Running, line: str):
    answer = await say(served, line)
    assert answer.split()[1] in (b"400", b"404", b"405")
    assert (await served.public.get("/health")).status_code == 200
