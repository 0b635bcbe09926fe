"""Kinds of values that settings of `sp1tee serve` have: what is read as one, and what is refused.

Refusals say what to write instead and never repeat a value, which may be a secret.
"""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ByteSize, Field, SecretStr

from sp1tee.errors import WireError
from sp1tee.hosts import split_address
from sp1tee.serve.door.peers import Trusted
from sp1tee.settings import listed
from sp1tee.wire.signing import parse_address

SECRET_LENGTH = 16


def _address(text: str) -> str:
    split_address(text)
    return text


def _origin(text: str) -> str:
    """Check the address that requesters are told; a slash at its end would double in every URL."""
    url = urlsplit(text.rstrip("/"))
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("Write it with its scheme, for example https://prover.example.org")
    if url.path or url.query or url.fragment or url.username is not None:
        raise ValueError("Give the origin alone: scheme, host and port, nothing behind them")
    return text.rstrip("/")


def _secret(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < SECRET_LENGTH:
        raise ValueError(f"Use at least {SECRET_LENGTH} characters, random ones")
    if not value.get_secret_value().isascii() or " " in value.get_secret_value():
        raise ValueError("Use ASCII characters without spaces: it travels in a header")
    return value


def _peer(text: str) -> str:
    try:
        Trusted.of((text,))
    except ValueError:
        raise ValueError("Write 192.0.2.7, 192.0.2.0/24, or the word private") from None
    return text


def _requester(text: str) -> str:
    try:
        parse_address(text)
    except WireError as error:
        raise ValueError(f"{error.message} {error.advice}".rstrip(". ")) from None
    return text


Listen = Annotated[str, AfterValidator(_address)]
Origin = Annotated[str, AfterValidator(_origin)]
Secret = Annotated[SecretStr, AfterValidator(_secret)]
Requesters = Annotated[
    tuple[Annotated[str, AfterValidator(_requester)], ...], BeforeValidator(listed)
]
Peers = Annotated[tuple[Annotated[str, AfterValidator(_peer)], ...], BeforeValidator(listed)]
Texts = Annotated[tuple[str, ...], BeforeValidator(listed)]
Strategies = Annotated[
    tuple[Literal["hosted", "reserved", "auction"], ...], BeforeValidator(listed)
]
Size = Annotated[ByteSize, Field(gt=0)]
