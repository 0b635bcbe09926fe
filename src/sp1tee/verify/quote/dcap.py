"""dcap-qvl, and nothing else of it than this: parse a quote, verify a quote.

`verify` uses `verify_with_policy` with a policy that demands nothing (`claims_only`): it does
every step of DCAP verification up to the root and hands out what it found as claims, which
`verify` and `verify_with_root_ca` keep to themselves: the TCB level that matched, the numbers of
the revocation lists, when the first signature ends. What is acceptable is our own policy's
business. Its errors come without their causes, though, so a quote that it refuses is shown to
`verify_with_root_ca` too, for the reason alone: a quote passes only by its claims.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import dcap_qvl  # type: ignore[import-untyped]

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.quote.collateral import Collateral
from sp1tee.verify.quote.faults import Fault, fault

_T = TypeVar("_T")
_CLAIMS_VERSION: Final = 1
_CAS: Final = ("platform", "processor")


@dataclass(frozen=True, slots=True)
class Platform:
    """The machine, as the certificate in the quote describes it.

    Attributes:
        ppid: its identity, the same for as long as it has the same processors.
        fmspc: its family, which its TCB info is for.
        ca: which of Intel's two CAs certified it: `platform` or `processor`.
        cpu_svn: security versions of the sixteen components below the enclaves.
        pce_svn: security version of the provisioning certification enclave.
    """

    ppid: bytes
    fmspc: bytes
    ca: str
    cpu_svn: bytes
    pce_svn: int


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified quote stands for.

    Attributes:
        status: of platform, TDX module and quoting enclave together, the worst of the three.
        advisories: Intel's security advisories that apply.
        evaluation_number: of the TCB recovery that this was judged by.
        ppid: of the machine whose key signed.
        report_data: the 64 bytes as they were verified.
        expires: Unix seconds at which the first of all signatures used ends.
    """

    status: str
    advisories: tuple[str, ...]
    evaluation_number: int
    ppid: bytes
    report_data: bytes
    expires: int


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a quote was refused: the kind, and the library's words."""

    fault: Fault
    text: str


class _Refused(Exception):  # noqa: N818 - never leaves this module
    pass


def parse(raw: bytes) -> Any:
    """Parse a quote; see `dcap_qvl.Quote`.

    Raises:
        EvidenceMalformed: it is no quote.
    """
    try:
        return _calm(lambda: dcap_qvl.parse_quote(raw))
    except _Refused:
        raise EvidenceMalformed(
            "The quote is none of version 3, 4 or 5, or it is cut off."
        ) from None


def platform(raw: bytes) -> Platform:
    """Read the machine's certificate in a quote; nothing about it is verified.

    Raises:
        EvidenceMalformed: there is none.
    """
    quote = parse(raw)
    try:
        return _platform(_calm(quote.pck_extension), _calm(quote.ca))
    except _Refused:
        raise EvidenceMalformed(
            "The quote carries no certificate of its machine that can be read.",
            advice="Quotes with an encrypted machine identity are not supported.",
        ) from None


def ppid_of(chain: str) -> bytes | None:
    """Read whose certificate a PEM chain begins with; None if that cannot be read."""
    try:
        pck = _calm(lambda: dcap_qvl.parse_pck_extension_from_pem(chain.encode()))
        return _platform(pck, "platform").ppid
    except _Refused:
        return None


def _platform(pck: Any, ca: Any) -> Platform:
    """Copy what a certificate says; the library hands out None where there is no certificate."""
    if pck is None or ca not in _CAS:
        raise _Refused("no certificate")
    return Platform(
        bytes(pck.ppid), bytes(pck.fmspc), str(ca), bytes(pck.cpu_svn), int(pck.pce_svn)
    )


def verify(
    raw: bytes, collateral: Collateral, *, at: int, root: bytes | None
) -> Claims | Rejection:
    """Verify a quote up to its root.

    The certificate chain used is always the quote's own: one in the collateral may be another
    machine's, and dcap-qvl would prefer it.

    Args:
        raw: the quote.
        collateral: Intel's statements about its platform.
        at: Unix seconds.
        root: DER of the root certificate; Intel's if None.
    """
    try:
        return _claims(_calm(lambda: _ask_for_claims(raw, collateral, at, root)))
    except _Refused as refused:
        text = _reason(raw, collateral, at, root) or str(refused)
    return Rejection(fault(text), text)


def _ask_for_claims(raw: bytes, collateral: Collateral, at: int, root: bytes | None) -> str:
    policy = dcap_qvl.QuotePolicy.claims_only(at)
    verifier = dcap_qvl.QuoteVerifier(root)
    return str(verifier.verify_with_policy(raw, _theirs(collateral), at, policy).to_json())


def _reason(raw: bytes, collateral: Collateral, at: int, root: bytes | None) -> str:
    def ask() -> None:
        if root is None:
            dcap_qvl.verify(raw, _theirs(collateral), at)
        else:
            dcap_qvl.verify_with_root_ca(raw, _theirs(collateral), root, at)

    try:
        _calm(ask)
    except _Refused as refused:
        return str(refused)
    return ""


def _theirs(collateral: Collateral) -> Any:
    return dcap_qvl.QuoteCollateralV3(
        collateral.pck_crl_issuer_chain,
        collateral.root_ca_crl,
        collateral.pck_crl,
        collateral.tcb_info_issuer_chain,
        collateral.tcb_info,
        collateral.tcb_info_signature,
        collateral.qe_identity_issuer_chain,
        collateral.qe_identity,
        collateral.qe_identity_signature,
    )


def _claims(text: str) -> Claims:
    claims = json.loads(text)
    if claims["claims_version"] != _CLAIMS_VERSION:
        raise _Refused(f"claims of version {claims['claims_version']}")
    body = claims["report"]
    base = body["TD10"] if "TD10" in body else body["TD15"]["base"]
    return Claims(
        status=claims["tcb"]["status"],
        advisories=tuple(claims["tcb"]["advisory_ids"]),
        evaluation_number=claims["tcb"]["eval_data_number"],
        ppid=bytes(claims["platform"]["pck"]["ppid"]),
        report_data=bytes.fromhex(base["report_data"]),
        expires=claims["earliest_expiration_date"],
    )


def _calm(call: Callable[[], _T]) -> _T:
    """Call into the library; whatever it throws becomes one kind of error.

    A panic of Rust code is a BaseException of a class that cannot be imported.
    """
    try:
        return call()
    except (ValueError, TypeError, OverflowError) as error:
        raise _Refused(_one_line(str(error))) from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise _Refused("the verifier broke down") from None


def _one_line(text: str) -> str:
    lines = (line.strip() for line in text.removeprefix("Verification failed:").splitlines())
    return ": ".join(line for line in lines if line and line != "Caused by:")[:500]
