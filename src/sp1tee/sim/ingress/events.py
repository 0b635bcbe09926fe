"""A dstack 0.5 guest's measurements: events, registers, and the images that make them."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

RUNTIME: Final = 0x08000001
"""The type of every event that a guest measures into RTMR3."""
READY: Final = "system-ready"


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the event log."""

    imr: int
    type: int
    digest: bytes
    name: str = ""
    payload: bytes = b""

    def to_json(self) -> dict[str, object]:
        """Write it as the guest agent serves it."""
        return {
            "imr": self.imr,
            "event_type": self.type,
            "digest": self.digest.hex(),
            "event": self.name,
            "event_payload": self.payload.hex(),
        }


def runtime(name: str, payload: bytes = b"") -> Event:
    """Measure an event into RTMR3 (dstack, version 1 of the digest)."""
    preimage = b":".join((RUNTIME.to_bytes(4, "little"), name.encode(), payload))
    return Event(3, RUNTIME, hashlib.sha384(preimage).digest(), name, payload)


def boot(imr: int, kind: int, measured: str | bytes) -> Event:
    """Measure something at boot: by its description, or by a known digest."""
    digest = hashlib.sha384(measured.encode()).digest() if isinstance(measured, str) else measured
    return Event(imr, kind, digest)


def replay(events: Iterable[Event], imr: int) -> bytes:
    """Extend a register with the digests of its events, from zero."""
    register = bytes(48)
    for event in events:
        if event.imr == imr:
            register = hashlib.sha384(register + event.digest).digest()
    return register


@dataclass(frozen=True, slots=True)
class OsImage:
    """An OS image that boots.

    Attributes:
        name: as the table of images has it.
        dev: whether it has a developer's login.
        initrd: what tells its RTMR2 from others'.
        firmware: what tells its MRTD from others'.
    """

    name: str
    dev: bool = False
    initrd: str = "initrd"
    firmware: str = "firmware"

    @property
    def mr_td(self) -> bytes:
        """The firmware's measurement."""
        return hashlib.sha384(f"sim {self.firmware}".encode()).digest()

    @property
    def hash(self) -> bytes:
        """What the `os-image-hash` event says."""
        return hashlib.sha256(f"sim {self.name}".encode()).digest()

    def events(self, hardware: str = "") -> tuple[Event, ...]:
        """Boot on some hardware, which only RTMR0 tells apart."""
        return (
            boot(0, 0x8000000B, f"sim td-hob {hardware}"),
            boot(0, 0x8000000A, "sim cfv"),
            boot(0, 0x80000001, "sim secure-boot"),
            boot(0, 0x0000000A, f"sim acpi {hardware}"),
            boot(1, 0x80000003, f"sim kernel {self.firmware}"),
            *(boot(1, kind, bytes.fromhex(digest)) for kind, digest in _KERNEL_STARTS),
            boot(2, 0x00000006, f"sim command line {self.name}"),
            boot(2, 0x00000006, f"sim {self.initrd}"),
        )


# What every EFI stub measures, whatever the kernel.
_KERNEL_STARTS: Final = (
    (
        0x80000007,
        "77a0dab2312b4e1e57a84d865a21e5b2ee8d677a21012ada819d0a98988078d3d740f6346bfe0abaa938ca20439a8d71",
    ),
    (
        0x00000004,
        "394341b7182cd227c5c6b07ef8000cdfd86136c4292b8e576573ad7ed9ae41019f5818b4b971c9effc60e1ad9f1289f0",
    ),
    (
        0x80000007,
        "214b0bef1379756011344877743fdc2a5382bac6e70362d624ccf3f654407c1b4badf7d8f9295dd3dabdef65b27677e0",
    ),
    (
        0x80000007,
        "0a2e01c85deae718a530ad8c6d20a84009babe6c8989269e950d8cf440c6e997695e64d455c4174a652cd080f6230b74",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """What a guest is told at boot and measures into RTMR3.

    Attributes:
        app_id: 20 bytes.
        instance_id: 20 bytes.
        os: the image.
        provider: who hands out keys: its name, and its id in hex.
        kms: aggregated measurement of the KMS.
        hardware: which kind of machine.
    """

    app_id: bytes
    instance_id: bytes
    os: OsImage
    provider: tuple[str, str]
    kms: bytes = hashlib.sha256(b"sim kms").digest()
    hardware: str = "8 vcpu, 16 GiB"

    @property
    def key_provider(self) -> str:
        """The provider as it is measured."""
        name, identity = self.provider
        return json.dumps({"name": name, "id": identity}, separators=(",", ":"))

    def events(self, compose_hash: bytes) -> tuple[Event, ...]:
        """Measure the application, in the order of dstack 0.5.5 and later."""
        return (
            runtime("system-preparing"),
            runtime("app-id", self.app_id),
            runtime("compose-hash", compose_hash),
            runtime("instance-id", self.instance_id),
            runtime("boot-mr-done"),
            runtime("mr-kms", self.kms),
            runtime("os-image-hash", self.os.hash),
            runtime("key-provider", self.key_provider.encode()),
            runtime("storage-fs", b"zfs"),
            runtime(READY),
        )


def insert(events: Sequence[Event], before: str, *new: Event) -> tuple[Event, ...]:
    """Put events before the one of that name."""
    at = next(number for number, event in enumerate(events) if event.name == before)
    return (*events[:at], *new, *events[at:])
