"""From events to facts: the replay, the order, and who the guest says it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sp1tee.errors import EvidenceMalformed, EvidenceMissing, EvidenceTooLarge
from sp1tee.verify.rtmr3 import chains
from sp1tee.verify.rtmr3.chains import Chain
from sp1tee.verify.rtmr3.digests import START, digest_of, replay
from sp1tee.verify.rtmr3.events import RTMR3, Event
from sp1tee.verify.rtmr3.payloads import APP_ID_SIZE, KMS, Provider, read_provider

HASH_SIZE: Final = 32


@dataclass(frozen=True, slots=True)
class Measured:
    """An event that extends RTMR3.

    Attributes:
        event: it.
        digest: its digest, computed from name and payload.
        value: what RTMR3 was after it.
    """

    event: Event
    digest: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class BootRegister:
    """One of RTMR0 to RTMR2.

    Attributes:
        index: which.
        quoted: its value in the quote.
        replayed: what the log's digests make of it; None if the log lacks events or digests.
    """

    index: int
    quoted: bytes
    replayed: bytes | None


@dataclass(frozen=True, slots=True)
class Rtmr3Facts:
    """What an event log says, and how far RTMR3 bears it out.

    The identity is taken from before `boot-mr-done`, key provider and image from before
    `system-ready`: nothing else could add events there. A value is None if it was not measured,
    has another size, or was measured twice.

    Attributes:
        measured: the events that extend RTMR3, in order.
        rtmr3: its value in the quote.
        replayed: its value by the log.
        boot: RTMR0 to RTMR2; empty if the quote's were not given.
        fitting: the chains whose order the log has.
        app_id: 20 bytes.
        compose_hash: SHA-256 of app-compose.json.
        instance_id: 20 bytes, or none if the application has no instance ids.
        os_image_hash: what the KMS calls the image.
        mr_kms: the KMS's own aggregated measurement.
        key_provider: who hands out the keys.
    """

    measured: tuple[Measured, ...]
    rtmr3: bytes
    replayed: bytes
    boot: tuple[BootRegister, ...]
    fitting: tuple[Chain, ...]
    app_id: bytes | None
    compose_hash: bytes | None
    instance_id: bytes | None
    os_image_hash: bytes | None
    mr_kms: bytes | None
    key_provider: Provider | None

    @property
    def replays(self) -> bool:
        """Whether the log is the one that RTMR3 was made of."""
        return self.replayed == self.rtmr3

    @property
    def before_ready(self) -> tuple[Event, ...]:
        """The events up to and including the first `system-ready`."""
        return _until(tuple(entry.event for entry in self.measured), chains.READY)

    @property
    def after_ready(self) -> tuple[Event, ...]:
        """The events after the first `system-ready`."""
        return tuple(entry.event for entry in self.measured[len(self.before_ready) :])

    @property
    def uses_kms(self) -> bool:
        """Whether the keys come from a KMS."""
        return _uses_kms(self.before_ready, self.key_provider)

    @property
    def versions(self) -> str | None:
        """The dstack versions whose order the log has, in words."""
        if not self.fitting:
            return None
        first, last = self.fitting[0].since, self.fitting[-1].until
        return first if first == last else f"{first} to {last}"


def examine(
    events: Sequence[Event], rtmr3: bytes, *, boot: Sequence[bytes] | None = None
) -> Rtmr3Facts:
    """Replay a log and read what it says.

    The cost is two hashes an event. Given digests of runtime events count for nothing here.

    Args:
        events: the log.
        rtmr3: the quote's RTMR3.
        boot: the quote's RTMR0 to RTMR2, to compare the log's boot events with.
    """
    runtime = tuple(event for event in events if event.imr == RTMR3)
    digests = [digest_of(event) for event in runtime]
    values = replay(digests)
    measured = tuple(map(Measured, runtime, digests, values[1:]))
    identity = _until(runtime, chains.BOOT_DONE)
    booted = _until(runtime, chains.READY)
    provider = _provider(_only(booted, chains.KEY_PROVIDER))
    return Rtmr3Facts(
        measured=measured,
        rtmr3=rtmr3,
        replayed=values[-1],
        boot=tuple(_boot_register(events, *entry) for entry in enumerate(boot or ())),
        fitting=chains.fitting([event.name for event in booted], kms=_uses_kms(booted, provider)),
        app_id=_sized(_only(identity, chains.APP_ID), APP_ID_SIZE),
        compose_hash=_sized(_only(identity, chains.COMPOSE_HASH), HASH_SIZE),
        instance_id=_sized(_only(identity, chains.INSTANCE_ID), 0, APP_ID_SIZE),
        os_image_hash=_sized(_only(booted, chains.OS_IMAGE_HASH), HASH_SIZE),
        mr_kms=_sized(_only(booted, chains.MR_KMS), HASH_SIZE),
        key_provider=provider,
    )


def identity_of(events: Sequence[Event]) -> str:
    """Name the guest that a log is of, to ask it: in hex its instance, else its application.

    Nothing bears it out: it is where to ask, not who answers.

    Raises:
        EvidenceMissing: the log names neither.
    """
    facts = examine(events, START)
    found = facts.instance_id or facts.app_id
    if not found:
        raise EvidenceMissing("The event log names no instance and no application.")
    return found.hex()


def _until(events: tuple[Event, ...], name: str) -> tuple[Event, ...]:
    """Return the events up to and including the first of this name; all if there is none."""
    for index, event in enumerate(events):
        if event.name == name:
            return events[: index + 1]
    return events


def _only(events: Sequence[Event], name: str) -> bytes | None:
    payloads = [event.payload for event in events if event.name == name]
    return payloads[0] if len(payloads) == 1 else None


def _sized(payload: bytes | None, *sizes: int) -> bytes | None:
    return payload if payload is not None and len(payload) in sizes else None


def _provider(payload: bytes | None) -> Provider | None:
    try:
        return None if payload is None else read_provider(payload)
    except (EvidenceMalformed, EvidenceTooLarge):
        return None


def _uses_kms(events: Sequence[Event], provider: Provider | None) -> bool:
    if provider is not None:
        return provider.name == KMS
    # Unreadable: then by what only a KMS's answer brings.
    return any(event.name in (chains.MR_KMS, chains.OS_IMAGE_HASH) for event in events)


def _boot_register(events: Sequence[Event], index: int, quoted: bytes) -> BootRegister:
    given = [event.digest for event in events if event.imr == index]
    digests = [digest for digest in given if digest is not None]
    known = bool(given) and len(digests) == len(given)
    return BootRegister(index, quoted, replay(digests)[-1] if known else None)
