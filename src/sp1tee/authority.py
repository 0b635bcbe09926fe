"""An operator's own certificate authority, for the worker listener alone.

It vouches for one server and its workers, and can vouch for nothing else: its certificate permits
the server's names and this project's names of workers (RFC 5280 §4.2.1.10), no address, and no
authority below it. So trusting it opens nothing but this listener, even if its key is stolen.

Of a server that is reached at an address that is not so: gRPC's TLS refuses every certificate that
has an address when its CA says anything about addresses. Such a CA permits them all.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sp1tee.errors import ConfigError
from sp1tee.private_files import check_private, write_new

WORKERS_DOMAIN: Final = "workers.sp1tee.internal"
"""What the names in workers' certificates end in; .internal is nobody's on the internet."""
CA_CERT, CA_KEY = "ca.pem", "ca.key"

_NAME: Final = "sp1tee worker listener"
_LONGEST_NAME: Final = 63
"""That of a common name is 64 (RFC 5280, ub-common-name)."""
_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")
_SLACK: Final = timedelta(minutes=5)
"""Clocks of other machines may be behind."""
_EVERY_ADDRESS: Final = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True, slots=True)
class Issued:
    """A new certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    def write(self, cert_file: Path, key_file: Path) -> None:
        """Write both as PEM, the key for its owner alone; raises `ConfigError`."""
        encoded = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        write_new(key_file, encoded)
        pem = self.certificate.public_bytes(serialization.Encoding.PEM)
        write_new(cert_file, pem, public=True)


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA: what it is called, what it may vouch for, and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def new(cls, hosts: Sequence[str], days: int) -> Self:
        """Make one for a server that is reached at these names and addresses.

        Raises:
            ConfigError: one of them is neither.
        """
        names = [general_name(host) for host in hosts]
        made = _sign(
            _name(_NAME),
            None,
            days,
            [
                (x509.BasicConstraints(ca=True, path_length=0), True),
                (_key_usage(ca=True), True),
                (_constraints(names), True),
                # What it was made for, to be read again when the server's certificate is issued.
                (x509.SubjectAlternativeName(names), False),
            ],
        )
        return cls(made.certificate, made.key)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            ConfigError: it is not there, or no CA, or others may read its key.
        """
        check_private(folder / CA_KEY)
        try:
            certificate = x509.load_pem_x509_certificate((folder / CA_CERT).read_bytes())
            key = serialization.load_pem_private_key((folder / CA_KEY).read_bytes(), None)
        except (OSError, ValueError, TypeError):
            raise _no_authority(folder) from None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise _no_authority(folder)
        if key.public_key() != certificate.public_key():
            raise _no_authority(folder)
        return cls(certificate, key)

    def write(self, folder: Path) -> None:
        """Write certificate and key into a folder, which is made; raises `ConfigError`."""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ConfigError(f"{folder} cannot be made: {error.strerror}.") from None
        Issued(self.certificate, self.key).write(folder / CA_CERT, folder / CA_KEY)

    def server(self, days: int) -> Issued:
        """Issue a certificate for the server, at all hosts that the CA was made for.

        Raises:
            ConfigError: it was made for none; it is none of `new`.
        """
        try:
            made_for = self.certificate.extensions.get_extension_for_class(
                x509.SubjectAlternativeName
            )
        except x509.ExtensionNotFound:
            raise ConfigError(
                "The authority names no host.", advice="Make one with sp1tee keys ca."
            ) from None
        hosts = list(made_for.value)
        return self._issue(str(hosts[0].value), hosts, ExtendedKeyUsageOID.SERVER_AUTH, days)

    def worker(self, name: str, days: int) -> Issued:
        """Issue a certificate for the worker, or the operator's tool, of this name.

        Raises:
            ConfigError: nothing can be called so.
        """
        if name != name.lower() or not _is_name(name.replace("_", "a")):
            raise ConfigError(
                "This is no name for a worker.", advice="Give it like gpu-1, in small letters."
            )
        names = [x509.DNSName(f"{name}.{WORKERS_DOMAIN}")]
        return self._issue(name, names, ExtendedKeyUsageOID.CLIENT_AUTH, days)

    def _issue(
        self,
        common: str,
        names: Iterable[x509.GeneralName],
        purpose: x509.ObjectIdentifier,
        days: int,
    ) -> Issued:
        return _sign(
            _name(common),
            self,
            days,
            [
                (x509.BasicConstraints(ca=False, path_length=None), True),
                (_key_usage(ca=False), True),
                (x509.ExtendedKeyUsage([purpose]), False),
                (x509.SubjectAlternativeName(names), False),
            ],
        )


def general_name(host: str) -> x509.DNSName | x509.IPAddress:
    """Read a host's name, or its address; raises `ConfigError` where it is neither."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    if not _is_name(host):
        raise ConfigError(
            "A host is neither a name nor an address.",
            advice="Give it like workers.example.org or 10.0.0.5, without a port.",
        )
    return x509.DNSName(host.lower())


def _is_name(text: str) -> bool:
    return len(text) <= _LONGEST_NAME and all(map(_LABEL.fullmatch, text.split(".")))


def _constraints(names: Sequence[x509.DNSName | x509.IPAddress]) -> x509.NameConstraints:
    """Permit these and workers' names; and no address, unless there is one among these."""
    permitted = [name for name in names if isinstance(name, x509.DNSName)]
    every = [x509.IPAddress(ipaddress.ip_network(network)) for network in _EVERY_ADDRESS]
    return x509.NameConstraints(
        [x509.DNSName(WORKERS_DOMAIN), *permitted],
        every if len(permitted) == len(names) else None,
    )


def _sign(
    subject: x509.Name,
    issuer: Authority | None,
    days: int,
    extensions: Iterable[tuple[x509.ExtensionType, bool]],
) -> Issued:
    """Make a key and have its certificate signed: by the issuer, or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    signer = key if issuer is None else issuer.key
    now = datetime.now(UTC)
    until = now + timedelta(days=days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SLACK)
        .not_valid_after(until if issuer is None else min(until, _end(issuer)))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return Issued(builder.sign(signer, hashes.SHA256()), key)


def _end(authority: Authority) -> datetime:
    return authority.certificate.not_valid_after_utc


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _no_authority(folder: Path) -> ConfigError:
    return ConfigError(
        f"There is no certificate authority in {folder}.",
        advice="Make one: sp1tee keys ca --out FOLDER --host NAME.",
    )
