"""Uploads and downloads over plain HTTP, one attempt each.

Their URLs are secrets: errors name the host and nothing more. No credential goes with them but a
client certificate, and that only to the server it is for.
"""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import requests

from sp1tee import __version__
from sp1tee.client.endpoint import Endpoint
from sp1tee.client.http_replies import judge
from sp1tee.client.parcel import Parcel
from sp1tee.client.pinned import Pinned, is_other
from sp1tee.client.progress import Progress
from sp1tee.client.replies import number
from sp1tee.errors import BadReply, NetworkError, UncheckedServer, Unreachable
from sp1tee.wire.proof import MAX_PROOF_SIZE

_CONNECT_SECONDS: Final = 15.0
# Between two blocks, and until the server has made an upload durable.
_SILENCE_SECONDS: Final = 120.0
_BLOCK: Final = 1 << 16

# One connection a transfer, like the SDK: an hour of proving would outlast an idle one anyway.
_HEADERS: Final = {
    "user-agent": f"sp1tee/{__version__}",
    "accept-encoding": "identity",
    "connection": "close",
}


@dataclass(frozen=True, slots=True)
class Download:
    """What was downloaded.

    Attributes:
        data: the bytes.
        mock: whether the server marked them as a mock proof.
    """

    data: bytes = field(repr=False)
    mock: bool


class Transfers:
    """Moves artifacts to and proofs from wherever the server says they go."""

    def __init__(self, endpoint: Endpoint, progress: Progress) -> None:
        self._endpoint = endpoint
        self._progress = progress
        self._downloads = _session()
        self._uploads = _session()
        if endpoint.certificate is not None:
            self._uploads.mount("https://", Pinned(endpoint.certificate))

    def close(self) -> None:
        """Close the connections."""
        self._downloads.close()
        self._uploads.close()

    def put(self, url: str, parcel: Parcel, what: str) -> None:
        """Upload a parcel.

        Raises:
            CleartextRefused: the URL would carry it unencrypted.
            UncheckedServer: the server was checked, and this is not it.
            Unreachable: the connection broke, or the server is busy.
            ServerRefusal: the server does not want it.
            InputFileError: the input cannot be read, or changed.
        """
        host = _prepare(self._uploads, url)
        self._endpoint.check_private(url)
        self._demand_checked(url, host)
        self._progress.transfer(f"uploading {what} to {host}", parcel.size)
        try:
            with self._uploads.put(
                url,
                data=parcel.body(self._progress.moved),
                stream=True,
                timeout=(_CONNECT_SECONDS, _SILENCE_SECONDS),
                # To follow would send the input to where nobody checked.
                allow_redirects=False,
                verify=self._trust(url),
                cert=self._identity(url),
            ) as response:
                judge(response, f"take {what}")
        except OSError as error:
            raise _broken(host, error) from None

    def get(self, url: str, what: str) -> Download:
        """Download a proof.

        Raises:
            Unreachable: the connection broke, or the server is busy.
            ServerRefusal: the server does not give it.
            BadReply: it is longer than any proof.
        """
        host = _prepare(self._downloads, url)
        try:
            with self._downloads.get(
                url,
                stream=True,
                timeout=(_CONNECT_SECONDS, _SILENCE_SECONDS),
                verify=self._trust(url),
                cert=self._identity(url),
            ) as response:
                judge(response, f"give {what}")
                return Download(self._read(response, what), _is_mock(response))
        except OSError as error:
            raise _broken(host, error) from None

    def _read(self, response: requests.Response, what: str) -> bytes:
        size = number(response.headers.get("content-length", ""))
        self._progress.transfer(f"downloading {what}", size)
        data = bytearray()
        for block in response.iter_content(_BLOCK):
            data += block
            self._progress.moved(len(block))
            if len(data) > MAX_PROOF_SIZE:
                raise BadReply(f"The proof is longer than {MAX_PROOF_SIZE} bytes.")
        return bytes(data)

    def _demand_checked(self, url: str, host: str) -> None:
        if self._endpoint.certificate is not None and not self._endpoint.is_at(url):
            raise UncheckedServer(
                f"The server wants it uploaded to {host}, and that is not what was checked."
            )

    def _trust(self, url: str) -> str | bool:
        own = self._endpoint.ca_file
        return str(own) if own and self._endpoint.is_at(url) else True

    def _identity(self, url: str) -> tuple[str, str] | None:
        cert, key = self._endpoint.client_cert, self._endpoint.client_key
        if cert is None or key is None or not self._endpoint.is_at(url):
            return None
        return str(cert), str(key)


def _session() -> requests.Session:
    session = requests.Session()
    # Without this, requests would take passwords from ~/.netrc.
    session.auth = lambda request: request
    session.headers.update(_HEADERS)
    return session


def _prepare(session: requests.Session, url: str) -> str:
    """Return the URL's host. Proxies are for https only: they read what is not encrypted."""
    host, session.trust_env = _host(url), url.startswith("https:")
    return host


def _host(url: str) -> str:
    """Return the host a URL leads to; raises `BadReply` for what is no URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise _no_address()
    return parts.hostname


def _no_address() -> BadReply:
    return BadReply("The server named an address that is none.")


def _broken(host: str, error: OSError) -> NetworkError | UncheckedServer:
    """Name what broke. The exception's own text has the URL in it, so it is not shown.

    All errors of requests are OSErrors; those about addresses are ValueErrors as well.
    """
    if isinstance(error, ValueError):
        return _no_address()
    if is_other(error):
        return UncheckedServer(f"{host} presented another certificate than the one checked.")
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return NetworkError(
            f"The certificate of {host} is not trusted.",
            advice="Give its authority with --ca-file if it is a private one.",
        )
    return Unreachable(f"The connection to {host} broke ({type(error).__name__}).")


def _is_mock(response: requests.Response) -> bool:
    return response.headers.get("sp1tee-mock") == "true"
