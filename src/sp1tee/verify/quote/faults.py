"""What dcap-qvl's errors mean.

Its errors are text that may change with any version, so they are known by their most telling
words, and what is not known is a fault of its own: never a pass.
"""

from enum import StrEnum
from typing import Final


class Fault(StrEnum):
    """Why a quote does not verify."""

    FORMAT = "format"
    COLLATERAL = "collateral"
    EXPIRED = "expired"
    FUTURE = "future"
    REVOKED = "revoked"
    CHAIN = "chain"
    COLLATERAL_SIGNATURE = "collateral-signature"
    OTHER_PLATFORM = "other-platform"
    QE_SIGNATURE = "qe-signature"
    QE_IDENTITY = "qe-identity"
    SIGNATURE = "signature"
    SEAM = "seam"
    NO_LEVEL = "no-level"
    LEVEL_REVOKED = "level-revoked"
    DEBUG = "debug"
    ATTRIBUTES = "attributes"
    SEPT_VE = "sept-ve"
    MIGRATABLE = "migratable"
    SERVICE_TD = "service-td"
    UNKNOWN = "unknown"


# In this order: an error's causes come with it, and the first words that match are taken.
_WORDS: Final = (
    (Fault.REVOKED, ("CertRevoked",)),
    (Fault.EXPIRED, ("CrlExpired", "CertExpired", "TCBInfo expired", "QE Identity expired")),
    (Fault.FUTURE, ("issue date is in the future", "CertNotValidYet")),
    (
        Fault.COLLATERAL_SIGNATURE,
        ("Signature is invalid for tcb_info", "Signature is invalid for qe_identity"),
    ),
    (Fault.QE_SIGNATURE, ("Signature is invalid for qe_report", "QE report hash mismatch")),
    (Fault.SIGNATURE, ("ISV enclave report signature is invalid",)),
    (
        Fault.CHAIN,
        (
            "Failed to verify certificate chain",
            "Failed to load root ca",
            "Failed to parse root CA CRL",
            "ForPublicKey",
            "UnknownIssuer",
            "UnknownRevocationStatus",
            "Certificate chain is too short",
        ),
    ),
    (
        Fault.COLLATERAL,
        (
            "Failed to decode TcbInfo",
            "Failed to decode QeIdentity",
            "Failed to parse TCB Info",
            "Failed to parse QE Identity",
            "CRL",
        ),
    ),
    (
        Fault.OTHER_PLATFORM,
        ("Fmspc mismatch", "with non-TDX TCB info", "Unsupported QE Identity id/version"),
    ),
    (Fault.NO_LEVEL, ("No matching TCB level", "TDX module TCB level check", "below minimum")),
    (Fault.LEVEL_REVOKED, ("TCB status is invalid",)),
    (Fault.SEAM, ("TDX module",)),
    (
        Fault.QE_IDENTITY,
        (
            "QE report validation",
            "QE MRSIGNER",
            "QE ISVPRODID",
            "QE MISCSELECT",
            "QE ATTRIBUTES",
            "QE auth data",
            "No TCB levels found in QE Identity",
        ),
    ),
    (Fault.DEBUG, ("Debug mode is enabled",)),
    (Fault.ATTRIBUTES, ("Reserved bits", "TD profiling", "SERVTD_EXT")),
    (Fault.SEPT_VE, ("SEPT_VE_DISABLE",)),
    (Fault.MIGRATABLE, ("TD migration",)),
    (Fault.SERVICE_TD, ("MR service TD",)),
    (
        Fault.FORMAT,
        (
            "Failed to decode quote",
            "Unsupported DCAP",
            "Unknown QE vendor",
            "quote must have version",
            "TEE type",
            "ertification data type",
            "PCK certificate",
            "PCK extension",
        ),
    ),
)


def fault(text: str) -> Fault:
    """Tell what an error of the library is about."""
    return next(
        (kind for kind, words in _WORDS if any(word in text for word in words)), Fault.UNKNOWN
    )
