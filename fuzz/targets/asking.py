"""What a requester and a guest read: a server's replies, own files, the guest agent's answers."""

import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.protobuf.message import DecodeError
from requests.structures import CaseInsensitiveDict

from fuzz import seeds
from fuzz.target import Target, chosen, each_way, text_of
from sp1tee.client import http_replies
from sp1tee.client.endpoint import Endpoint
from sp1tee.client.inputs import check_stdin
from sp1tee.client.program import elf_family
from sp1tee.client.received import Expected, examine
from sp1tee.client.replies import clean, notes, number
from sp1tee.client.status import read_status
from sp1tee.client.transfer import Download
from sp1tee.dstack import answers
from sp1tee.dstack.exchange import _read, _words
from sp1tee.errors import (
    ClientError,
    ConfigError,
    GuestAgentError,
    NetworkError,
    Sp1teeError,
    WireError,
)
from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.serve.settings import ServeSettings
from sp1tee.settings import load
from sp1tee.wire.pb import types_pb2

_SOCKET = Path("/run/dstack.sock")


def _http(data: bytes) -> None:
    head, _, body = data.partition(b"\n\n")
    status, _, wait = head.partition(b"\n")
    response = requests.Response()
    response.status_code = 400 + int.from_bytes(status[:1], "big")
    response.headers = CaseInsensitiveDict(
        {"content-type": "application/json", "retry-after": text_of(wait)}
    )
    response.raw = io.BytesIO(body)
    http_replies.judge(response, "take the input")


_TOLD = b'{"code": "SP1TEE-R001", "message": "no", "advice": "why\\n"}'


class _Item:
    """A pair of metadata, as grpcio hands it out."""

    def __init__(self, key: str, value: Any) -> None:
        self.key = key
        self.value = value


def _notes(data: bytes) -> None:
    code, _, reason = data.partition(b"\n")
    told = notes([_Item("sp1tee-code", text_of(code)), _Item("sp1tee-reason", text_of(reason))])
    assert all(text.isprintable() for text in told)
    assert clean(text_of(data)).isprintable()
    number(text_of(data))


def _status(data: bytes) -> None:
    reply = types_pb2.GetProofRequestStatusResponse.FromString(data)
    status = read_status(reply)
    status.raise_if_failed(0.0)


def _statuses() -> Iterator[bytes]:
    reply = types_pb2.GetProofRequestStatusResponse
    for state in types_pb2.FulfillmentStatus.values():
        yield reply(
            fulfillment_status=state, execution_status=types_pb2.EXECUTED, deadline=9
        ).SerializeToString()


def _received(data: bytes) -> None:
    examine(bytes(32), Download(data, mock=False), Expected())


def _file(data: bytes) -> None:
    way, content = chosen(data, 2)
    if way:
        elf_family(content[:64])
    else:
        check_stdin(io.BytesIO(content), len(content))


def _files() -> list[bytes]:
    heads = (elf[:64] for elf in seeds.files("guests/*.elf"))
    return each_way(2, [*heads, *seeds.files("proofs/*.stdin")])


def _address(data: bytes) -> None:
    first, _, second = data.partition(b"\n")
    endpoint = Endpoint.parse(text_of(first))
    endpoint.is_at(text_of(second))
    str(endpoint.target)


def _agent(data: bytes) -> None:
    way, body = chosen(data, 4)
    told = _read(body, _SOCKET)
    assert _words(told).isprintable()
    if way == 0:
        answers.read_key(told)
    elif way == 1:
        answers.read_derived_key(told)
    elif way == 2:
        answers.read_quote(told, bytes(64)).to_json()
    else:
        answers.read_guest(told)


def _agents() -> list[bytes]:
    key = ec.derive_private_key(7, ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    told: list[dict[str, object]] = [
        {"key": "5a" * 32},
        {"key": pem},
        {"quote": "04" * 60, "event_log": "[]", "report_data": "00" * 64},
        {"app_id": "5a" * 20, "instance_id": "", "key_provider_info": '{"name": "kms"}'},
        {"error": "no\n"},
    ]
    return each_way(4, (json.dumps(answer).encode() for answer in told))


def _settings(data: bytes) -> None:
    way, text = chosen(data, 2)
    kind, section = ((ServeSettings, "serve"), (FulfillSettings, "fulfill"))[way]
    with tempfile.TemporaryDirectory(prefix="sp1tee-fuzz-") as folder:
        file = Path(folder) / "sp1tee.toml"
        file.write_bytes(text)
        load(kind, section, file, environment={})


def _variables(data: bytes) -> None:
    way, text = chosen(data, 2)
    kind, section = ((ServeSettings, "SERVE"), (FulfillSettings, "FULFILL"))[way]
    lines = (line.partition("=") for line in text_of(text).split("\n"))
    given = {f"SP1TEE_{section}_{name}": value for name, _, value in lines}
    load(kind, section.lower(), environment=given)


_TOML = (
    b'[serve]\nlisten = "127.0.0.1:8080"\nprogram_sources = ["https://*.a.org/"]\n'
    b'allow_requesters = ["0x' + b"5a" * 20 + b'"]\nmax_input_bytes = "2GiB"\n',
    b'[fulfill]\nserver = "https://a.example:8081"\ntoken = "' + b"x" * 40 + b'"\nversions = []\n',
)
_VARIABLES = (
    b"LISTEN=127.0.0.1:8080\nPROGRAM_SOURCES=s3://a/,https://b/\nALLOW_REQUESTERS=0x12",
    b"SERVER=https://a.example:8081\nTOKEN=" + b"x" * 40 + b"\nPROVER=mock",
)

TARGETS = (
    Target(
        "client.http_reply",
        ("client.http_replies",),
        _http,
        (ClientError, NetworkError),
        lambda: [b"\5\n7\n\n" + _TOLD, b"\x1d\n99999999999999999999\n\n" + _TOLD],
    ),
    Target(
        "client.notes",
        ("client.replies",),
        _notes,
        (),
        lambda: [b"SP1TEE-R001\nno%20such%ff", b"18446744073709551615"],
    ),
    Target(
        "client.status",
        ("client.status",),
        _status,
        (ClientError, NetworkError, DecodeError),
        _statuses,
        size=512,
    ),
    Target(
        "client.proof",
        ("client.received",),
        _received,
        (WireError, ClientError),
        seeds.proofs,
        size=1 << 13,
    ),
    Target(
        "client.file",
        ("client.inputs", "client.program"),
        _file,
        (ClientError,),
        _files,
        size=1024,
    ),
    Target(
        "client.address",
        ("client.endpoint",),
        _address,
        (ConfigError, Sp1teeError),
        lambda: [b"https://prover.example.org\nhttps://prover.example.org:443/proofs/x"],
        size=512,
    ),
    Target(
        "dstack.answer",
        ("dstack.answers", "dstack.exchange"),
        _agent,
        (GuestAgentError,),
        _agents,
        size=2048,
    ),
    Target(
        "settings.file",
        (
            "settings",
            "serve.settings",
            "serve.setting_values",
            "fulfill.settings",
            "fulfill.setting_values",
        ),
        _settings,
        (ConfigError,),
        lambda: each_way(2, _TOML),
        size=1024,
    ),
    Target(
        "settings.variables",
        ("settings",),
        _variables,
        (ConfigError,),
        lambda: each_way(2, _VARIABLES),
        size=1024,
    ),
)
