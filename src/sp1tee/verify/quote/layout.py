"""Where things stand in a TDX quote, and what follows its end.

Intel's "TDX DCAP Quoting Library API", appendix A.3 and A.4. All integers are little endian::

    version 4:  header 48 | TD report 1.0, 584 bytes | u32 size | signature data
    version 5:  header 48 | u16 type | u32 size | TD report 1.0 or 1.5 | u32 size | signature data

    signature data: signature 64 | key 64 | u16 6 | u32 size | certification
    certification:  QE report 384 | its signature 64 | u16 size | auth data | u16 5 | u32 size | PEM

The report of the quoting enclave (QE) has its ISVSVN at 258.
"""

from dataclasses import dataclass
from typing import Any, Final

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.quote.dcap import parse

TDX: Final = 0x81
HEADER_SIZE: Final = 48
VERSIONS: Final = (4, 5)
_VERSION_5: Final = 5
_DESCRIPTOR_SIZE: Final = 6
_SIZE_1_0: Final = 584
_BODIES: Final = {"TdReport10": "TD report 1.0", "TdReport15": "TD report 1.5"}
_BODY_SIZES: Final = {"TD report 1.0": _SIZE_1_0, "TD report 1.5": 648}
_OUTER: Final = 64 + 64
_CERTIFIED: Final = 6
"""A u16 and a u32: what kind of certification data follows, and how long it is."""
_QE_REPORT_TYPE: Final = 6
_PCK_CHAIN_TYPE: Final = 5
_QE_REPORT: Final = _OUTER + _CERTIFIED
_QE_SIGNED: Final = 384 + 64
_ISVSVN: Final = 258


@dataclass(frozen=True, slots=True)
class Header:
    """A quote's header."""

    version: int
    attestation_key_type: int
    tee_type: int
    qe_vendor_id: bytes
    user_data: bytes


@dataclass(frozen=True, slots=True)
class TdReport:
    """What the TDX module says about a guest.

    `mr_td` and `rtmr0` to `rtmr2` are the boot's measurements, `rtmr3` the application's.
    `mr_config_id`, `mr_owner` and `mr_owner_config` are chosen by the host. The last two fields
    are those of a TD report 1.5.
    """

    tee_tcb_svn: bytes
    mr_seam: bytes
    mr_signer_seam: bytes
    seam_attributes: bytes
    td_attributes: bytes
    xfam: bytes
    mr_td: bytes
    mr_config_id: bytes
    mr_owner: bytes
    mr_owner_config: bytes
    rtmr0: bytes
    rtmr1: bytes
    rtmr2: bytes
    rtmr3: bytes
    report_data: bytes
    tee_tcb_svn2: bytes | None = None
    mr_service_td: bytes | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """A parsed quote.

    Attributes:
        header: its first 48 bytes.
        body: the kind of report: `TD report 1.0`, `TD report 1.5`, or another kind's name.
        report: the TD report; None for other kinds.
        qe_svn: ISVSVN of the quoting enclave that signed it.
        size: where the signature data ends, and the quote with it.
        tail: how many bytes follow.
        tail_is_zero: whether these are all zero.
    """

    header: Header
    body: str
    report: TdReport | None
    qe_svn: int
    size: int
    tail: int
    tail_is_zero: bool

    @property
    def is_tdx(self) -> bool:
        """Whether it is a TDX guest's quote, of a version and with a report that are known."""
        header = self.header
        return header.tee_type == TDX and header.version in VERSIONS and self.report is not None


def lay_out(raw: bytes) -> Layout:
    """Parse a quote; nothing about it is verified.

    Raises:
        EvidenceMalformed: it is no quote, or not whole.
    """
    quote = parse(raw)
    header = Header(
        quote.header.version,
        quote.header.attestation_key_type,
        quote.header.tee_type,
        bytes(quote.header.qe_vendor_id),
        bytes(quote.header.user_data),
    )
    body, report = _report(quote.report)
    if report is None:
        return Layout(header, body, None, 0, len(raw), 0, tail_is_zero=True)
    signed = _signed(raw, header.version, body)
    end = signed + 4 + _number(raw, signed, 4)
    if end > len(raw):
        raise EvidenceMalformed("The quote is cut off.")
    data = raw[signed + 4 : end]
    _demand_nesting(data)
    qe_svn = _number(data, _QE_REPORT + _ISVSVN, 2)
    return Layout(
        header, body, report, qe_svn, end, len(raw) - end, tail_is_zero=not any(raw[end:])
    )


def _report(report: Any) -> tuple[str, TdReport | None]:
    kind = type(report).__name__.removeprefix("Py")
    if kind not in _BODIES:
        return kind, None
    fields = {
        name: bytes(getattr(report, theirs))
        for name in TdReport.__dataclass_fields__
        if hasattr(report, theirs := name.replace("rtmr", "rt_mr"))
    }
    return _BODIES[kind], TdReport(**fields)


def _signed(raw: bytes, version: int, body: str) -> int:
    """Count the bytes that are signed: the header and the report."""
    if version != _VERSION_5:
        return HEADER_SIZE + _SIZE_1_0
    size = _number(raw, HEADER_SIZE + 2, 4)
    if size != _BODY_SIZES[body]:
        raise EvidenceMalformed(f"The quote says that its {body} has {size} bytes.")
    return HEADER_SIZE + _DESCRIPTOR_SIZE + size


def _demand_nesting(data: bytes) -> None:
    """Demand that the signature data's parts fill it exactly; the verifier asks for less."""
    inner = _QE_REPORT + _QE_SIGNED
    inner += 2 + _number(data, inner, 2)
    wanted = ((_OUTER, _QE_REPORT_TYPE), (inner, _PCK_CHAIN_TYPE))
    for at, kind in wanted:
        end = at + _CERTIFIED + _number(data, at + 2, 4)
        if _number(data, at, 2) != kind or end != len(data):
            raise EvidenceMalformed(
                "The quote's signature data is not a quoting enclave's report with the "
                "machine's certificates inside.",
                advice="Quotes with an encrypted machine identity are not supported.",
            )


def _number(raw: bytes, at: int, size: int) -> int:
    return int.from_bytes(raw[at : at + size], "little")
