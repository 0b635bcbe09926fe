"""Where a server is, and what is shown to get in."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self
from urllib.parse import SplitResult, urlsplit

from sp1tee.errors import CleartextRefused, ConfigError
from sp1tee.hosts import is_loopback
from sp1tee.private_files import check_private

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server's address and the credentials for it.

    Attributes:
        url: scheme, host and port, without a slash at the end.
        bearer_token: sent with every RPC, never with uploads and downloads, whose URLs are secrets
            of their own. This is what the SDK does.
        ca_file: certificates (PEM) to trust for this server instead of the public ones.
        client_cert: a certificate (PEM) to show to this server; needs `client_key`.
        client_key: its key (PEM).
        allow_cleartext: whether inputs may travel unencrypted beyond this machine.
        certificate: SHA-256 (hex) of the certificate (DER) that was checked; uploads then go to
            this server alone, and only if it presents that one.
    """

    url: str
    bearer_token: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    client_cert: Path | None = None
    client_key: Path | None = None
    allow_cleartext: bool = False
    certificate: str | None = None

    @classmethod
    def parse(
        cls,
        url: str,
        *,
        bearer_token: str | None = None,
        ca_file: Path | None = None,
        client_cert: Path | None = None,
        client_key: Path | None = None,
        allow_cleartext: bool = False,
    ) -> Self:
        """Check an address and credentials that a person gave.

        Raises:
            ConfigError: the address is not one, or a credential lacks its other half.
            CleartextRefused: it is neither encrypted nor on this machine.
            ExposedSecretError: others may read the certificate's key.
        """
        if (client_cert is None) != (client_key is None):
            raise ConfigError(
                "A client certificate and its key belong together.",
                advice="Give both --client-cert and --client-key.",
            )
        if client_key is not None:
            check_private(client_key)
        if bearer_token is not None and not _is_token(bearer_token):
            raise ConfigError("The bearer token is empty, or has a space or a control character.")
        endpoint = cls(
            _normal(url), bearer_token, ca_file, client_cert, client_key, allow_cleartext
        )
        endpoint.check_private(endpoint.url)
        return endpoint

    @property
    def encrypted(self) -> bool:
        """Whether it speaks TLS."""
        return self.url.startswith("https:")

    @property
    def target(self) -> str:
        """Host and port, as gRPC wants them."""
        return urlsplit(self.url).netloc

    def is_at(self, url: str) -> bool:
        """Tell whether a URL leads to this server, so that its credentials may go there."""
        try:
            return _origin(urlsplit(url)) == _origin(urlsplit(self.url))
        except ValueError:
            return False

    def checked(self, certificate: str) -> Self:
        """Return this server with the certificate that uploads must meet: its SHA-256, hex."""
        return replace(self, certificate=certificate)

    def check_private(self, url: str) -> None:
        """Refuse to send an input where others on the way could read it.

        Raises:
            CleartextRefused: the URL is neither https nor on this machine.
        """
        parts = urlsplit(url)
        if parts.scheme == "https" or self.allow_cleartext or _is_loopback(parts.hostname or ""):
            return
        raise CleartextRefused(
            f"The connection to {parts.hostname} is not encrypted: everybody on the way could "
            "read the input."
        )


def _normal(url: str) -> str:
    try:
        parts = urlsplit(url)
        _, host, port = _origin(parts)
    except ValueError:
        raise _not_an_address() from None
    # A user or a query may be a secret: neither belongs here, and neither may show in an error.
    if not host or parts.username or parts.query or parts.fragment or parts.path not in ("", "/"):
        raise _not_an_address()
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    if parts.scheme not in _PORTS:
        raise ValueError("neither http nor https")
    return parts.scheme, parts.hostname or "", parts.port or _PORTS[parts.scheme]


def _not_an_address() -> ConfigError:
    return ConfigError(
        "The server's address is not one.",
        advice="Give it as https://host or http://127.0.0.1:8080, without a path.",
    )


def _is_loopback(host: str) -> bool:
    return host.endswith(".localhost") or is_loopback(host)


def _is_token(text: str) -> bool:
    return bool(text) and all("!" <= character <= "~" for character in text)
