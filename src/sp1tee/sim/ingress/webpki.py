"""A public-looking web PKI of our own: a CA, leaves with SCTs, and the logs that signed them."""

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from sp1tee.sim.pki import Key
from sp1tee.sim.pki.certificates import Certified, certify

LOGS: Final = ("Synthetic Log One", "Synthetic Log Two")
_PRECERTIFICATE: Final = b"\0\1"
_ECDSA_SHA256: Final = bytes((4, 3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A server's certificate to be issued.

    Attributes:
        names: DNS names it is for; the first one names its key too.
        issued: its notBefore, Unix seconds; also when the logs saw it.
        until: its notAfter.
        key: which key it has.
        logs: who logs it.
        staging: whether it comes from the CA's test hierarchy.
    """

    names: tuple[str, ...]
    issued: int
    until: int
    key: str = "leaf"
    logs: Sequence[str] = LOGS
    staging: bool = False


@dataclass(frozen=True)
class WebPki:
    """A CA and two CT logs; the same seed gives the same bytes."""

    seed: bytes
    logs: Sequence[str] = field(default=LOGS)

    @cached_property
    def root(self) -> Certified:
        """The CA that is trusted."""
        return certify("Synthetic Root X1", self._key("web-root"), ca=True)

    @cached_property
    def issuing(self) -> Certified:
        """The CA that issues."""
        return certify("Synthetic R10", self._key("web-issuing"), self.root, ca=True)

    @cached_property
    def staging(self) -> Certified:
        """A test CA under the same root, named as Let's Encrypt names its own."""
        key = self._key("web-staging")
        return certify("(STAGING) Synthetic Apricot R3", key, self.root, ca=True)

    def issue(self, leaf: Leaf) -> Certified:
        """Issue a server's certificate with its SCTs inside (RFC 6962 §3.3)."""
        plain = self._certify(leaf, ())
        scts = [self._sct(log, plain, leaf.issued) for log in leaf.logs]
        return self._certify(leaf, (_extension(scts),)) if scts else plain

    def self_signed(self, leaf: Leaf) -> Certified:
        """Make the certificate that a server has before a CA has answered."""
        return certify(leaf.names[0], self._key(leaf.key), extensions=_for(leaf), valid=_span(leaf))

    def log_list(self) -> bytes:
        """Write the log list (version 3 of the format of Chrome's)."""
        operator = {"name": "Synthetic", "email": [], "logs": [self._log(n) for n in self.logs]}
        listed = {"version": "1.0", "log_list_timestamp": _SINCE, "operators": [operator]}
        return json.dumps(listed, indent=1).encode()

    def _certify(self, leaf: Leaf, more: Sequence[x509.ExtensionType]) -> Certified:
        issuer = self.staging if leaf.staging else self.issuing
        wanted = (*_for(leaf), *more)
        key = self._key(leaf.key)
        return certify(leaf.names[0], key, issuer, extensions=wanted, valid=_span(leaf))

    def _sct(self, log: str, precertificate: Certified, seen: int) -> bytes:
        issuer = hashlib.sha256(_spki(precertificate.chain[1].public_key())).digest()
        tbs = precertificate.certificate.tbs_certificate_bytes
        when = (seen * 1000).to_bytes(8)
        key = self._key(log)
        entry = _PRECERTIFICATE + issuer + len(tbs).to_bytes(3) + tbs
        signature = key.sign_der(b"\0\0" + when + entry + b"\0\0")
        identified = b"\0" + hashlib.sha256(_spki(key.public)).digest() + when + b"\0\0"
        return identified + _ECDSA_SHA256 + len(signature).to_bytes(2) + signature

    def _log(self, name: str) -> dict[str, object]:
        spki = _spki(self._key(name).public)
        return {
            "description": name,
            "log_id": base64.b64encode(hashlib.sha256(spki).digest()).decode(),
            "key": base64.b64encode(spki).decode(),
            "url": f"https://{name.lower().replace(' ', '-')}.example.test/",
            "mmd": 86400,
            "state": {"usable": {"timestamp": _SINCE}},
        }

    def _key(self, name: str) -> Key:
        return Key.derive(self.seed, name)


_SINCE: Final = "2018-05-21T00:00:00Z"


def der(certified: Certified) -> bytes:
    """Return a leaf's bytes."""
    return certified.certificate.public_bytes(Encoding.DER)


def full_chain(certified: Certified) -> bytes:
    """Write what a server sends and certbot stores: the leaf and CAs, without the root."""
    sent = certified.chain[:-1] or certified.chain
    return b"".join(each.public_bytes(Encoding.PEM) for each in sent)


def _extension(scts: Sequence[bytes]) -> x509.UnrecognizedExtension:
    listed = b"".join(len(sct).to_bytes(2) + sct for sct in scts)
    content = len(listed).to_bytes(2) + listed
    oid = ExtensionOID.PRECERT_SIGNED_CERTIFICATE_TIMESTAMPS
    # An OCTET STRING of 256 to 65535 bytes, or of fewer (X.690 §8.1.3).
    size = len(content)
    length = b"\x82" + size.to_bytes(2) if size > 0xFF else _short(size)  # noqa: PLR2004
    return x509.UnrecognizedExtension(oid, b"\x04" + length + content)


def _short(size: int) -> bytes:
    return bytes((0x81, size)) if size > 0x7F else bytes((size,))  # noqa: PLR2004


def _for(leaf: Leaf) -> tuple[x509.ExtensionType, ...]:
    return (
        x509.SubjectAlternativeName([x509.DNSName(name) for name in leaf.names]),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
    )


def _span(leaf: Leaf) -> tuple[datetime, datetime]:
    return datetime.fromtimestamp(leaf.issued, UTC), datetime.fromtimestamp(leaf.until, UTC)


def _spki(key: object) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined,no-any-return]
