"""Collateral: what Intel says about a kind of machine (Intel SGX PCS v4), and how it can be bad."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Final

from sp1tee.sim.pki.reports import QE_SIGNER

DAY: Final = 86400
MONTH: Final = 30 * DAY
TCB_DATE: Final = "2025-08-13T00:00:00Z"
"""When the levels here were set."""

PCK: Final = "pck"
PCK_CA: Final = "pck-ca"
TCB_SIGNER: Final = "tcb-signer"
ROOT: Final = "root"
STRANGER: Final = "stranger"


@dataclass(frozen=True, slots=True, kw_only=True)
class TcbLevel:
    """Least versions of the platform's components, and what a machine that has them is."""

    sgx: bytes = bytes.fromhex("04040202040100050000000000000000")
    pce_svn: int = 11
    tdx: bytes = bytes.fromhex("05000400000000000000000000000000")
    status: str = "UpToDate"
    advisories: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SvnLevel:
    """Least version of a TDX module or the quoting enclave, and what one that has it is."""

    svn: int
    status: str = "UpToDate"
    advisories: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a PCCS has to offer; unset fields are healthy for the default machine.

    Attributes:
        at: the moment around which it is valid (Unix seconds).
        tcb_status: what the default levels say of the platform.
        advisories: and which advisories apply.
        levels: other levels, the highest first, instead of one at the default machine's versions.
        modules: levels of TDX modules, by their id.
        qe_levels: levels of the quoting enclave.
        issued: when all of it was issued; a day before `at` if None.
        next_update: until when; 30 days later if None.
        qe_next_update: until when the quoting enclave's identity, if that differs.
        crl_next_update: until when the revocation lists, if that differs.
        fmspc: which kind of machine; the default machine's if None.
        evaluation_number: of the TCB recovery.
        revoked: any of `PCK`, `PCK_CA` and `TCB_SIGNER`.
        root_crl_by: who signed the root's list: `ROOT` or `STRANGER`.
        pck_crl_by: who signed the PCK list: `PCK_CA`, `ROOT` or `STRANGER`.
        tcb_by: who signed TCB info and the enclave's identity: `TCB_SIGNER` or `STRANGER`.
        qe_signer: MRSIGNER that the quoting enclave must have.
        sgx: whether it is for SGX quotes instead of TDX ones.
    """

    at: int
    tcb_status: str = "UpToDate"
    advisories: Sequence[str] = ()
    levels: Sequence[TcbLevel] | None = None
    modules: Mapping[str, Sequence[SvnLevel]] = field(
        default_factory=lambda: {"TDX_01": (SvnLevel(svn=11),), "TDX_03": (SvnLevel(svn=5),)}
    )
    qe_levels: Sequence[SvnLevel] = (SvnLevel(svn=4),)
    issued: int | None = None
    next_update: int | None = None
    qe_next_update: int | None = None
    crl_next_update: int | None = None
    fmspc: bytes | None = None
    evaluation_number: int = 20
    revoked: Sequence[str] = ()
    root_crl_by: str = ROOT
    pck_crl_by: str = PCK_CA
    tcb_by: str = TCB_SIGNER
    qe_signer: bytes = QE_SIGNER
    sgx: bool = False

    @property
    def begin(self) -> int:
        """When all of it was issued."""
        return self.at - DAY if self.issued is None else self.issued

    @property
    def end(self) -> int:
        """Until when all of it is valid, unless a part says otherwise."""
        return self.begin + MONTH if self.next_update is None else self.next_update


@dataclass(frozen=True, slots=True, kw_only=True)
class Collateral:
    """All that a verifier needs beside a quote, part by part: QuoteCollateralV3.

    The two JSON texts are kept as the bytes that were signed. `pck_certificate_chain` fits one
    machine only; dcap-qvl prefers it to the quote's own.
    """

    pck_crl_issuer_chain: str
    root_ca_crl: bytes
    pck_crl: bytes
    tcb_info_issuer_chain: str
    tcb_info: str
    tcb_info_signature: bytes
    qe_identity_issuer_chain: str
    qe_identity: str
    qe_identity_signature: bytes
    pck_certificate_chain: str | None = None

    @property
    def fmspc(self) -> str:
        """The kind of machine it is for, in upper-case hex."""
        return str(json.loads(self.tcb_info)["fmspc"])

    def to_json(self) -> bytes:
        """Write it as dcap-qvl reads and writes it."""
        parts = {key: value for key, value in asdict(self).items() if value is not None}
        texts = {key: v.hex() if isinstance(v, bytes) else v for key, v in parts.items()}
        return json.dumps(texts, indent=1).encode()


def tcb_info(offer: Offer, fmspc: bytes) -> str:
    """Write TCB info v3 for a kind of machine, as it gets signed."""
    default = TcbLevel(status=offer.tcb_status, advisories=offer.advisories)
    levels = (default,) if offer.levels is None else offer.levels
    info: dict[str, object] = {
        "id": "SGX" if offer.sgx else "TDX",
        "version": 3,
        "issueDate": _date(offer.begin),
        "nextUpdate": _date(offer.end),
        "fmspc": fmspc.hex().upper(),
        "pceId": "0000",
        "tcbType": 0,
        "tcbEvaluationDataNumber": offer.evaluation_number,
    }
    if not offer.sgx:
        info |= {
            "tdxModule": _module(),
            "tdxModuleIdentities": [
                {"id": name, **_module(), "tcbLevels": [_svn_level(each) for each in found]}
                for name, found in offer.modules.items()
            ],
        }
    info["tcbLevels"] = [_level(each, sgx=offer.sgx) for each in levels]
    return _compact(info)


def qe_identity(offer: Offer) -> str:
    """Write the quoting enclave's identity v2 as it gets signed."""
    return _compact(
        {
            "id": "QE" if offer.sgx else "TD_QE",
            "version": 2,
            "issueDate": _date(offer.begin),
            "nextUpdate": _date(
                offer.end if offer.qe_next_update is None else offer.qe_next_update
            ),
            "tcbEvaluationDataNumber": offer.evaluation_number,
            "miscselect": "00000000",
            "miscselectMask": "FFFFFFFF",
            "attributes": "11000000000000000000000000000000",
            "attributesMask": "FBFFFFFFFFFFFFFF0000000000000000",
            "mrsigner": offer.qe_signer.hex().upper(),
            "isvprodid": 1 if offer.sgx else 2,
            "tcbLevels": [_svn_level(each) for each in offer.qe_levels],
        }
    )


def _module() -> dict[str, object]:
    return {"mrsigner": "00" * 48, "attributes": "00" * 8, "attributesMask": "FF" * 8}


def _level(level: TcbLevel, *, sgx: bool) -> dict[str, object]:
    tcb: dict[str, object] = {
        "sgxtcbcomponents": [{"svn": svn} for svn in level.sgx],
        "pcesvn": level.pce_svn,
    }
    if not sgx:
        tcb["tdxtcbcomponents"] = [{"svn": svn} for svn in level.tdx]
    return _judged(tcb, level.status, level.advisories)


def _svn_level(level: SvnLevel) -> dict[str, object]:
    return _judged({"isvsvn": level.svn}, level.status, level.advisories)


def _judged(tcb: object, status: str, advisories: Sequence[str]) -> dict[str, object]:
    judged = {"tcb": tcb, "tcbDate": TCB_DATE, "tcbStatus": status}
    return judged | ({"advisoryIDs": list(advisories)} if advisories else {})


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
