"""One call to moongate: Twirp over HTTP/1.1, protobuf both ways.

Every request message is ``bytes data = 1`` and every answer ``bytes result = 1``; but Ready takes
nothing and answers ``bool ready = 1`` (SP1 v5, crates/cuda/proto/api.proto). A call lasts as long
as the work, and the server may notice only at its end that nobody waits any more.
"""

from typing import Final

import httpx

from sp1tee import __version__
from sp1tee.errors import FulfillError, MalformedMessage, ProverFailed, ProverUnavailable
from sp1tee.fulfill.endpoint import CONNECT_SECONDS
from sp1tee.http_client import HttpClient
from sp1tee.wire.dialect import walk

MAX_ANSWER_BYTES: Final = 4 << 30
"""More than any proving key or proof has."""

_OK: Final = 200
_NOT_FOUND: Final = 404
_FIELD_ONE: Final = b"\x0a"  # number 1, length-delimited
_SEVEN_BITS: Final = 0x7F


class Moongate:
    """The connection to one server, which works for one device."""

    def __init__(self, url: str) -> None:
        """Prepare to call the server at ``http(s)://host:port``; nothing is sent yet."""
        self._http = HttpClient(
            base_url=f"{url}/twirp/api.ProverService/",
            headers={"user-agent": f"sp1tee/{__version__}", "content-type": "application/protobuf"},
            # How long a proof takes only its deadline says.
            timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
            trust_env=False,
        )

    async def aclose(self) -> None:
        """Close it."""
        await self._http.aclose()

    async def ready(self, seconds: float) -> bool:
        """Ask whether the server has started up; raises `ProverUnavailable`."""
        try:
            fields = list(walk(await self._post("Ready", b"", seconds)))
        except MalformedMessage:
            fields = []
        except ProverFailed as error:
            raise ProverUnavailable(error.message) from None
        return any(field.number == 1 and any(field.payload) for field in fields)

    async def call(self, method: str, *data: bytes) -> bytes:
        """Have something computed from the concatenation of `data`.

        Raises:
            ProverUnavailable: nobody is there, or it is no moongate.
            ProverFailed: it did not manage to, or its answer is none.
        """
        size = sum(map(len, data))
        answer = await self._post(method, b"".join((_FIELD_ONE, _varint(size), *data)), None)
        try:
            results = [field.payload for field in walk(answer) if field.number == 1]
        except MalformedMessage:
            results = []
        if len(results) != 1:
            raise ProverFailed(f"Moongate's answer to {method} is none.")
        return results[0]

    async def _post(self, method: str, message: bytes, seconds: float | None) -> bytes:
        timeout = httpx.Timeout(seconds, connect=CONNECT_SECONDS)
        try:
            async with self._http.stream(
                "POST", method, content=message, timeout=timeout
            ) as answer:
                if answer.status_code != _OK:
                    raise _refused(method, answer.status_code)
                return await _read(method, answer)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise ProverUnavailable(
                "Moongate cannot be reached.", advice="Check that it runs, and --prover-url."
            ) from None
        except httpx.HTTPError as error:
            raise ProverFailed(
                f"Moongate broke off in the middle of {method} ({type(error).__name__}).",
                advice="It may have crashed: see its log, and restart it if it hangs.",
            ) from None


async def _read(method: str, answer: httpx.Response) -> bytes:
    made = bytearray()
    async for block in answer.aiter_bytes():
        made += block
        if len(made) > MAX_ANSWER_BYTES:
            raise ProverFailed(f"Moongate's answer to {method} is longer than any.")
    return bytes(made)


def _refused(method: str, status: int) -> FulfillError:
    """Name the status alone: the text of a panic may have an input in it."""
    if status == _NOT_FOUND:
        return ProverUnavailable(
            f"What answers is no moongate: it has no {method}.", advice="Check --prover-url."
        )
    return ProverFailed(f"Moongate failed at {method} with HTTP {status}.")


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > _SEVEN_BITS:
        made.append(number & _SEVEN_BITS | 0x80)
        number >>= 7
    return bytes([*made, number])
