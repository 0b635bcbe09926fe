"""Counting refusals by their stable codes, whoever on a listener makes them.

A refusal names its code where clients can read it: a call's in its trailers, an HTTP request's in
a header. What is counted is therefore exactly what was told.
"""

from collections.abc import Callable
from typing import Final

from sp1tee.serve.http import App, Event, Receive, Scope, Send
from sp1tee.serve.rpc_status import OK_TRAILERS

HEADER: Final = b"sp1tee-code"

_WENT_WELL: Final = (b"grpc-status", b"0")
_ENDING: Final = frozenset({"http.response.start", "http.response.trailers"})


def counting_refusals(app: App, refused: Callable[[str], None]) -> App:
    """Tell `refused` the code of every refusal that an app answers with."""

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        async def watched(event: Event) -> None:
            # Calls that went well, and most did, end with this very event.
            if event["type"] in _ENDING and event is not OK_TRAILERS:
                _count(event["headers"], refused)
            await send(event)

        await app(scope, receive, watched)

    return counted


def _count(headers: list[tuple[bytes, bytes]], refused: Callable[[str], None]) -> None:
    # A status that tells of a failed request names its code, too, and is a call that went well.
    code = next((value for name, value in headers if name == HEADER), None)
    if code is not None and _WENT_WELL not in headers:
        refused(code.decode("ascii"))
