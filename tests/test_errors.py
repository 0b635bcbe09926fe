"""The tree of errors: one root, a stable code for each kind, everything exported."""

import re
from collections.abc import Iterator

import pytest

from sp1tee import errors
from sp1tee.errors import (
    ClientError,
    ConfigError,
    FulfillError,
    GuestAgentError,
    NativeError,
    NetworkError,
    Refusal,
    Sp1teeError,
    StoreError,
    VerifyError,
    WireError,
)

LETTERS = {
    ConfigError: "C",
    WireError: "W",
    StoreError: "S",
    Refusal: "R",
    NetworkError: "N",
    FulfillError: "F",
    NativeError: "E",
    GuestAgentError: "G",
    ClientError: "P",
    VerifyError: "V",
}
GRPC_STATUSES = re.compile(r"[A-Z_]+")


def below(kind: type[Sp1teeError]) -> Iterator[type[Sp1teeError]]:
    for child in kind.__subclasses__():
        yield child
        yield from below(child)


KINDS = [kind for kind in below(Sp1teeError) if kind.__module__.startswith("sp1tee.errors")]


def test_everything_is_exported_in_order() -> None:
    assert errors.__all__ == sorted(errors.__all__)
    assert {kind.__name__ for kind in KINDS} | {"Sp1teeError"} == set(errors.__all__)


def test_no_two_kinds_share_a_code() -> None:
    codes = [kind.code for kind in KINDS]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_code_names_its_branch(kind: type[Sp1teeError]) -> None:
    (letter,) = {letter for branch, letter in LETTERS.items() if issubclass(kind, branch)}
    assert re.fullmatch(rf"SP1TEE-{letter}\d\d\d", kind.code)
    assert "code" in vars(kind)


@pytest.mark.parametrize("kind", [k for k in KINDS if issubclass(k, Refusal)], ids=lambda k: k.code)
def test_a_refusal_has_a_grpc_status(kind: type[Refusal]) -> None:
    assert GRPC_STATUSES.fullmatch(kind.status)


def test_an_error_is_its_message_and_keeps_its_advice_apart() -> None:
    error = ConfigError("The file is missing.", advice="Make one.")
    assert str(error) == "The file is missing."
    assert error.advice == "Make one."
    assert ConfigError("x").advice == ConfigError.default_advice
