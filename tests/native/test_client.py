"""A connection to a native server, and all that can go wrong on it."""

import hashlib
import select
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.gpu_server import OURS, GpuServer, failed, framed, info, u32

from sp1tee.errors import NativeError, NativeFailed, NativeGarbled, NativeGone, NativeTimeout
from sp1tee.native import frames
from sp1tee.native.client import Client
from sp1tee.wire.modes import Mode

ELF = b"ELF of a program"
SECRET = b"a private balance"
VK = b"v" * 104


@pytest.fixture
def server(tmp_path: Path) -> GpuServer:
    return GpuServer(tmp_path / "socket", vk=VK, proof=b"proof", info=info(1, 2))


def test_a_proof_is_made(server: GpuServer):
    with server.serving(), Client.connect(server.path) as client:
        assert client.info(30).name == "sp1tee-prover"
        made = client.setup(ELF, 30)
        assert (made.key, made.vk) == (hashlib.sha256(ELF).digest(), VK)
        assert client.prove(Mode.CORE, made.key, SECRET, 30) == b"proof"
        assert client.verify(VK, b"values", b"proof", 30) == ""
        client.destroy(made.key, 30)
    assert server.tags() == [0, 1, OURS + 2, 2]
    assert server.connections == 1


def test_a_large_request_and_a_large_answer_arrive_whole(server: GpuServer):
    server.proof = bytes(range(256)) * 40_000
    with server.serving(), Client.connect(server.path) as client:
        made = client.setup(ELF * 500_000, 30)
        assert client.prove(Mode.CORE, made.key, b"", 30) == server.proof


def test_a_proof_that_holds_not_comes_with_the_reason(server: GpuServer):
    server.refuted = b"it is another program's"
    with server.serving(), Client.connect(server.path) as client:
        assert client.verify(VK, b"", b"proof", 30) == "it is another program's"


def test_a_failure_is_told_without_its_text_and_the_connection_lives(server: GpuServer):
    server.answers[1] = lambda _: framed(failed(SECRET, proving=True))
    with server.serving(), Client.connect(server.path) as client:
        key = client.setup(ELF, 30).key
        with pytest.raises(NativeFailed) as caught:
            client.prove(Mode.CORE, key, SECRET, 30)
        assert caught.value.proving
        assert caught.value.text.encode() == SECRET
        assert SECRET.decode() not in f"{caught.value} {caught.value.message} {caught.value!r}"
        assert client.setup(ELF, 30).key == key


def test_a_gpu_server_asked_who_it_is_fails(server: GpuServer):
    server.info = None
    with server.serving(), Client.connect(server.path) as client:
        with pytest.raises(NativeFailed) as caught:
            client.info(30)
        assert not caught.value.proving


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(lambda _: None, NativeGone, id="hangs up"),
        pytest.param(lambda _: b"", NativeTimeout, id="says nothing"),
        pytest.param(lambda _: u32(100) + b"x", NativeTimeout, id="stops in the middle"),
        pytest.param(lambda _: framed(b"garbage!"), NativeGarbled, id="garbage"),
        pytest.param(lambda _: framed(b""), NativeGarbled, id="an empty frame"),
        pytest.param(lambda _: framed(u32(0)), NativeGarbled, id="another answer"),
        pytest.param(lambda _: u32(0xFFFFFFFF), NativeGarbled, id="a huge length"),
    ],
)
def test_a_misbehaving_server_is_named_and_left(
    server: GpuServer, answer: Callable[[bytes], bytes | None], error: type[NativeError]
):
    server.answers[0] = answer
    with server.serving(), Client.connect(server.path) as client:
        with pytest.raises(error) as caught:
            client.setup(SECRET, 0.2 if error is NativeTimeout else 30)
        assert SECRET.decode() not in str(caught.value)
        with pytest.raises(NativeGone):
            client.setup(ELF, 30)


def test_a_request_that_the_protocol_has_no_room_for_is_not_begun(
    server: GpuServer, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(frames, "MAX_FRAME", 10)
    with (
        server.serving(),
        Client.connect(server.path) as client,
        pytest.raises(NativeFailed) as caught,
    ):
        client.setup(ELF, 30)
    assert "longer than the protocol allows" in caught.value.text
    assert server.asked == []


def test_a_call_that_waits_can_be_aborted_from_outside(server: GpuServer):
    asked = threading.Event()
    server.answers[0] = lambda _: (asked.set(), b"")[1]
    with server.serving(), Client.connect(server.path) as client:
        caught: list[BaseException] = []

        def ask() -> None:
            try:
                client.setup(ELF)
            except NativeError as error:
                caught.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        assert asked.wait(30)
        client.abort()
        thread.join(30)
        client.abort()
    assert [type(error) for error in caught] == [NativeGone]


@pytest.mark.parametrize("seconds", [0.3, None, 1e9])
def test_a_server_that_does_not_read_is_left_in_time_or_when_it_is_given_up(
    server: GpuServer, seconds: float | None
):
    with server.listen(), Client.connect(server.path) as client:
        caught: list[BaseException] = []

        def ask() -> None:
            try:
                client.setup(bytes(64 << 20), seconds)
            except NativeError as error:
                caught.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        if seconds != 0.3:
            until_full(client)
            client.abort()
        thread.join(30)
    assert [type(error) for error in caught] == [NativeTimeout if seconds == 0.3 else NativeGone]


def until_full(client: Client) -> None:
    """Wait until not a byte more can be sent, so that whoever sends waits for the other end."""
    poll = select.poll()
    poll.register(client._socket, select.POLLOUT)
    while poll.poll(0):
        time.sleep(0.01)


@pytest.mark.parametrize("name", ["nothing", "x" * 200])
def test_a_socket_that_is_not_there_is_named(tmp_path: Path, name: str):
    with pytest.raises(NativeGone, match=name):
        Client.connect(tmp_path / name)
