"""Where the server's worker listener is, and how to get there: gRPC and HTTP on one address.

Private inputs come this way. So proxies from the environment are never used, and redirects are
not followed.
"""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import SplitResult, urlsplit

import grpc
import httpx
from grpc import aio

from sp1tee.errors import ConfigError
from sp1tee.hosts import is_loopback
from sp1tee.http_client import HttpClient
from sp1tee.private_files import check_private

CONNECT_SECONDS = 5.0
# How long the other side may say nothing in the middle of a transfer.
SILENCE_SECONDS = 30.0

_PORTS = {"http": 80, "https": 443}
CHANNEL_OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    # A channel of our own each: heartbeats must not queue behind anything.
    ("grpc.use_local_subchannel_pool", 1),
    # gRPC's own waiting grows to two minutes; ours (`patience`) is the one that counts.
    ("grpc.initial_reconnect_backoff_ms", 100),
    # What the name hides: how long a connection may take to be made, TLS and all.
    ("grpc.min_reconnect_backoff_ms", int(CONNECT_SECONDS * 1000)),
    ("grpc.max_reconnect_backoff_ms", 1000),
)


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """What a worker shows to a server that asks who it is (RFC 8446 §4.4.2).

    Both files are read when a worker starts.

    Attributes:
        cert_file: the certificate, and those between it and its CA, as PEM.
        key_file: its private key, as PEM without a password.
    """

    cert_file: Path
    key_file: Path

    def load_into(self, context: ssl.SSLContext) -> None:
        """Have a context show it; raises `ConfigError` where the files do not go together.

        Raises:
            ExposedSecretError: others may read the key.
        """
        check_private(self.key_file)
        try:
            context.load_cert_chain(self.cert_file, self.key_file, _no_password)
        except (OSError, ValueError):
            raise ConfigError(
                f"{self.cert_file} and {self.key_file} are no certificate and its key.",
                advice="Give client_cert_file and client_key_file as PEM, the key unencrypted.",
            ) from None

    def read(self) -> tuple[bytes, bytes]:
        """Return key and certificates; raises `ConfigError` where they do not go together."""
        self.load_into(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        return self.key_file.read_bytes(), self.cert_file.read_bytes()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A worker listener.

    Attributes:
        url: its base URL, without a path.
        token: the worker token; None where the certificate says enough.
        ca: PEM certificates to trust instead of the system's, for https.
        certificate: what to show to a server that asks for one, over https.
    """

    url: str
    token: str | None = field(repr=False)
    ca: str | None = field(default=None, repr=False)
    certificate: ClientCertificate | None = None

    @classmethod
    def of(
        cls,
        url: str,
        token: str | None,
        ca_file: Path | None = None,
        certificate: ClientCertificate | None = None,
    ) -> Self:
        """Check and make one; raises `ConfigError` where URL or certificates are unusable."""
        parts = parse_url(url)
        if certificate is not None:
            if parts.scheme != "https":
                raise ConfigError(
                    "A client certificate is shown over https alone.",
                    advice="Give an https:// URL for server, or leave client_cert_file out.",
                )
            certificate.read()
        ca = None if ca_file is None else read_certificates(ca_file, "server_ca_file")
        return cls(f"{parts.scheme}://{parts.netloc}", token, ca, certificate)

    @property
    def in_clear(self) -> bool:
        """Whether what crosses can be read between the two machines."""
        parts = urlsplit(self.url)
        return parts.scheme == "http" and not is_loopback(parts.hostname or "")

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What every gRPC call and every HTTP request carries."""
        return () if self.token is None else (("authorization", f"Bearer {self.token}"),)

    def aio_channel(self) -> aio.Channel:
        """Open a gRPC channel for the event loop; nothing is sent yet."""
        if self._credentials is None:
            return aio.insecure_channel(self._target, options=CHANNEL_OPTIONS)
        return aio.secure_channel(self._target, self._credentials, options=CHANNEL_OPTIONS)

    def channel(self) -> grpc.Channel:
        """Open a gRPC channel for a thread; nothing is sent yet."""
        if self._credentials is None:
            return grpc.insecure_channel(self._target, options=CHANNEL_OPTIONS)
        return grpc.secure_channel(self._target, self._credentials, options=CHANNEL_OPTIONS)

    def http_client(self) -> HttpClient:
        """Open an HTTP client that authenticates itself."""
        return HttpClient(
            base_url=self.url,
            # Ranges count the bytes as they are stored, so nothing may be packed on the way.
            headers={**dict(self.metadata), "accept-encoding": "identity"},
            timeout=httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS, pool=None),
            trust_env=False,
            verify=self._ssl_context,
        )

    @property
    def _target(self) -> str:
        parts = urlsplit(self.url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        return f"{host}:{parts.port or _PORTS[parts.scheme]}"

    @property
    def _credentials(self) -> grpc.ChannelCredentials | None:
        if not self.url.startswith("https:"):
            return None
        shown = (None, None) if self.certificate is None else self.certificate.read()
        return grpc.ssl_channel_credentials(self.ca.encode() if self.ca else None, *shown)

    @property
    def _ssl_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self.ca)
        if self.certificate is not None:
            self.certificate.load_into(context)
        return context


def parse_url(url: str) -> SplitResult:
    """Take apart the URL of a worker listener.

    Raises:
        ConfigError: it is not ``http(s)://host[:port]``. The message never repeats it, as
            people put passwords into URLs.
    """
    try:
        parts = urlsplit(url)
        plain = parts.port is None or parts.port > 0
    except ValueError:
        raise _unusable() from None
    extras = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    if parts.scheme not in _PORTS or not parts.hostname or extras or not plain:
        raise _unusable()
    return parts


def read_certificates(path: Path, setting: str) -> str:
    """Read a file of PEM certificates that a setting names; raises `ConfigError`."""
    try:
        pem = path.read_text("ascii")
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    except (OSError, ValueError):
        raise ConfigError(
            f"The certificates in {path} cannot be read.",
            advice=f"Give a file of PEM certificates for {setting}.",
        ) from None
    return pem


def _no_password() -> str:
    """Keep OpenSSL from asking a terminal for the password of a key."""
    return ""


def _unusable() -> ConfigError:
    return ConfigError(
        "The server's URL is not one of a worker listener.",
        advice="Give http://host:port or https://host:port and nothing behind it.",
    )
