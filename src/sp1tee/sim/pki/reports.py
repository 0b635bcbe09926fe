"""What a TD and the quoting enclave report of themselves (Intel TDX DCAP quote format)."""

from dataclasses import dataclass
from typing import Final

QE_VENDOR: Final = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")
"""The vendor id of Intel's quoting enclaves."""
QE_SIGNER: Final = bytes.fromhex("dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5")
"""MRSIGNER of Intel's quoting enclaves."""

# Bits of td_attributes, a little-endian number of 64 bits.
DEBUG: Final = 1 << 0
SEPT_VE_DISABLE: Final = 1 << 28
MIGRATABLE: Final = 1 << 29
PERFMON: Final = 1 << 63


def attributes(*bits: int) -> bytes:
    """Write td_attributes with these bits set: ``attributes(SEPT_VE_DISABLE, DEBUG)``."""
    return sum(bits).to_bytes(8, "little")


@dataclass(frozen=True, slots=True, kw_only=True)
class TdReport:
    """A TD report, 1.0 or 1.5; unset fields are as a healthy dstack 0.5 guest has them.

    Every field has a fixed size, the one of its default. `tee_tcb_svn2` and `mr_service_td` are
    only in quotes of version 5.
    """

    tee_tcb_svn: bytes = bytes.fromhex("0b010400000000000000000000000000")
    mr_seam: bytes = bytes.fromhex("5e" * 48)
    mr_signer_seam: bytes = bytes(48)
    seam_attributes: bytes = bytes(8)
    td_attributes: bytes = attributes(SEPT_VE_DISABLE)
    xfam: bytes = bytes.fromhex("e702060000000000")
    mr_td: bytes = bytes.fromhex("d0" * 48)
    mr_config_id: bytes = bytes(48)
    mr_owner: bytes = bytes(48)
    mr_owner_config: bytes = bytes(48)
    rtmr0: bytes = bytes.fromhex("a0" * 48)
    rtmr1: bytes = bytes.fromhex("a1" * 48)
    rtmr2: bytes = bytes.fromhex("a2" * 48)
    rtmr3: bytes = bytes.fromhex("a3" * 48)
    report_data: bytes = bytes(64)
    tee_tcb_svn2: bytes = bytes.fromhex("0b010400000000000000000000000000")
    mr_service_td: bytes = bytes(48)

    def encode(self, version: int) -> bytes:
        """Write it: 584 bytes as TD report 1.0 for version 4, 648 as 1.5 for version 5."""
        fields = (
            *(self.tee_tcb_svn, self.mr_seam, self.mr_signer_seam, self.seam_attributes),
            *(self.td_attributes, self.xfam, self.mr_td),
            *(self.mr_config_id, self.mr_owner, self.mr_owner_config),
            *(self.rtmr0, self.rtmr1, self.rtmr2, self.rtmr3, self.report_data),
        )
        newer = (self.tee_tcb_svn2, self.mr_service_td)
        return b"".join(fields if version < 5 else fields + newer)  # noqa: PLR2004


@dataclass(frozen=True, slots=True, kw_only=True)
class EnclaveReport:
    """An SGX report body of 384 bytes; unset fields are as Intel's TD quoting enclave has them."""

    cpu_svn: bytes = bytes.fromhex("0404191b04ff00060000000000000000")
    misc_select: bytes = bytes(4)
    attributes: bytes = bytes.fromhex("1500000000000000e700000000000000")
    mr_enclave: bytes = bytes.fromhex("e5" * 32)
    mr_signer: bytes = QE_SIGNER
    product: int = 2
    svn: int = 6

    def encode(self, report_data: bytes) -> bytes:
        """Write it over 64 bytes of report data."""
        return b"".join(
            (
                self.cpu_svn,
                self.misc_select,
                bytes(28),
                self.attributes,
                self.mr_enclave,
                bytes(32),
                self.mr_signer,
                bytes(96),
                self.product.to_bytes(2, "little"),
                self.svn.to_bytes(2, "little"),
                bytes(60),
                report_data.ljust(64, b"\0"),
            )
        )
