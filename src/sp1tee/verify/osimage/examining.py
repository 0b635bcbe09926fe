"""Which known image booted, by its measurements."""

from dataclasses import dataclass
from typing import Final, Protocol

from sp1tee.verify.osimage.table import Image, Table

REGISTERS: Final = ("MRTD", "RTMR1", "RTMR2")
"""What identifies an image."""


class Registers(Protocol):
    """A TD report, as far as it is needed here; 48 bytes each."""

    @property
    def mr_td(self) -> bytes: ...  # noqa: D102 - see the class
    @property
    def rtmr0(self) -> bytes: ...  # noqa: D102
    @property
    def rtmr1(self) -> bytes: ...  # noqa: D102
    @property
    def rtmr2(self) -> bytes: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class OsFacts:
    """What booted.

    Attributes:
        mrtd: the firmware.
        rtmr0: the virtual machine's layout, by the host.
        rtmr1: the kernel.
        rtmr2: its command line, which holds the root file system's hash, and the initrd.
        image: the known image with these measurements.
        nearest: else the one that has most of them; None if none has any.
        differing: which of `REGISTERS` differ from the nearest's.
    """

    mrtd: bytes
    rtmr0: bytes
    rtmr1: bytes
    rtmr2: bytes
    image: Image | None
    nearest: Image | None
    differing: tuple[str, ...]


def examine(report: Registers, table: Table) -> OsFacts:
    """Look a quote's measurements up."""
    by_distance = sorted(table.images, key=lambda image: len(_differing(image, report)))
    nearest = by_distance[0] if by_distance else None
    differing = REGISTERS if nearest is None else _differing(nearest, report)
    return OsFacts(
        mrtd=report.mr_td,
        rtmr0=report.rtmr0,
        rtmr1=report.rtmr1,
        rtmr2=report.rtmr2,
        image=None if differing else nearest,
        nearest=None if differing == REGISTERS else nearest,
        differing=differing,
    )


def _differing(image: Image, report: Registers) -> tuple[str, ...]:
    same = (
        report.mr_td.hex() in image.mrtd,
        report.rtmr1.hex() in image.rtmr1,
        report.rtmr2.hex() == image.rtmr2,
    )
    return tuple(name for name, equal in zip(REGISTERS, same, strict=True) if not equal)
