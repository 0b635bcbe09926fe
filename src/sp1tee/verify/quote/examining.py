"""From bytes to what is known: the quote parsed, and verified by its collateral."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from sp1tee.errors import EvidenceMissing, VerifyError
from sp1tee.verify.facts import Json
from sp1tee.verify.quote.collateral import Collateral, read_collateral
from sp1tee.verify.quote.dcap import Claims, Platform, Rejection, platform, ppid_of, verify
from sp1tee.verify.quote.explain import Shortfall, shortfalls
from sp1tee.verify.quote.faults import Fault
from sp1tee.verify.quote.layout import Layout, TdReport, lay_out

INTEL: Final = "Intel SGX Root CA"
_BEHIND_SIGNATURES: Final = {Fault.NO_LEVEL, Fault.LEVEL_REVOKED}


@dataclass(frozen=True, slots=True)
class QuoteFacts:
    """What is known of a quote.

    Attributes:
        raw: its bytes.
        at: the time it was verified for, Unix seconds.
        anchor: the root, in words.
        claims: what its file says beside it.
        layout: its parts, or why it cannot be read.
        platform: its machine's certificate, unverified; or why there is none.
        collateral: what it was verified by, or why there is none.
        outcome: of DCAP verification; None if there was nothing to verify, or nothing to verify by.
        shortfalls: what keeps the platform from being up to date; empty unless Intel's statements
            were found to be signed.
    """

    raw: bytes = field(repr=False)
    at: int
    anchor: str
    claims: Mapping[str, Json]
    layout: Layout | VerifyError
    platform: Platform | VerifyError
    collateral: Collateral | VerifyError
    outcome: Claims | Rejection | None
    shortfalls: tuple[Shortfall, ...]

    @property
    def report(self) -> TdReport | None:
        """The TD report; worth something if `genuine`."""
        return None if isinstance(self.layout, VerifyError) else self.layout.report

    @property
    def genuine(self) -> bool:
        """Whether a TDX guest's quote was verified up to the root."""
        return isinstance(self.outcome, Claims)

    @property
    def sha256(self) -> str:
        """The digest of the quote's bytes."""
        return sha256(self.raw).hexdigest()

    @property
    def collateral_of_another(self) -> bool:
        """Whether the collateral was collected for another machine of the same family."""
        if isinstance(self.collateral, VerifyError) or isinstance(self.platform, VerifyError):
            return False
        chain = self.collateral.pck_certificate_chain
        return chain is not None and ppid_of(chain) != self.platform.ppid


def examine(
    raw: bytes,
    collateral: bytes | VerifyError | None,
    *,
    at: int,
    root: bytes | None = None,
    claims: Mapping[str, Json] | None = None,
) -> QuoteFacts:
    """Find out what a quote is worth. Nothing is raised: what cannot be read is told.

    Args:
        raw: the quote.
        collateral: a `QuoteCollateralV3` in JSON, or why there is none.
        at: the time to verify for, Unix seconds.
        root: DER of the root certificate; Intel's if None.
        claims: what the quote's file says beside it.
    """
    layout, machine, read = _layout(raw), _platform(raw), _collateral(collateral)
    outcome: Claims | Rejection | None = None
    short: tuple[Shortfall, ...] = ()
    if (
        isinstance(layout, Layout)
        and layout.is_tdx
        and isinstance(machine, Platform)
        and isinstance(read, Collateral)
    ):
        outcome = _bound(verify(raw, read, at=at, root=root), layout, machine)
        short = _shortfalls(layout, machine, read, outcome)
    return QuoteFacts(
        raw=raw,
        at=at,
        anchor=INTEL if root is None else f"a given root, sha256 {sha256(root).hexdigest()}",
        claims=claims or {},
        layout=layout,
        platform=machine,
        collateral=read,
        outcome=outcome,
        shortfalls=short,
    )


def _layout(raw: bytes) -> Layout | VerifyError:
    try:
        return lay_out(raw)
    except VerifyError as error:
        return error


def _platform(raw: bytes) -> Platform | VerifyError:
    try:
        return platform(raw)
    except VerifyError as error:
        return error


def _collateral(data: bytes | VerifyError | None) -> Collateral | VerifyError:
    if data is None:
        return EvidenceMissing(
            "There is no collateral to verify the quote by.",
            advice="Give it with --collateral FILE, or leave --offline out to fetch it.",
        )
    if isinstance(data, VerifyError):
        return data
    try:
        return read_collateral(data)
    except VerifyError as error:
        return error


def _bound(outcome: Claims | Rejection, layout: Layout, machine: Platform) -> Claims | Rejection:
    """Demand that what was verified is what was read here, by another parser."""
    if isinstance(outcome, Rejection) or layout.report is None:
        return outcome
    if outcome.report_data != layout.report.report_data or outcome.ppid != machine.ppid:
        return Rejection(Fault.UNKNOWN, "what was verified is not what stands in the quote")
    return outcome


def _shortfalls(
    layout: Layout, machine: Platform, collateral: Collateral, outcome: Claims | Rejection
) -> tuple[Shortfall, ...]:
    """Explain by signed statements only.

    dcap-qvl looks for a level when every signature has been verified, not before.
    """
    unsigned = isinstance(outcome, Rejection) and outcome.fault not in _BEHIND_SIGNATURES
    if unsigned or layout.report is None:
        return ()
    return shortfalls(
        collateral.levels, collateral.quoting, machine, layout.report.tee_tcb_svn, layout.qe_svn
    )
