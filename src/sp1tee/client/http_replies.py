"""What an answer to an upload or a download means.

A server of ours explains itself in JSON. Any other text is not shown: stores put URLs into theirs.
"""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import requests

from sp1tee.client.replies import clean, number
from sp1tee.errors import ServerRefusal, Unreachable
from sp1tee.wire.retry_hint import LONGEST_S

MAX_TEXT_BYTES: Final = 4096

_OUR_CODES: Final = "SP1TEE-"
_ADVICE: Final[dict[int, str]] = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "It is larger than the server allows; ask its operator.",
    HTTPStatus.FORBIDDEN: "The time to upload may have run out; send it again.",
}


@dataclass(frozen=True, slots=True)
class Told:
    """What a server says about its refusal; empty texts if it says nothing."""

    message: str = ""
    advice: str = ""
    code: str = ""


def judge(response: requests.Response, what: str) -> None:
    """Return if the server did it.

    Args:
        response: opened with ``stream``: of a long answer only the beginning is read.
        what: what it should do, in words that fit behind "to".

    Raises:
        Unreachable: it is busy or out of order.
        ServerRefusal: it does not want to.
    """
    status = response.status_code
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    told = read_told(response)
    said = f": {told.message} (HTTP {status})" if told.message else f" (HTTP {status})."
    wait_s = _retry_after(response)
    if _may_pass(status, told, wait_s):
        raise Unreachable(
            f"The server did not manage to {what}{said}",
            server_code=told.code,
            retry_after_s=wait_s,
        )
    raise ServerRefusal(
        f"The server refused to {what}{said}",
        status=f"HTTP {status}",
        server_code=told.code,
        advice=told.advice or _ADVICE.get(status, ""),
    )


def read_told(response: requests.Response) -> Told:
    """Read how a server of ours explains itself; anything else says nothing."""
    if not response.headers.get("content-type", "").startswith("application/json"):
        return Told()
    try:
        said = json.loads(next(response.iter_content(MAX_TEXT_BYTES), b""))
    except (ValueError, RecursionError):
        return Told()
    if not isinstance(said, dict) or not str(said.get("code")).startswith(_OUR_CODES):
        return Told()
    message, advice, code = (clean(str(said.get(k, ""))) for k in ("message", "advice", "code"))
    return Told(message, advice, code)


def _may_pass(status: int, told: Told, wait_s: float | None) -> bool:
    """Tell whether trying again may help.

    A server of ours says 429 where a quota is used up, and when that may be over.
    """
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return not told.code or wait_s is not None
    return status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _retry_after(response: requests.Response) -> float | None:
    """Read after how many seconds to come back (RFC 9110 §10.2.3); dates are not looked at."""
    seconds = number(response.headers.get("retry-after", ""))
    return None if seconds is None else min(float(seconds), LONGEST_S)
