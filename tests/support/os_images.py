"""Quotes' measurements, as far as they say which image booted."""

from dataclasses import dataclass, replace

from support import event_logs


@dataclass(frozen=True)
class Measured:
    mr_td: bytes
    rtmr0: bytes
    rtmr1: bytes
    rtmr2: bytes

    def but(self, **values: bytes) -> "Measured":
        return replace(self, **values)


def of_boot(boot: event_logs.Boot) -> Measured:
    return Measured(boot.mr_td, *boot.boot)


def of_table(name: str) -> Measured:
    """The measurements of tests/data/attestation/os-measurements."""
    info = event_logs.load(f"os-measurements/{name}.json")
    return Measured(*(bytes.fromhex(info[key]) for key in ("mrtd", "rtmr0", "rtmr1", "rtmr2")))


def release() -> Measured:
    return of_table("near-mpc-tcb_info")


def dev() -> Measured:
    return of_table("near-mpc-tcb_info_dev")
