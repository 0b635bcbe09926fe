"""The parts of a bundle, each read once: a value, or why there is none."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from sp1tee.errors import EvidenceMissing, VerifyError
from sp1tee.verify.evidence.bundle import Bundle
from sp1tee.verify.evidence.manifest import Download, IngressFile
from sp1tee.verify.guest_info import InfoFacts, parse_info
from sp1tee.verify.ingress import QUOTE
from sp1tee.verify.quote import QuoteInput, read_quote
from sp1tee.verify.report import Input
from sp1tee.verify.rtmr3 import Event, read_events

T = TypeVar("T")


def attempt(reading: Callable[[], T]) -> T | VerifyError:
    """Read something, or say why it cannot be read."""
    try:
        return reading()
    except VerifyError as error:
        return error


@dataclass(frozen=True)
class Parts:
    """What a bundle holds."""

    bundle: Bundle

    @cached_property
    def ingress_files(self) -> dict[str, bytes]:
        """Evidence files by their names."""
        found = ((record, self.bundle.file(record.file)) for record in self.bundle.manifest.ingress)
        return {record.name: body for record, body in found if body is not None}

    @cached_property
    def quote(self) -> QuoteInput | VerifyError:
        """The quote among them."""
        body = self.ingress_files.get(QUOTE)
        if body is None:
            return _missing(_record(self.bundle.manifest.ingress, QUOTE), f"There is no {QUOTE}.")
        return attempt(lambda: read_quote(body))

    @cached_property
    def events(self) -> tuple[Event, ...] | VerifyError:
        """The event log that came with the quote; no other is taken for it."""
        quote = self.quote
        if isinstance(quote, VerifyError):
            return quote
        log = quote.event_log
        if log is None:
            return EvidenceMissing(f"{QUOTE} has no event log.")
        return attempt(lambda: read_events(list(log)))

    @cached_property
    def collateral(self) -> bytes | VerifyError:
        """The quote's collateral."""
        return self._download(self.bundle.manifest.collateral, "There is no collateral.")

    @cached_property
    def info(self) -> InfoFacts | VerifyError:
        """What the guest says of itself."""
        body = self._download(self.bundle.manifest.info, "The guest's Info was not asked for.")
        return body if isinstance(body, VerifyError) else attempt(lambda: parse_info(body))

    @cached_property
    def app_compose(self) -> bytes | VerifyError:
        """The app-compose.json that the guest gives, byte for byte."""
        info = self.info
        if isinstance(info, VerifyError):
            return info
        if info.app_compose is None:
            return EvidenceMissing(
                "The guest does not give its app-compose.json.",
                advice="Its operator switched public_tcbinfo off; without the file nobody can "
                "know what its hash stands for.",
            )
        return info.app_compose.encode()

    def inputs(self) -> tuple[Input, ...]:
        """Return every file of the bundle, for the report."""
        bodies = sorted(self.bundle.bodies.items())
        return (
            Input("bundle.json", self.bundle.text),
            *(Input(path, body) for path, body in bodies),
        )

    def _download(self, record: Download | None, absent: str) -> bytes | VerifyError:
        body = None if record is None else self.bundle.file(record.file)
        return _missing(record, absent) if body is None else body


def _record(records: tuple[IngressFile, ...], name: str) -> IngressFile | None:
    return next((record for record in records if record.name == name), None)


def _missing(record: IngressFile | Download | None, absent: str) -> EvidenceMissing:
    if record is None or record.trouble is None:
        return EvidenceMissing(absent)
    return EvidenceMissing(f"{absent} When it was fetched: {record.trouble.message}")
