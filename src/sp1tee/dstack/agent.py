"""The agent's methods, in both of its generations.

Since dstack 0.4 it listens at ``dstack.sock`` (``/GetKey``, ``/GetQuote``, ``/Info``) and, for
those who have not moved, at ``tappd.sock`` (``/prpc/Tappd.DeriveKey`` and so on), which is all
that dstack 0.3 has. Each method is asked for by its new name first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from sp1tee.dstack.answers import (
    REPORT_DATA_SIZE,
    Guest,
    Quote,
    read_derived_key,
    read_guest,
    read_key,
    read_quote,
)
from sp1tee.dstack.exchange import Fields, Method, ask
from sp1tee.errors import AgentGarbled

_KIB: Final = 1 << 10
_MIB: Final = 1 << 20
# An old agent's key comes with a certificate that its KMS signs; a quote takes a quoting enclave.
_SECONDS: Final = 30.0

_GET_KEY: Final = Method("/GetKey", 64 * _KIB, _SECONDS)
_GET_QUOTE: Final = Method("/GetQuote", 2 * _MIB, _SECONDS)
_INFO: Final = Method("/Info", 2 * _MIB, _SECONDS)
_OLD_KEY: Final = Method("/prpc/Tappd.DeriveKey", 64 * _KIB, _SECONDS)
_OLD_QUOTE: Final = Method("/prpc/Tappd.RawQuote", 2 * _MIB, _SECONDS)
_OLD_INFO: Final = Method("/prpc/Tappd.Info", 2 * _MIB, _SECONDS)


@final
@dataclass(frozen=True, slots=True)
class GuestAgent:
    """The agent behind a socket.

    Every method raises:
        AgentAway: nobody answers there, or not within half a minute.
        AgentRefused: the agent says no.
        AgentGarbled: what answers is no guest agent.
    """

    socket: Path

    async def key(self, path: str) -> bytes:
        """Return the 32 bytes that belong to this application and this path.

        They are the same after a restart, on another machine and after an upgrade, as long as the
        application's id and its key provider are. Whoever else in the guest has the socket can ask
        for them too. Both generations' methods give the same bytes on a guest since dstack 0.4.
        """
        answer = await ask(self.socket, _GET_KEY, {"path": path, "purpose": ""})
        if answer is not None:
            return read_key(answer)
        return read_derived_key(await self._old(_OLD_KEY, {"path": path, "subject": "sp1tee"}))

    async def quote(self, report_data: bytes) -> Quote:
        """Have this guest quoted over at most 64 bytes, which are filled up with zeros."""
        padded = report_data.ljust(REPORT_DATA_SIZE, b"\0")
        question = {"report_data": padded.hex()}
        answer = await ask(self.socket, _GET_QUOTE, question)
        if answer is None:
            answer = await self._old(_OLD_QUOTE, question)
        return read_quote(answer, padded)

    async def guest(self) -> Guest:
        """Say who this guest is."""
        answer = await ask(self.socket, _INFO, {})
        return read_guest(answer if answer is not None else await self._old(_OLD_INFO, {}))

    async def _old(self, method: Method, question: Mapping[str, str]) -> Fields:
        answer = await ask(self.socket, method, question)
        if answer is None:
            raise AgentGarbled(f"What listens at {self.socket} has no method of a guest agent.")
        return answer
