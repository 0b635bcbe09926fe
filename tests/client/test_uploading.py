"""Uploads: of known length, repeated after broken connections, never to where they should not go."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.prover_stand_in import ProverStandIn

from sp1tee.client import Order, Program, Requester, raw_buffers, saved_stdin
from sp1tee.client.inputs import FileSource
from sp1tee.client.parcel import Parcel
from sp1tee.errors import (
    BadReply,
    CleartextRefused,
    InputFileError,
    ServerRefusal,
    Sp1teeError,
)
from sp1tee.wire.artifacts import unpack
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family

SECRET = b"a secret that nobody else may see"
INPUT = raw_buffers([SECRET * 10_000])


@pytest.fixture
def registered(server: ProverStandIn) -> ProverStandIn:
    server.registered = True
    return server


def test_a_broken_connection_is_followed_by_another_upload_to_the_same_place(
    registered: ProverStandIn, requester: Requester, program: Program
) -> None:
    registered.put_answers.extend([None, None])
    requester.request(program, INPUT, Order())
    assert registered.methods.count("CreateArtifact") == 1
    assert unpack(registered.puts[0].body, 1 << 20) == Stdin.of(SECRET * 10_000).encode()


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(
    registered: ProverStandIn, requester: Requester, program: Program, status: int
) -> None:
    registered.put_answers.append(status)
    requester.request(program, INPUT, Order())
    assert len(registered.puts) == 1


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 409, 413])
def test_a_refused_upload_ends_it(
    registered: ProverStandIn, requester: Requester, program: Program, status: int
) -> None:
    registered.put_answers.append(status)
    with pytest.raises(ServerRefusal, match=str(status)) as caught:
        requester.request(program, INPUT, Order())
    assert caught.value.status == f"HTTP {status}"
    assert "RequestProof" not in registered.methods


def told(**words: object) -> bytes:
    return json.dumps({"code": "SP1TEE-R020", "message": "", "advice": "", **words}).encode()


def test_a_server_of_ours_explains_its_refusal(
    registered: ProverStandIn, requester: Requester, program: Program
) -> None:
    registered.reply_headers["content-type"] = "application/json"
    registered.put_text = told(message="The input is longer than 5 bytes.", advice="Send less.")
    registered.put_answers.append(413)
    with pytest.raises(ServerRefusal, match=r"longer than 5 bytes\. \(HTTP 413\)") as caught:
        requester.request(program, INPUT, Order())
    assert caught.value.advice == "Send less."
    assert caught.value.server_code == "SP1TEE-R020"


def test_a_used_up_quota_is_waited_for_as_long_as_the_server_says(
    registered: ProverStandIn, requester: Requester, program: Program
) -> None:
    registered.reply_headers["content-type"] = "application/json"
    registered.reply_headers["retry-after"] = "0"
    registered.put_text = told(message="You have too much here.")
    registered.put_answers.append(429)
    assert requester.request(program, INPUT, Order())


def test_a_used_up_quota_that_nobody_knows_the_end_of_is_not_waited_for(
    registered: ProverStandIn, requester: Requester, program: Program
) -> None:
    registered.reply_headers["content-type"] = "application/json"
    registered.put_text = told(message="You have too much here.")
    registered.put_answers.append(429)
    with pytest.raises(ServerRefusal, match="too much"):
        requester.request(program, INPUT, Order())


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"no json, but a secret",
        b'{"code": "AccessDenied", "message": "a secret"}',
        b'["a secret"]',
        b"[" * 100_000,
        b'{"code": "SP1TEE-R020", "message": "' + b"a secret" * 1000 + b'"}',
    ],
    ids=["nothing", "text", "a store's", "a list", "deep", "long"],
)
def test_what_anybody_else_says_is_not_shown(
    registered: ProverStandIn, requester: Requester, program: Program, text: bytes
) -> None:
    registered.reply_headers["content-type"] = "application/json"
    registered.put_text = text
    registered.put_answers.append(400)
    with pytest.raises(ServerRefusal) as caught:
        requester.request(program, INPUT, Order())
    assert "secret" not in caught.value.message + caught.value.advice


def test_a_place_used_up_by_a_lost_answer_is_replaced(
    registered: ProverStandIn, requester: Requester, program: Program
) -> None:
    registered.put_answers.extend([None, 403])
    requester.request(program, INPUT, Order())
    assert registered.methods.count("CreateArtifact") == 2
    assert registered.puts[0].path.startswith("/artifacts/2")


@pytest.mark.parametrize("answers", [[413], [None, 413, 413]])
def test_no_error_shows_an_upload_address(
    registered: ProverStandIn, requester: Requester, program: Program, answers: list[int | None]
) -> None:
    registered.put_answers.extend(answers)
    with pytest.raises(Sp1teeError) as caught:
        requester.request(program, INPUT, Order())
    shown = repr(caught.value) + caught.value.message + caught.value.advice
    assert "UPLOADTOKEN" not in shown
    assert "secret" not in shown


def test_an_unencrypted_place_elsewhere_gets_no_input(
    registered: ProverStandIn, requester: Requester, program: Program
) -> None:
    registered.place_hook = lambda _: "http://elsewhere.example/put?token=UPLOADTOKEN"
    with pytest.raises(CleartextRefused, match=r"elsewhere\.example") as caught:
        requester.request(program, INPUT, Order())
    assert "UPLOADTOKEN" not in str(caught.value)
    assert registered.puts == []


@pytest.mark.parametrize("url", ["ftp://x/y", "nonsense", "http://", "https://[::1"])
def test_a_place_that_is_no_address_is_a_bad_reply(
    registered: ProverStandIn, requester: Requester, program: Program, url: str
) -> None:
    registered.place_hook = lambda _: url
    with pytest.raises(BadReply):
        requester.request(program, INPUT, Order())


@pytest.mark.parametrize("family", Family)
def test_a_parcel_knows_its_length_before_it_is_sent(family: Family) -> None:
    parcel = Parcel(INPUT, family)
    body = parcel.body(lambda _: None)
    sent = b"".join(iter(lambda: body.read(1000), b""))
    assert len(sent) == len(body) == parcel.size
    assert unpack(sent, 1 << 20) == Stdin.of(SECRET * 10_000).encode()


def test_a_parcel_tells_how_much_has_moved() -> None:
    moved: list[int] = []
    body = Parcel(INPUT, Family.V5).body(moved.append)
    while body.read(4096):
        pass
    assert sum(moved) == len(body)


class Changing:
    """A source that says something else the second time."""

    def __init__(self, *readings: bytes) -> None:
        self._readings = iter(readings)

    def chunks(self) -> Iterator[bytes]:
        yield next(self._readings)


@pytest.mark.parametrize("second", [b"shorter", b"longer than at first"])
def test_an_input_that_changes_between_its_readings_is_not_sent(second: bytes) -> None:
    body = Parcel(Changing(b"first reading", second), Family.V5).body(lambda _: None)
    with pytest.raises(InputFileError, match="changed"):
        list(iter(lambda: body.read(4), b""))


def test_a_file_that_grows_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "input"
    path.write_bytes(b"12345")
    source = FileSource.of(path)
    path.write_bytes(b"123456")
    with pytest.raises(InputFileError, match="changed"):
        list(source.chunks())


def test_a_file_that_is_gone_is_told_by_name(
    registered: ProverStandIn, requester: Requester, program: Program, tmp_path: Path
) -> None:
    path = tmp_path / "input"
    path.write_bytes(Stdin.of(SECRET).encode())
    source = saved_stdin(path)
    path.unlink()
    with pytest.raises(InputFileError, match="input cannot be read: No such file"):
        requester.request(program, source, Order())
