"""The synthetic guest agent, as anybody's client meets it."""

import json
import socket as sockets
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from coincurve import PrivateKey, PublicKey
from Crypto.Hash import keccak

from sp1tee.errors import ConfigError
from sp1tee.sim.dstack import SimAgent
from sp1tee.sim.ingress import Host

pytestmark = pytest.mark.anyio

HOST = Host(at=1_790_000_000)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    with TemporaryDirectory(prefix="s") as folder:
        socket = Path(folder, "dstack.sock")
        transport = httpx.AsyncHTTPTransport(uds=str(socket))
        async with (
            SimAgent(HOST, socket),
            httpx.AsyncClient(transport=transport, base_url="http://dstack") as client,
        ):
            yield client


async def test_a_key_comes_with_a_chain_of_signatures(client: httpx.AsyncClient) -> None:
    question = {"path": "wallet", "purpose": "ethereum", "algorithm": "secp256k1"}
    told = (await client.post("/GetKey", json=question)).json()
    first, second = map(bytes.fromhex, told["signature_chain"])
    public = PrivateKey(bytes.fromhex(told["key"])).public_key.format().hex()
    app = PublicKey.from_signature_and_message(first, f"ethereum:{public}".encode(), _keccak)
    kms = PublicKey.from_signature_and_message(second, app.format(), _keccak)
    assert app.format() != kms.format()


def _keccak(message: bytes) -> bytes:
    return keccak.new(data=message, digest_bits=256).digest()


async def test_a_question_may_also_stand_in_the_url(client: httpx.AsyncClient) -> None:
    got = (await client.get("/GetQuote", params={"report_data": "01"})).json()
    posted = (await client.post("/GetQuote", json={"report_data": "01"})).json()
    assert got["report_data"] == posted["report_data"] == "01" + "00" * 63
    assert json.loads(got["event_log"]) == json.loads(posted["event_log"])


@pytest.mark.parametrize(
    ("question", "status"),
    [
        ({"report_data": "00" * 65}, 400),
        ({"report_data": "zz"}, 400),
        ({"report_data": 5}, 400),
        ({}, 400),
        ([], 400),
    ],
)
async def test_a_question_that_cannot_be_answered_is_told(
    client: httpx.AsyncClient, question: Any, status: int
) -> None:
    reply = await client.post("/GetQuote", json=question)
    assert (reply.status_code, list(reply.json())) == (status, ["error"])


@pytest.mark.parametrize("path", ["/prpc/Tappd.RawQuote", "/getkey", "/"])
async def test_a_method_of_another_generation_is_not_there(
    client: httpx.AsyncClient, path: str
) -> None:
    assert (await client.post(path, json={})).status_code == 404


async def test_a_socket_is_for_everybody_replaces_an_old_one_and_goes_away(
    tmp_path: Path,
) -> None:
    socket = tmp_path / "s"
    with sockets.socket(sockets.AF_UNIX) as killed:
        killed.bind(str(socket))
    async with SimAgent(HOST, socket):
        assert stat.S_IMODE(socket.stat().st_mode) == 0o777
    assert not socket.exists()


@pytest.mark.parametrize("path", ["x" * 200, "absent/s"])
async def test_a_path_that_cannot_be_listened_on_is_told(tmp_path: Path, path: str) -> None:
    with pytest.raises(ConfigError, match="cannot be listened on"):
        async with SimAgent(HOST, tmp_path / path):
            pass
