"""Quotes, signed as the quoting enclave does, and every way in which one can be wrong."""

import hashlib
from dataclasses import dataclass, field
from typing import Final

from sp1tee.sim.pki.certificates import Certified
from sp1tee.sim.pki.keys import Key
from sp1tee.sim.pki.reports import QE_VENDOR, EnclaveReport, TdReport

SGX: Final = 3
TDX_1_0: Final = 4
TDX_1_5: Final = 5
_ECDSA_P256: Final = 2
_TEE_TYPES: Final = {SGX: 0, TDX_1_0: 0x81, TDX_1_5: 0x81}
_TD_REPORT_1_5: Final = 3
_PCK_CHAIN: Final = 5
_QE_REPORT: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """How a quote is made; unset fields make a right one.

    Attributes:
        version: 4 or 5 over a TD report; 3 over an SGX enclave's report.
        body_type: of version 5, 3 for TD report 1.5.
        vendor: id of the quoting enclave's vendor.
        user_data: 20 bytes of the header; a dstack device id is their SHA-256.
        qe: the quoting enclave's report.
        auth_data: of the quoting enclave; dcap-qvl takes exactly 32 bytes.
        qe_binds: what the enclave's report binds, instead of attestation key and auth data.
        outer_type: of the certification data around the enclave's report, 6.
        inner_type: of the certification data inside, 5 for a PEM chain.
        inner_size: what it says its size is, if that is not so.
        tail: bytes behind the quote; the DCAP library's buffers end in zeros.
    """

    version: int = TDX_1_0
    body_type: int = _TD_REPORT_1_5
    vendor: bytes = QE_VENDOR
    user_data: bytes = bytes.fromhex("d5" * 16) + bytes(4)
    qe: EnclaveReport = field(default_factory=EnclaveReport)
    auth_data: bytes = bytes(range(32))
    qe_binds: bytes | None = None
    outer_type: int = _QE_REPORT
    inner_type: int = _PCK_CHAIN
    inner_size: int | None = None
    tail: bytes = b""


def sign_quote(
    body: TdReport | EnclaveReport, pck: Certified, attestation: Key, how: Making
) -> bytes:
    """Make a quote over a report.

    Args:
        body: the report; an enclave's for version 3, with no report data.
        pck: the machine's PCK key and chain.
        attestation: the key that signs the report, certified by the quoting enclave.
        how: the rest.
    """
    signed = _header(how) + _body(body, how)
    section = attestation.sign(signed) + attestation.point + _certification(pck, attestation, how)
    return signed + _sized(section, 4) + how.tail


def _header(how: Making) -> bytes:
    return b"".join(
        (
            how.version.to_bytes(2, "little"),
            _ECDSA_P256.to_bytes(2, "little"),
            _TEE_TYPES[how.version].to_bytes(4, "little"),
            bytes(4),
            how.vendor,
            how.user_data,
        )
    )


def _body(report: TdReport | EnclaveReport, how: Making) -> bytes:
    if isinstance(report, EnclaveReport):
        return report.encode(bytes(64))
    body = report.encode(how.version)
    if how.version != TDX_1_5:
        return body
    return how.body_type.to_bytes(2, "little") + _sized(body, 4)


def _certification(pck: Certified, attestation: Key, how: Making) -> bytes:
    """Have the quoting enclave certify the attestation key, and the PCK the quoting enclave."""
    bound = attestation.point + how.auth_data if how.qe_binds is None else how.qe_binds
    report = how.qe.encode(hashlib.sha256(bound).digest())
    inside = report + pck.key.sign(report) + _sized(how.auth_data, 2) + _chain(pck, how)
    if how.version == SGX:
        return inside
    return how.outer_type.to_bytes(2, "little") + _sized(inside, 4)


def _chain(pck: Certified, how: Making) -> bytes:
    chain = pck.pem.encode() + b"\0"
    size = len(chain) if how.inner_size is None else how.inner_size
    return how.inner_type.to_bytes(2, "little") + size.to_bytes(4, "little") + chain


def _sized(data: bytes, width: int) -> bytes:
    return len(data).to_bytes(width, "little") + data
