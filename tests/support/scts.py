"""A small world of CAs and CT logs, for certificates that carry real timestamps."""

import base64
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

SCT_LIST = ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
NOW = int(datetime(2026, 9, 1, 12, tzinfo=UTC).timestamp())
DAY = 86400
DER = serialization.Encoding.DER
PEM = serialization.Encoding.PEM


def spki(key: Any) -> bytes:
    return key.public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def pem_of(*ders: bytes) -> bytes:
    return b"".join(x509.load_der_x509_certificate(der).public_bytes(PEM) for der in ders)


@dataclass
class CtLog:
    """A log that signs whatever it is shown."""

    name: str
    operator: str = "Test operator"
    state: str = "usable"
    since: str = "2025-01-01T00:00:00Z"
    interval: tuple[str, str] | None = ("2026-07-01T00:00:00Z", "2027-01-01T00:00:00Z")
    log_type: str | None = None
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()), repr=False)

    @property
    def id(self) -> bytes:
        return sha256(spki(self.key.public_key())).digest()

    def entry(self) -> dict[str, Any]:
        made: dict[str, Any] = {
            "description": self.name,
            "log_id": base64.b64encode(self.id).decode(),
            "key": base64.b64encode(spki(self.key.public_key())).decode(),
            "url": "https://log.example/",
            "mmd": 86400,
            "state": {self.state: {"timestamp": self.since}},
        }
        if self.interval is not None:
            first, end = self.interval
            made["temporal_interval"] = {"start_inclusive": first, "end_exclusive": end}
        if self.log_type is not None:
            made["log_type"] = self.log_type
        return made

    def sign(self, tbs: bytes, issuer_key_hash: bytes, at_ms: int) -> bytes:
        """Make a SignedCertificateTimestamp (RFC 6962 §3.2) over a precertificate."""
        entry = issuer_key_hash + len(tbs).to_bytes(3, "big") + tbs
        data = b"\0\0" + struct.pack(">QH", at_ms, 1) + entry + b"\0\0"
        if isinstance(self.key, rsa.RSAPrivateKey):
            from cryptography.hazmat.primitives.asymmetric import padding

            algorithm, signature = 1, self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        else:
            algorithm, signature = 3, self.key.sign(data, ec.ECDSA(hashes.SHA256()))
        head = b"\0" + self.id + struct.pack(">Q", at_ms) + b"\0\0"
        return head + bytes([4, algorithm]) + struct.pack(">H", len(signature)) + signature


def log_list(*logs: CtLog, timestamp: str = "2026-08-20T00:00:00Z") -> bytes:
    document = {
        "version": "1.0",
        "log_list_timestamp": timestamp,
        "operators": [{"name": log.operator, "logs": [log.entry()]} for log in logs],
    }
    return json.dumps(document).encode()


@dataclass(frozen=True)
class Issued:
    """A leaf, the chain above it (without the root), and its key."""

    chain: tuple[bytes, ...]
    key: bytes = field(repr=False)

    @property
    def leaf(self) -> bytes:
        return self.chain[0]

    @property
    def pem(self) -> bytes:
        return pem_of(*self.chain)

    @property
    def leaf_sha256(self) -> str:
        return sha256(self.leaf).hexdigest()


def _name(common: str, organisation: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


class Authority:
    """A root and an intermediate under it."""

    def __init__(self, organisation: str = "Test CA", since: int = NOW - 400 * DAY) -> None:
        self._root_key = ec.generate_private_key(ec.SECP256R1())
        self._key = ec.generate_private_key(ec.SECP256R1())
        root_name, name = _name("Root", organisation), _name("Intermediate", organisation)
        self._root = self._ca(root_name, root_name, self._root_key, self._root_key, since, None)
        self._above = self._ca(name, root_name, self._key, self._root_key, since, 0)

    @property
    def root_pem(self) -> bytes:
        return self._root.public_bytes(PEM)

    @staticmethod
    def _ca(
        name: x509.Name, by: x509.Name, key: Any, signer: Any, since: int, depth: int | None
    ) -> x509.Certificate:
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        public = key.public_key()
        return (
            _builder(name, by, public, since, since + 3650 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=depth), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
                critical=False,
            )
            .sign(signer, hashes.SHA256())
        )

    def issue(
        self,
        *names: str,
        logs: Sequence[CtLog] = (),
        not_before: int = NOW - DAY,
        days: int = 60,
        sct_ms: int | None = None,
        key: Any = None,
        spoil: bool = False,
    ) -> Issued:
        """Issue a leaf; `spoil` has the logs sign another certificate's bytes."""
        own = key or ec.generate_private_key(ec.SECP256R1())
        builder = _leaf(names, own, self._above, self._key, not_before, days)
        tbs = builder.sign(self._key, hashes.SHA256()).tbs_certificate_bytes
        issuer_hash = sha256(spki(self._key.public_key())).digest()
        stamp = not_before * 1000 + 1 if sct_ms is None else sct_ms
        signed = tbs[:-1] + bytes([tbs[-1] ^ 1]) if spoil else tbs
        scts = [log.sign(signed, issuer_hash, stamp) for log in logs]
        if scts:
            builder = builder.add_extension(
                x509.UnrecognizedExtension(SCT_LIST, sct_extension(scts)), critical=False
            )
        leaf = builder.sign(self._key, hashes.SHA256())
        return Issued((leaf.public_bytes(DER), self._above.public_bytes(DER)), _pem_key(own))


def self_signed(*names: str, not_before: int = NOW - DAY, days: int = 60) -> Issued:
    """Make a placeholder, as an ingress has while it waits for its first certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    own = _name(names[0], "placeholder")
    leaf = (
        _builder(own, own, key.public_key(), not_before, not_before + days * DAY)
        .add_extension(_sans(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Issued((leaf.public_bytes(DER),), _pem_key(key))


def sct_extension(scts: Sequence[bytes]) -> bytes:
    """Lay out the extension's value: a TLS vector of vectors inside an OCTET STRING."""
    inner = b"".join(struct.pack(">H", len(sct)) + sct for sct in scts)
    value = struct.pack(">H", len(inner)) + inner
    size = len(value)
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    length = digits if size < 0x80 else bytes([0x80 | len(digits)]) + digits
    return b"\x04" + length + value


def _leaf(
    names: Sequence[str], key: Any, above: x509.Certificate, signer: Any, start: int, days: int
) -> x509.CertificateBuilder:
    return (
        _builder(
            _name(names[0], "tests") if names else _name("-", "tests"),
            above.subject,
            key.public_key(),
            start,
            start + days * DAY,
        )
        .add_extension(_sans(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )


def _sans(names: Sequence[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.DNSName(name) for name in names])


def _builder(
    name: x509.Name, by: x509.Name, key: Any, start: int, end: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(by)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_date(start))
        .not_valid_after(_date(end))
    )


def _date(seconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


def _pem_key(key: Any) -> bytes:
    return key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
