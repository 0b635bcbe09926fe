"""What a gateway's answers mean.

Its own words are repeated only where they come with a code of ours: others may put an input, or
the secret of a URL, into theirs.
"""

from collections.abc import Iterable
from typing import Any, Final, TypeVar
from urllib.parse import unquote

import grpc
import httpx
from grpc import aio

from sp1tee.errors import FulfillError, ProverFailed, ProverUnavailable, ServerAway
from sp1tee.fulfill.patience import PASSING
from sp1tee.wire.pb import types_pb2

_Reply = TypeVar("_Reply")

_MAX_TEXT: Final = 300
_OUR_CODES: Final = "SP1TEE-"

_LOCKED_OUT: Final = {
    grpc.StatusCode.UNAUTHENTICATED: "Give it a token with --gateway-token-file.",
    grpc.StatusCode.PERMISSION_DENIED: "Let its operator admit the key of --gateway-key-file.",
    grpc.StatusCode.UNIMPLEMENTED: "Check --prover-url: this may be no gateway's gRPC port.",
}
_PASSING_HTTP: Final = frozenset({408, 425, 429, 500, 502, 503, 504, 507})
_OPEN: Final = frozenset({types_pb2.REQUESTED, types_pb2.ASSIGNED})
_ENDS: Final = {
    types_pb2.UNFULFILLABLE: "The gateway cannot make the proof",
    types_pb2.REVERTED: "The gateway took the proof back",
    types_pb2.EXPIRED: "The gateway's deadline came before its proof",
}


def outcome(reply: types_pb2.GetProofRequestStatusResponse, said: str) -> str | None:
    """Judge a status in the order in which the SDK does.

    Args:
        reply: the status.
        said: what `said_in` made of the notes that came with it.

    Returns:
        Where the proof is; None while there is none yet.

    Raises:
        ProverFailed: there will be none.
    """
    if reply.fulfillment_status == types_pb2.FULFILLED:
        if not reply.proof_uri:
            raise ProverFailed("The gateway has the proof and does not say where.")
        return reply.proof_uri
    if reply.execution_status == types_pb2.UNEXECUTABLE:
        raise ProverFailed(f"The program, which runs here, does not run at the gateway{said}")
    if reply.fulfillment_status in _OPEN:
        return None
    end = _ENDS.get(reply.fulfillment_status, "The gateway names a state that does not exist")
    raise ProverFailed(f"{end}{said}")


def legible(reply: _Reply | None, what: str) -> _Reply:
    """Return an answer that is one; gRPC hands out None for bytes that are no message."""
    if reply is None:
        raise ProverFailed(f"The gateway's answer is none ({what}).")
    return reply


def translate(error: aio.AioRpcError, what: str) -> FulfillError:
    """Turn a failed call into our own error.

    Returns:
        `ServerAway` where trying again may help, `ProverUnavailable` where the gateway wants
        nothing of this worker, `ProverFailed` where it does not want this.
    """
    status = error.code()
    said = said_in(error.trailing_metadata(), error.details() or "", status.name)
    if status in _LOCKED_OUT:
        text = f"The gateway lets this worker ask for nothing ({what}){said}"
        return ProverUnavailable(text, advice=_LOCKED_OUT[status])
    if status in PASSING:
        return ServerAway(
            f"The gateway did not answer ({what}){said}",
            advice="Check that it runs and that --prover-url is its gRPC address.",
        )
    return ProverFailed(f"The gateway refused ({what}){said}", advice="Ask its operator.")


def said_in(metadata: Iterable[Any] | None, details: str = "", status: str = "") -> str:
    """Write what stands behind a colon: a server's of ours own words, else the status alone."""
    found = {key: value for key, value in metadata or () if isinstance(value, str)}
    code = found.get("sp1tee-code", "")
    if not code.startswith(_OUR_CODES):
        return f": {status}." if status else "."
    text = details or unquote(found.get("sp1tee-reason", ""))
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f": {line[:_MAX_TEXT]}" if line else "."


def judge(answer: httpx.Response, what: str) -> None:
    """Return if a transfer was done; raises `ServerAway` or `ProverFailed`."""
    if answer.is_success:
        return
    text = f"The gateway answered the {what} with HTTP {answer.status_code}."
    raise ServerAway(text) if answer.status_code in _PASSING_HTTP else ProverFailed(text)


def broken(error: httpx.HTTPError) -> FulfillError:
    """Name what broke. The exception's own text may have the URL in it, so it is not shown."""
    return ServerAway(f"The connection for an upload or a download broke: {type(error).__name__}.")
