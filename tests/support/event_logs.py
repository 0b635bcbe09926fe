"""Real quotes with their event logs, and logs made for a test."""

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sp1tee.verify.rtmr3 import Rtmr3Facts, event_log_of, examine, read_events
from sp1tee.verify.rtmr3.digests import digest_of, replay, runtime_event

DATA: Final = Path(__file__).parent.parent / "data" / "attestation"
_RTMR0: Final = 376
_SIZE: Final = 48

Log = list[dict[str, Any]]


@dataclass(frozen=True)
class Boot:
    """One boot: its quote's registers and its event log."""

    mr_td: bytes
    rtmr0: bytes
    rtmr1: bytes
    rtmr2: bytes
    rtmr3: bytes
    log: Log

    @property
    def boot(self) -> tuple[bytes, bytes, bytes]:
        return (self.rtmr0, self.rtmr1, self.rtmr2)

    def own_log(self) -> Log:
        """A copy to change."""
        return copy.deepcopy(self.log)

    def examined(self, log: Any = None) -> Rtmr3Facts:
        events = read_events(self.log if log is None else log)
        return examine(events, self.rtmr3, boot=self.boot)


def load(name: str) -> Any:
    return json.loads((DATA / name).read_text())


def boot(quote: bytes, log: Any) -> Boot:
    """Take a version 4 quote apart."""
    rtmrs = [quote[_RTMR0 + _SIZE * i : _RTMR0 + _SIZE * (i + 1)] for i in range(4)]
    events = event_log_of(log)
    return Boot(quote[184:232], *rtmrs, json.loads(events) if isinstance(events, str) else events)


def _with_tcb_info(folder: str) -> Boot:
    quote = bytes.fromhex((DATA / folder / "quote.hex").read_text().strip())
    return boot(quote, load(f"{folder}/tcb_info.json"))


def _with_quote_json(name: str) -> Boot:
    answer = load(name)
    return boot(bytes.fromhex(answer["quote"]), answer)


def near_2026() -> Boot:
    """dstack 0.5.8, a dev image, local key provider, an event of the application's."""
    return _with_tcb_info("dstack-near-mpc-2026-08")


def near_2025() -> Boot:
    """dstack 0.5, local key provider, an event of the application's."""
    return _with_tcb_info("dstack-near-mpc-2025-10")


def phala() -> Boot:
    """dstack 0.5.1 to 0.5.4 with a KMS."""
    return _with_quote_json("dstack-phala-prod8-2025-10/quote.json")


def lite() -> Boot:
    """dstack 0.6, digests left out."""
    return _with_quote_json("dstack-tdx-lite-v0.6/tdx-lite-getquote.json")


def legacy() -> Boot:
    """dstack 0.3."""
    return _with_tcb_info("dstack-legacy-v0.3")


def simulator() -> Boot:
    """dstack 0.4.2 to 0.5.0."""
    quote = bytes.fromhex((DATA / "dstack-simulator-v0.5.0/quote.hex").read_text().strip())
    return boot(quote, load("dstack-simulator-v0.5.0/eventlog.json"))


def simulator_head() -> Boot:
    """dstack 0.6, from a SCALE-encoded attestation: version, mode, quote, events."""
    scale = _Scale((DATA / "dstack-simulator-head/attestation.bin").read_bytes()[2:])
    quote = scale.vector()
    log = [
        {
            "imr": scale.u32(),
            "event_type": scale.u32(),
            "digest": scale.vector().hex(),
            "event": scale.vector().decode(),
            "event_payload": scale.vector().hex(),
        }
        for _ in range(scale.compact())
    ]
    return boot(quote, log)


class _Scale:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def compact(self) -> int:
        size = (1, 2, 4)[self._data[self._at] & 3]
        return self._take(size) >> 2

    def u32(self) -> int:
        return self._take(4)

    def vector(self) -> bytes:
        size = self.compact()
        self._at += size
        return self._data[self._at - size : self._at]

    def _take(self, size: int) -> int:
        self._at += size
        return int.from_bytes(self._data[self._at - size : self._at], "little")


REAL: Final = {
    "near 2026": near_2026,
    "near 2025": near_2025,
    "phala": phala,
    "lite": lite,
    "legacy": legacy,
    "simulator": simulator,
    "simulator head": simulator_head,
}


def runtime(log: Log) -> Log:
    return [event for event in log if event["imr"] == 3]


def named(log: Log, name: str) -> dict[str, Any]:
    return next(event for event in log if event["event"] == name)


def made(name: str, payload: bytes = b"", version: int = 1) -> dict[str, Any]:
    """An event as a guest agent would serve it."""
    entry = {
        "imr": 3,
        "event_type": 0x08000001,
        "digest": digest_of(runtime_event(name, payload, version)).hex(),
        "event": name,
        "event_payload": payload.hex(),
    }
    return entry if version == 1 else {**entry, "version": version}


def of_log(log: Sequence[dict[str, Any]]) -> Boot:
    """A boot that measured exactly this."""
    digests = [digest_of(event) for event in read_events(list(log)) if event.imr == 3]
    start = bytes(_SIZE)
    return Boot(start, start, start, start, replay(digests)[-1], list(log))


def remeasured(boot: Boot, log: Log) -> Boot:
    """The same boot, had it measured this in RTMR3."""
    return Boot(boot.mr_td, *boot.boot, of_log(runtime(log)).rtmr3, log)
