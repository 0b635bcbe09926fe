"""Attacks with what was measured: the guest, its event log, its identity."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from sp1tee.sim.ingress.attacks.attack import Attack
from sp1tee.sim.ingress.events import READY, Event, insert, runtime
from sp1tee.sim.ingress.host import DEV, OLD, Host

_Log = list[dict[str, Any]]
_OTHER: Final = hashlib.sha256(b"another").digest()


def _guest(**fields: Any) -> Callable[[Host], Host]:
    """Boot with something else."""
    return lambda host: replace(host, guest=replace(host.booted, **fields))


def _events(change: Callable[[tuple[Event, ...]], tuple[Event, ...]]) -> Callable[[Host], Host]:
    """Measure other events."""
    return lambda host: host.twisted(events=change)


def _entry(name: str, **fields: Any) -> Callable[[Host], Host]:
    """Tell something else about an event than was measured."""

    def act(log: _Log) -> _Log:
        return [{**entry, **fields} if entry["event"] == name else entry for entry in log]

    return lambda host: host.twisted(log=act)


def _registers(change: Callable[[Any], Any]) -> Callable[[Host], Host]:
    """Write the register's number otherwise for runtime events."""

    def act(log: _Log) -> _Log:
        return [{**e, "imr": change(e["imr"])} if e["event"] else e for e in log]

    return lambda host: host.twisted(log=act)


def _short_digests(log: _Log) -> _Log:
    return [{**e, "digest": e["digest"][:64]} if e["event"] else e for e in log]


def _as_version_2(log: _Log) -> _Log:
    return [{**e, "version": 2} if e["event"] else e for e in log]


def _another_application(host: Host) -> Host:
    """Run one's own application in a genuine guest, with evidence of its own."""
    settings = {**host.settings, "name": "look-alike"}
    return _guest(app_id=_OTHER[:20], instance_id=_OTHER[:20])(replace(host, settings=settings))


def _own_os(host: Host) -> Host:
    """Boot an OS of one's own that measures the published application's events."""

    def booted(log: _Log) -> _Log:
        return [entry for entry in log if entry["event"]]

    own = {f"rtmr{n}": hashlib.sha384(f"own {n}".encode()).digest() for n in range(3)}
    return host.twisted(report=lambda report: replace(report, **own), log=booted)


ATTACKS: Final = (
    Attack(
        "another-application",
        ("10", "42"),
        "runs an application of its own in a genuine guest",
        ("rtmr3.app-id",),
        _another_application,
    ),
    Attack(
        "own-os",
        ("11",),
        "boots an OS of its own that measures the published application's events",
        ("os.image",),
        _own_os,
    ),
    Attack(
        "dev-image",
        ("13",),
        "boots a developer's image, with a login",
        ("os.release",),
        _guest(os=DEV),
    ),
    Attack(
        "old-image",
        ("13",),
        "boots an image that nobody accepts any more",
        ("os.accepted",),
        _guest(os=OLD),
    ),
    Attack(
        "payload-altered",
        ("21",),
        "tells another compose hash than was measured, and keeps the digest",
        ("rtmr3.digests",),
        _entry("compose-hash", event_payload=_OTHER.hex()),
    ),
    Attack(
        "digest-altered",
        ("21",),
        "tells another digest than was measured",
        ("rtmr3.digests",),
        _entry("compose-hash", digest=hashlib.sha384(b"").hexdigest()),
    ),
    Attack(
        "short-digests",
        ("22",),
        "tells digests that are cut short",
        ("rtmr3.log",),
        lambda host: host.twisted(log=_short_digests),
    ),
    Attack(
        "event-type-altered",
        ("23",),
        "tells that the application's id is no runtime event",
        ("rtmr3.event-types",),
        _entry("app-id", event_type=1),
    ),
    Attack(
        "two-compose-hashes",
        ("24",),
        "measures two compose hashes",
        ("rtmr3.unique",),
        _events(lambda all_: insert(all_, "boot-mr-done", runtime("compose-hash", _OTHER))),
    ),
    Attack(
        "event-after-ready",
        ("25",),
        "measures an event after the system was ready",
        ("rtmr3.extra-events",),
        _events(lambda all_: (*all_, runtime("compose-hash-extra", _OTHER))),
    ),
    Attack(
        "never-ready",
        ("26",),
        "never measures that the system is ready",
        ("rtmr3.chain",),
        _events(lambda all_: tuple(event for event in all_ if event.name != READY)),
    ),
    Attack(
        "reordered",
        ("26",),
        "measures events in another order",
        ("rtmr3.chain",),
        _events(lambda all_: (*all_[3:], *all_[:3])),
    ),
    Attack(
        "colon-in-name",
        ("27",),
        "measures an event whose name has a colon",
        ("rtmr3.event-names",),
        _events(lambda all_: insert(all_, READY, runtime("app-id:5a", b"x"))),
    ),
    Attack(
        "odd-name",
        ("28",),
        "measures an event whose name looks like another's",
        ("rtmr3.event-names",),
        _events(lambda all_: insert(all_, READY, runtime("compose\u2010hash", _OTHER))),
    ),
    Attack(
        "register-as-text",
        ("29",),
        "tells registers as text",
        ("rtmr3.log",),
        _registers(str),
    ),
    Attack(
        "register-as-float",
        ("29",),
        "tells registers as fractions",
        ("rtmr3.log",),
        _registers(float),
    ),
    Attack(
        "register-that-is-none",
        ("29",),
        "tells events of register 99",
        ("rtmr3.log",),
        _registers(lambda _: 99),
    ),
    Attack(
        "versions-mixed",
        ("30",),
        "tells version 2 for events that were measured as version 1",
        ("rtmr3.digests",),
        lambda host: host.twisted(log=_as_version_2),
    ),
    Attack(
        "log-in-info-only",
        ("31",),
        "has the event log in the guest agent's Info only",
        ("rtmr3.replay",),
        lambda host: host.twisted(log=lambda _: []),
    ),
    Attack(
        "info-of-another-instance",
        ("32",),
        "has another instance answer for the guest",
        ("evidence.same-guest",),
        lambda host: host.twisted(info=lambda info: {**info, "instance_id": _OTHER[:20].hex()}),
    ),
    Attack(
        "no-key-provider",
        ("43",),
        "runs without a key provider",
        ("rtmr3.key-provider",),
        _guest(provider=("none", "")),
    ),
    Attack(
        "local-key-provider",
        ("43",),
        "has its keys from an enclave of the host",
        ("rtmr3.key-provider",),
        _guest(provider=("local-sgx", _OTHER.hex())),
    ),
    Attack(
        "unknown-kms",
        ("43",),
        "has its keys from another KMS",
        ("rtmr3.key-provider",),
        _guest(provider=("kms", _OTHER.hex())),
    ),
    Attack(
        "another-instance",
        ("44",),
        "runs another instance of the application",
        ("rtmr3.instance-id",),
        _guest(instance_id=_OTHER[:20]),
    ),
)
