"""Collateral: Intel's signed statements that a quote is judged by, in one JSON file.

The format is `QuoteCollateralV3` of dcap-qvl and of the verifiers around dstack: nine fields, all
of them needed. Binary fields are hex; tools also write them with ``0x`` or as arrays of byte
values, which mean the same. `tcb_info` and `qe_identity` must be strings, because a signature is
over the exact text. A tenth, `pck_certificate_chain`, is of the machine the file was made for; it
is read to tell whether that is this quote's, and never used: the quote carries its own.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final

from cryptography import x509

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.facts import Json
from sp1tee.verify.quote.tcb import QeIdentity, TcbInfo, read_qe_identity, read_tcb_info
from sp1tee.verify.reading import from_hex, read_object
from sp1tee.verify.reading.files import KIB, MIB

LIMIT: Final = 2 * MIB
"""Collateral has 25 KB; a list of revoked certificates may grow."""
_CHAIN_LIMIT: Final = 64 * KIB
_SIGNATURE_SIZE: Final = 64

_CRL_FIELDS: Final = ("pck_crl_issuer_chain", "root_ca_crl", "pck_crl")
FIELDS: Final = (
    *_CRL_FIELDS,
    "tcb_info_issuer_chain",
    "tcb_info",
    "tcb_info_signature",
    "qe_identity_issuer_chain",
    "qe_identity",
    "qe_identity_signature",
)
_AGAIN: Final = "Leave --collateral out to fetch it, or collect it anew."


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when something signed is valid."""

    issued: datetime
    next_update: datetime


@dataclass(frozen=True, slots=True)
class Collateral:
    """Collateral, read and not verified.

    The first nine attributes are the format's. `sha256` is that of the file; `levels` and
    `quoting` are the two texts, parsed; `spans` says from when to when each part is valid.
    """

    pck_crl_issuer_chain: str = field(repr=False)
    root_ca_crl: bytes = field(repr=False)
    pck_crl: bytes = field(repr=False)
    tcb_info_issuer_chain: str = field(repr=False)
    tcb_info: str = field(repr=False)
    tcb_info_signature: bytes = field(repr=False)
    qe_identity_issuer_chain: str = field(repr=False)
    qe_identity: str = field(repr=False)
    qe_identity_signature: bytes = field(repr=False)
    pck_certificate_chain: str | None = field(repr=False)
    sha256: str
    levels: TcbInfo = field(repr=False)
    quoting: QeIdentity = field(repr=False)
    spans: Mapping[str, Span]

    @property
    def issued(self) -> datetime:
        """When the oldest part was issued; the root's revocation list, made yearly, aside."""
        return min(span.issued for name, span in self.spans.items() if name != "root_ca_crl")

    @property
    def next_update(self) -> datetime:
        """When the first part is to be replaced."""
        return min(span.next_update for span in self.spans.values())


def read_collateral(data: bytes) -> Collateral:
    """Read a collateral file.

    Raises:
        EvidenceMalformed: a field is missing or not what it should be.
        EvidenceTooLarge: it is larger than anything genuine.
    """
    value = read_object(data, "The collateral", limit=LIMIT)
    _demand_all(value)
    tcb_info, qe_identity = _text(value, "tcb_info"), _text(value, "qe_identity")
    levels, quoting = read_tcb_info(tcb_info), read_qe_identity(qe_identity)
    root_ca_crl, pck_crl = _bytes(value, "root_ca_crl"), _bytes(value, "pck_crl")
    return Collateral(
        pck_crl_issuer_chain=_chain(value, "pck_crl_issuer_chain"),
        root_ca_crl=root_ca_crl,
        pck_crl=pck_crl,
        tcb_info_issuer_chain=_chain(value, "tcb_info_issuer_chain"),
        tcb_info=tcb_info,
        tcb_info_signature=_bytes(value, "tcb_info_signature", _SIGNATURE_SIZE),
        qe_identity_issuer_chain=_chain(value, "qe_identity_issuer_chain"),
        qe_identity=qe_identity,
        qe_identity_signature=_bytes(value, "qe_identity_signature", _SIGNATURE_SIZE),
        pck_certificate_chain=_chain(value, _PCK) if value.get(_PCK) is not None else None,
        sha256=sha256(data).hexdigest(),
        levels=levels,
        quoting=quoting,
        spans={
            "tcb_info": Span(levels.issued, levels.next_update),
            "qe_identity": Span(quoting.issued, quoting.next_update),
            "pck_crl": _crl(pck_crl, "pck_crl"),
            "root_ca_crl": _crl(root_ca_crl, "root_ca_crl"),
        },
    )


_PCK: Final = "pck_certificate_chain"


def write_collateral(fields: Mapping[str, str | bytes]) -> bytes:
    """Write the nine fields as a collateral file."""
    shown = {name: fields[name] for name in FIELDS}
    return json.dumps(
        {name: value.hex() if isinstance(value, bytes) else value for name, value in shown.items()},
        ensure_ascii=False,
        indent=1,
    ).encode()


def _demand_all(value: Mapping[str, Json]) -> None:
    missing = [name for name in FIELDS if name not in value]
    if set(missing) == set(_CRL_FIELDS):
        raise EvidenceMalformed(
            "The collateral is of an older schema, which has no revocation lists.",
            advice=f"Without them nobody knows whether the machine's key was revoked. {_AGAIN}",
        )
    if missing:
        raise EvidenceMalformed(f"The collateral has no {', '.join(missing)}.", advice=_AGAIN)


def _text(value: Mapping[str, Json], name: str) -> str:
    text = value[name]
    if isinstance(text, dict):
        raise EvidenceMalformed(
            f"The collateral holds {name} parsed; its signature is over the exact text.",
            advice=_AGAIN,
        )
    if not isinstance(text, str):
        raise EvidenceMalformed(f"The collateral's {name} is no string.")
    return text


def _chain(value: Mapping[str, Json], name: str) -> str:
    text = _text(value, name)
    if "-----BEGIN CERTIFICATE-----" not in text or len(text) > _CHAIN_LIMIT:
        raise EvidenceMalformed(f"The collateral's {name} is no chain of PEM certificates.")
    return text


def _bytes(value: Mapping[str, Json], name: str, size: int | None = None) -> bytes:
    data, what = value[name], f"The collateral's {name}"
    if isinstance(data, list):
        numbers = [item for item in data if type(item) is int and 0 <= item < 256]  # noqa: PLR2004 - bytes
        if len(numbers) != len(data):
            raise EvidenceMalformed(f"{what} is an array, but not of bytes.")
        data = bytes(numbers).hex()
    return from_hex(data, what, size=size)


def _crl(der: bytes, name: str) -> Span:
    try:
        crl = x509.load_der_x509_crl(der)
        issued, next_update = crl.last_update_utc, crl.next_update_utc
    except (ValueError, x509.InvalidVersion):
        raise EvidenceMalformed(f"The collateral's {name} is no revocation list.") from None
    if next_update is None:
        raise EvidenceMalformed(f"The collateral's {name} does not say when it ends.")
    return Span(issued.astimezone(UTC), next_update.astimezone(UTC))
