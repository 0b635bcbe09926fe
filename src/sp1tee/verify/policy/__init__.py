"""What a reader of evidence demands: a TOML file, reviewed and committed."""

from sp1tee.verify.policy.model import (
    Anchors,
    CaaPolicy,
    CertPolicy,
    ComposePolicy,
    DigestsPolicy,
    KeyProvider,
    OsPolicy,
    Policy,
    QuotePolicy,
    Rtmr3Policy,
    WaiverPolicy,
)

__all__ = [
    "Anchors",
    "CaaPolicy",
    "CertPolicy",
    "ComposePolicy",
    "DigestsPolicy",
    "KeyProvider",
    "OsPolicy",
    "Policy",
    "QuotePolicy",
    "Rtmr3Policy",
    "WaiverPolicy",
]
