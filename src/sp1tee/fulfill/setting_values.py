"""Kinds of values that settings of `sp1tee fulfill` have: what is read as one, and what is refused.

Refusals say what to write instead and never repeat a value, which may be a secret.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ByteSize, Field, SecretStr

from sp1tee.errors import ConfigError, WireError
from sp1tee.fulfill.endpoint import parse_url
from sp1tee.fulfill.provers.cluster.opening import read_store
from sp1tee.hosts import split_address
from sp1tee.settings import listed
from sp1tee.wire.signing import Signer
from sp1tee.wire.versions import parse_version


def _worker_listener(url: str) -> str:
    parse_url(url)
    return url


def _version(text: str) -> str:
    try:
        return parse_version(text).text
    except WireError as error:
        raise ValueError(f"{error.message} {error.advice}".rstrip(".")) from None


def _prover_address(url: str) -> str:
    try:
        parts = parse_url(url)
    except ConfigError:
        raise ValueError("Give http://host:port or https://host:port alone") from None
    return f"{parts.scheme}://{parts.netloc}"


def _listen(text: str) -> str:
    """Complete a port to an address on this machine."""
    address = f"127.0.0.1:{text}" if text.isdecimal() else text
    split_address(address)
    return address


def _signing_key(value: SecretStr) -> SecretStr:
    try:
        Signer.from_hex(value.get_secret_value())
    except WireError as error:
        raise ValueError(error.message.rstrip(".")) from None
    return value


def _store(value: SecretStr) -> SecretStr:
    read_store(value.get_secret_value())
    return value


def check_header(value: SecretStr) -> SecretStr:
    """Return a token; raises `ValueError` for one that cannot travel in a header."""
    text = value.get_secret_value()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("Use ASCII characters without spaces: it travels in a header")
    return value


Name = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
Size = Annotated[ByteSize, Field(gt=0)]
Token = Annotated[SecretStr, AfterValidator(check_header)]
SigningKey = Annotated[SecretStr, AfterValidator(_signing_key)]
Store = Annotated[SecretStr, AfterValidator(_store)]
WorkerListener = Annotated[str, AfterValidator(_worker_listener)]
ProverAddress = Annotated[str, AfterValidator(_prover_address)]
Listen = Annotated[str, AfterValidator(_listen)]
Modes = Annotated[
    tuple[Literal["core", "compressed", "plonk", "groth16"], ...],
    BeforeValidator(listed),
    Field(min_length=1),
]
Versions = Annotated[
    tuple[Annotated[str, AfterValidator(_version)], ...],
    BeforeValidator(listed),
    Field(min_length=1),
]
