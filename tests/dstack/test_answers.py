"""Answers of guest agents: what is read, and that nothing else gets through."""

import asyncio
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sp1tee.dstack import GuestAgent
from sp1tee.dstack.answers import read_derived_key, read_guest, read_key, read_quote
from sp1tee.errors import AgentGarbled, AgentRefused, GuestAgentError

READERS = [read_key, read_derived_key, read_guest, lambda answer: read_quote(answer, bytes(64))]
GUEST = {"app_id": "5a" * 20, "instance_id": "", "key_provider_info": '{"name":"none","id":""}'}

NAMES = st.sampled_from(
    [
        *("key", "quote", "event_log", "report_data", "vm_config"),
        *("app_id", "instance_id", "key_provider_info"),
    ]
)
VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80) | st.just("00"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.dictionaries(NAMES, VALUES))
@example({"key_provider_info": "[" * 100_000, "app_id": "5a" * 20, "instance_id": ""})
@example({"key_provider_info": '{"name": 7}', "app_id": "5a" * 20, "instance_id": ""})
@example({"key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"})
@example(
    {"key": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----"}
)
def test_any_answer_is_read_or_refused(answer: dict[str, Any]) -> None:
    for read in READERS:
        try:
            read(answer)
        except GuestAgentError as error:
            assert error.advice  # noqa: PT017 - not every answer is an error


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_an_older_agents_key_is_the_number_of_its_p256_key() -> None:
    key = ec.derive_private_key(7, ec.SECP256R1())
    assert read_derived_key({"key": _pem(key)}) == bytes(31) + b"\7"


@pytest.mark.parametrize(
    "key",
    [
        ec.derive_private_key(7, ec.SECP256K1()),
        ec.derive_private_key(7, ec.SECP384R1()),
        rsa.generate_private_key(65537, 2048),
    ],
    ids=["secp256k1", "P-384", "RSA"],
)
def test_a_key_of_another_kind_is_refused(key: ec.EllipticCurvePrivateKey) -> None:
    with pytest.raises(AgentGarbled, match="no P-256 key"):
        read_derived_key({"key": _pem(key)})


@pytest.mark.parametrize("text", ["", "00" * 31, "00" * 33, "zz" * 32, "00" * 32])
def test_a_key_that_is_none_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(AgentGarbled) as caught:
        read_key({"key": text})
    assert not text or text not in caught.value.message


def test_a_guest_of_another_kind_of_tee_has_no_quote() -> None:
    with pytest.raises(AgentRefused, match="no TDX quote"):
        read_quote({"quote": "", "event_log": "", "attestation": "00"}, bytes(64))


def test_a_quote_over_other_report_data_is_refused() -> None:
    answer = {"quote": "0400", "event_log": "[]", "report_data": "01" * 64}
    assert read_quote(answer, b"\1" * 64).raw == b"\4\0"
    with pytest.raises(AgentGarbled, match="other report data"):
        read_quote(answer, bytes(64))


@pytest.mark.parametrize(
    ("told", "provider"),
    [
        ('{"name":"kms","id":"30"}', "kms"),
        ('{"name":"none","id":""}', "none"),
        ("", None),
    ],
)
def test_who_hands_out_keys_is_read_where_an_agent_tells(told: str, provider: str | None) -> None:
    assert read_guest({**GUEST, "key_provider_info": told}).key_provider == provider


@pytest.mark.parametrize("told", ["none", "[]", '{"id":""}', '{"name":null}'])
def test_a_provider_without_a_name_is_refused(told: str) -> None:
    with pytest.raises(AgentGarbled, match="names no provider"):
        read_guest({**GUEST, "key_provider_info": told})


HEADS = st.sampled_from(
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 301 Moved\r\nlocation: http://example.org/\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
    ]
)
BODIES = st.binary(max_size=200) | st.builds(json.dumps, VALUES).map(str.encode)


@given(head=HEADS, body=BODIES)
@example(head=b"HTTP/1.1 400 Bad\r\n\r\n", body=b'{"error": "\\u001b[2Ja\\nb"}')
@example(head=b"HTTP/1.1 200 OK\r\n\r\n", body=b"[" * 100_000)
@example(head=b"HTTP/1.1 200 OK\r\n\r\n", body=b"1" * 5_000)
@settings(max_examples=60, deadline=None)
def test_any_bytes_at_the_socket_end_in_an_error_of_this_room(head: bytes, body: bytes) -> None:
    with TemporaryDirectory(prefix="s") as folder:
        asyncio.run(_asked_of(Path(folder, "s"), head + body))


async def _asked_of(socket: Path, said: bytes) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    async with await asyncio.start_unix_server(say, socket):
        with pytest.raises(GuestAgentError) as caught:
            await GuestAgent(socket).key("a")
    assert caught.value.message.isprintable()
