"""What a server's answers mean: results, refusals, and troubles that may pass."""

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import unquote

import grpc

from sp1tee.errors import ServerRefusal, Sp1teeError, Unreachable

MAX_TEXT: Final = 500
"""How much of a server's text is shown."""

_U64_DIGITS: Final = 20

CODE_KEY: Final = "sp1tee-code"
REASON_KEY: Final = "sp1tee-reason"

# The SDK's own list: it repeats a call after these, and no other.
_MAY_PASS: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.CANCELLED,
    }
)


# How gRPC itself begins, before it repeats the address and names the cause.
_NOBODY_THERE: Final = "failed to connect to all addresses"


def clean(text: str) -> str:
    """Make a server's text safe to show: one line, printable, not too long.

    A server is not trusted to write to the reader's terminal.
    """
    line = "".join(c if c.isprintable() else " " for c in text[: 4 * MAX_TEXT])
    line = " ".join(line.split())
    return line if len(line) <= MAX_TEXT else line[:MAX_TEXT] + "…"


def number(text: str) -> int | None:
    """Read a decimal number of at most 64 bits; None for anything else."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _U64_DIGITS):
        return None
    return int(text) if int(text) < 1 << 64 else None


def notes(metadata: Iterable[Any] | None) -> tuple[str, str]:
    """Read an answer's trailing metadata: the server's stable code and its reason, or empty."""
    found = {item.key: item.value for item in metadata or () if isinstance(item.value, str)}
    return clean(found.get(CODE_KEY, "")), clean(unquote(found.get(REASON_KEY, "")))


def translate(error: grpc.RpcError, call: str) -> Sp1teeError:
    """Turn a failed call into our own error.

    Args:
        error: what grpcio raised; it is also the call.
        call: what was asked for, in words that fit behind "to".

    Returns:
        `Unreachable` where trying again may help, else `ServerRefusal`.
    """
    status: grpc.StatusCode = error.code()
    code, reason = notes(error.trailing_metadata())
    text = clean(error.details() or "")
    if text.startswith(_NOBODY_THERE):
        return Unreachable(f"The server cannot be reached: {text.rpartition(': ')[2]}.")
    said = _said(text or reason, status.name, code)
    if status in _MAY_PASS:
        return Unreachable(f"The server did not manage to {call}{said}", server_code=code)
    return ServerRefusal(
        f"The server refused to {call}{said}",
        status=status.name,
        server_code=code,
        advice="" if code else _ADVICE.get(status, ""),
    )


def _said(text: str, status: str, code: str) -> str:
    names = f"({status}, {code})" if code else f"({status})"
    return f": {text} {names}" if text else f" {names}."


# What usually is behind a refusal of a server that does not say so itself.
_ADVICE: Final = {
    grpc.StatusCode.UNAUTHENTICATED: "Give --bearer-token-file, or a client certificate.",
    grpc.StatusCode.PERMISSION_DENIED: (
        "Ask the operator to admit your address; `sp1tee keys show` prints it."
    ),
    grpc.StatusCode.UNIMPLEMENTED: "This may not be a prover's address, or not its gRPC port.",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "Wait until earlier requests are done, or send less.",
}
