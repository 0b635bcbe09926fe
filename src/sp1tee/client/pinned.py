"""Connections to one certificate alone."""

from typing import Any

from requests import exceptions
from requests.adapters import HTTPAdapter
from urllib3 import ProxyManager


class Pinned(HTTPAdapter):
    """An adapter for https whose peers must present one certificate, through proxies too.

    It must be trusted as well: a pin does not replace its chain.
    """

    def __init__(self, certificate: str) -> None:
        """Demand the certificate (DER) with this SHA-256, in hex."""
        self._certificate = certificate
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools of direct connections; called by `HTTPAdapter`."""
        super().init_poolmanager(*args, assert_fingerprint=self._certificate, **options)

    def proxy_manager_for(self, proxy: str, **options: Any) -> ProxyManager:
        """Make the pools of connections through a proxy; called by `HTTPAdapter`."""
        made: ProxyManager = super().proxy_manager_for(
            proxy, assert_fingerprint=self._certificate, **options
        )
        return made


def is_other(error: BaseException) -> bool:
    """Tell whether an error of `requests` is about a peer that presented another certificate.

    urllib3 has no class of its own for it: it is an `SSLError` that OpenSSL did not raise.
    """
    if not isinstance(error, exceptions.SSLError):
        return False
    return "Fingerprints did not match" in str(error)
