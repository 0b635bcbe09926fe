"""What a server's answers mean: results, refusals, and troubles that may pass."""

from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import unquote

import grpc

from sp1tee.errors import NetworkError, ServerRefusal, Sp1teeError, Unreachable
from sp1tee.wire import retry_hint

MAX_TEXT: Final = 500
"""How much of a server's text is shown, in characters."""

MAX_REASON: Final = 4000
"""How much of the reason of a failure: it may end with the 2 KiB that a guest printed."""

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

# Without a hint when to come back, what is exhausted may be a limit that stays.
_FULL: Final = grpc.StatusCode.RESOURCE_EXHAUSTED

# How gRPC itself begins, before it repeats the address and names the cause.
_NOBODY_THERE: Final = "failed to connect to all addresses"

# Causes that stay: what gRPC says, what it means, what to do.
_WRONG_TLS: Final = (
    (
        "CERTIFICATE_VERIFY_FAILED",
        "The server's certificate is not trusted.",
        "Give its authority with --ca-file if it is a private one.",
    ),
    (
        "Hostname Verification Check failed",
        "The server's certificate is for another name.",
        "Call the server by a name in its certificate.",
    ),
    (
        "missing selected ALPN property",
        "TLS there does not offer HTTP/2, which gRPC needs.",
        "Its operator has to offer it where TLS ends: ALPN=h2,http/1.1 in dstack-ingress.",
    ),
)


def clean(text: str, most: int = MAX_TEXT) -> str:
    """Make a server's text safe to show: one line, printable, at most so many characters.

    A server is not trusted to write to the reader's terminal.
    """
    line = "".join(c if c.isprintable() else " " for c in text[: 4 * most])
    line = " ".join(line.split())
    return line if len(line) <= most else line[:most] + "…"


def number(text: str) -> int | None:
    """Read a decimal number of at most 64 bits; None for anything else."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _U64_DIGITS):
        return None
    return int(text) if int(text) < 1 << 64 else None


def notes(metadata: Iterable[Any] | None) -> tuple[str, str]:
    """Read an answer's trailing metadata: the server's stable code and its reason, or empty."""
    found = {item.key: item.value for item in metadata or () if isinstance(item.value, str)}
    return clean(found.get(CODE_KEY, "")), clean(unquote(found.get(REASON_KEY, "")), MAX_REASON)


def translate(error: grpc.RpcError, call: str) -> Sp1teeError:
    """Turn a failed call into our own error.

    Args:
        error: what grpcio raised; it is also the call.
        call: what was asked for, in words that fit behind "to".

    Returns:
        `Unreachable` where trying again may help, `NetworkError` where TLS is in the way, else
        `ServerRefusal`.
    """
    status: grpc.StatusCode = error.code()
    code, reason = notes(error.trailing_metadata())
    text = clean(error.details() or "")
    if text.startswith(_NOBODY_THERE):
        return _nobody_there(text)
    said = _said(text or reason, status.name, code)
    wait_s = _hint(error.trailing_metadata())
    if status in _MAY_PASS or (status is _FULL and wait_s is not None):
        return Unreachable(
            f"The server did not manage to {call}{said}", server_code=code, retry_after_s=wait_s
        )
    return ServerRefusal(
        f"The server refused to {call}{said}",
        status=status.name,
        server_code=code,
        advice="" if code else _ADVICE.get(status, ""),
    )


def _hint(metadata: Iterable[Any] | None) -> float | None:
    """Read from an answer's trailing metadata when to ask again."""
    for item in metadata or ():
        if item.key == retry_hint.KEY and isinstance(item.value, bytes):
            return retry_hint.decode_hint(item.value)
    return None


def _nobody_there(text: str) -> NetworkError:
    for sign, message, advice in _WRONG_TLS:
        if sign in text:
            return NetworkError(message, advice=advice)
    cause = text.rpartition(": ")[2].removesuffix(".")
    return Unreachable(f"The server cannot be reached: {cause}.")


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
