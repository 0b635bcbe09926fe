"""Whether a chain leads to a trusted CA, as a browser would ask (RFC 5280 §6, CA/B profile)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from cryptography.x509 import Certificate as Parsed
from cryptography.x509 import DNSName, ExtendedKeyUsage, SubjectAlternativeName
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    VerificationError,
)

from sp1tee.verify.cert.certificates import Certificate, issued_by, sober
from sp1tee.verify.cert.roots import Roots

MAX_DEPTH: Final = 6
"""Intermediates between leaf and root; public chains have one or two."""


def _for_servers(_policy: Policy, _leaf: Parsed, usage: ExtendedKeyUsage | None) -> None:
    if usage is not None and ExtendedKeyUsageOID.SERVER_AUTH not in usage:
        msg = "The certificate is not for servers."
        raise ValueError(msg)


_CA: Final = ExtensionPolicy.webpki_defaults_ca()
# Whether a leaf's names and usage are critical is up to the CA (RFC 5280 §4.2.1.6, §4.2.1.12), and
# clients don't mind. The library does, like the CA/B profile.
_LEAF: Final = (
    ExtensionPolicy.webpki_defaults_ee()
    .require_present(SubjectAlternativeName, Criticality.AGNOSTIC, None)
    .may_be_present(ExtendedKeyUsage, Criticality.AGNOSTIC, _for_servers)
)


def trouble_of_path(
    leaf: Certificate, others: Sequence[Certificate], host: str, roots: Roots, *, at: int
) -> str | None:
    """Look for a path from a leaf to a trusted CA, for a host name and a time.

    Returns:
        Why there is none, or None if there is one.
    """
    with sober():
        try:
            verifier = (
                PolicyBuilder()
                .store(roots.store)
                .time(datetime.fromtimestamp(at, UTC))
                .max_chain_depth(MAX_DEPTH)
                .extension_policies(ca_policy=_CA, ee_policy=_LEAF)
                .build_server_verifier(DNSName(host))
            )
            verifier.verify(leaf.parsed, [other.parsed for other in others])
        except VerificationError as error:
            return _reason(error)
        except (ValueError, OverflowError) as error:
            return f"the verifier cannot work with it ({type(error).__name__})"
        return None


def issuer_of(leaf: Certificate, others: Sequence[Certificate], roots: Roots) -> Parsed | None:
    """Find who signed a leaf: among the chain, then among the CAs."""
    candidates = [*(other.parsed for other in others), *roots.certificates]
    named = (one for one in candidates if one.subject == leaf.parsed.issuer)
    return next((one for one in named if issued_by(leaf.parsed, one)), None)


def _reason(error: VerificationError) -> str:
    """Take the gist of the library's message."""
    first = str(error).partition("\n")[0]
    gist = first.removeprefix("validation failed: ")
    return gist.partition(" (encountered processing")[0][:200]
