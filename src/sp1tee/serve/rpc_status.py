"""How a call ends: from what a servicer raised to the status, text and metadata a client sees."""

from dataclasses import dataclass
from typing import Final

import grpc
from grpc import StatusCode

from sp1tee import logs
from sp1tee.errors import Refusal, StoreUnavailable
from sp1tee.serve.framing import CallError, Pairs, status_text, trailers_of
from sp1tee.serve.http import Event, Scope, Send
from sp1tee.serve.rpc_context import CallContext
from sp1tee.wire import retry_hint

START: Event = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", b"application/grpc"),
        (b"grpc-accept-encoding", b"identity,gzip"),
    ],
    "trailers": True,
}
OK_TRAILERS: Event = {"type": "http.response.trailers", "headers": [(b"grpc-status", b"0")]}

_STREAMS_S: Final = 30.0
_NO_BODY: Event = {"type": "http.response.body"}
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended."""

    code: StatusCode
    text: str = ""
    metadata: Pairs = ()

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Write it as the headers that end a reply."""
        number: int = self.code.value[0]
        headers = [(b"grpc-status", b"%d" % number)]
        if self.text:
            headers.append((b"grpc-message", status_text(self.text)))
        return headers + trailers_of(self.metadata)


def hint(code: StatusCode, text: str, seconds: float | None) -> Pairs:
    """Write when to try again as trailing metadata; none where nobody says."""
    if seconds is None:
        return ()
    number: int = code.value[0]
    return ((retry_hint.KEY, retry_hint.encode_hint(number, text, seconds)),)


DRAINING = Outcome(StatusCode.UNAVAILABLE, "The server is about to stop. Try again in a moment.")
UNKNOWN_METHOD = Outcome(StatusCode.UNIMPLEMENTED, "There is no such method on this listener.")
_FULL: Final = "Too many streaming calls are open. Try again later."
TOO_MANY_STREAMS = Outcome(
    StatusCode.RESOURCE_EXHAUSTED, _FULL, hint(StatusCode.RESOURCE_EXHAUSTED, _FULL, _STREAMS_S)
)
NO_TRAILERS = Outcome(
    StatusCode.INTERNAL,
    "The call came without `te: trailers`: something on the way does not speak gRPC.",
)


def outcome_of(error: Exception, context: CallContext, path: str) -> Outcome:
    """Tell how a call ends that raised `error`; what nobody foresaw is logged, not told."""
    if isinstance(error, CallError):
        return Outcome(error.code, error.text)
    if isinstance(error, Refusal):
        text = f"{error.message} {error.advice}".strip()
        code = StatusCode[error.status]
        metadata = (*context.trailing_metadata(), ("sp1tee-code", error.code))
        return Outcome(code, text, (*metadata, *hint(code, text, error.retry_after_s)))
    if isinstance(error, StoreUnavailable):
        _log.error("store failed a call", method=path, code=error.code, reason=error.message)
        metadata = (("sp1tee-code", error.code),)
        return Outcome(StatusCode.UNAVAILABLE, f"{error.message} Try again later.", metadata)
    if isinstance(error, grpc.aio.AbortError) or context.code() is not StatusCode.OK:
        return Outcome(context.code(), context.details(), context.trailing_metadata())
    _log.error("call failed", method=path, exc_info=error)
    return Outcome(
        StatusCode.INTERNAL, "The server failed on this call; its log says why. Try again."
    )


async def send_outcome(scope: Scope, send: Send, outcome: Outcome) -> None:
    """Send a reply that has no message."""
    if "http.response.trailers" not in scope["extensions"]:
        headers = [*START["headers"], *outcome.headers()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send(_NO_BODY)
        return
    await send(START)
    await send(_NO_BODY)
    await send(trailers_event(outcome))


def trailers_event(outcome: Outcome) -> Event:
    """Make the event that ends a reply."""
    return {"type": "http.response.trailers", "headers": outcome.headers()}
