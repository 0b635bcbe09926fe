"""TLS of the worker listener, with certificates of the server and, if wanted, of workers."""

import asyncio
import signal
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from sp1tee import logs
from sp1tee.errors import ConfigError
from sp1tee.private_files import check_private
from sp1tee.serve.listener import Listener
from sp1tee.serve.settings import ServeSettings

RENEWED: Final = signal.SIGHUP
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class WorkerTls:
    """The files that say who the server is, and whom it believes.

    Attributes:
        cert_file: the server's certificate and those between it and its CA, as PEM.
        key_file: its key, as PEM without a password.
        client_ca_file: whoever shows no certificate of these CAs gets no connection; None asks
            for none.
    """

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None

    @classmethod
    def of(cls, settings: ServeSettings) -> Self | None:
        """Take it from the settings; None if the listener is in clear.

        Raises:
            ConfigError: a file cannot be used.
        """
        cert_file, key_file = settings.worker_tls_cert_file, settings.worker_tls_key_file
        if cert_file is None or key_file is None:
            return None
        tls = cls(cert_file, key_file, settings.worker_client_ca_file)
        tls.check()
        return tls

    def check(self) -> None:
        """See that the files can be used, and the key by nobody else; raises `ConfigError`."""
        check_private(self.key_file)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.cert_file, self.key_file, _no_password)
        except (OSError, ValueError):
            raise ConfigError(
                f"{self.cert_file} and {self.key_file} are no certificate and its key.",
                advice="Give worker_tls_cert_file and worker_tls_key_file as PEM, the key "
                "unencrypted; `sp1tee keys server` makes both.",
            ) from None
        if self.client_ca_file is not None:
            _check_authority(context, self.client_ca_file)

    @property
    def options(self) -> dict[str, Any]:
        """The same for h2corn, which reads the files when a server starts."""
        wanted = self.client_ca_file is not None
        return {
            "certfile": self.cert_file,
            "keyfile": self.key_file,
            "ca_certs": self.client_ca_file,
            "cert_reqs": "required" if wanted else "none",
        }


class Renewal:
    """Takes renewed certificates up on SIGHUP, for connections made from then on."""

    def __init__(self, listener: Listener, tls: WorkerTls) -> None:
        self._listener = listener
        self._tls = tls
        self._wanted = asyncio.Event()

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Listen to the signal."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(RENEWED, self._wanted.set)
        try:
            yield
        finally:
            loop.remove_signal_handler(RENEWED)

    async def run(self) -> None:
        """Renew whenever it is wanted; what cannot be used changes nothing."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await self.renew()

    async def renew(self) -> None:
        """Serve with what the files hold now, if it can be used."""
        try:
            self._tls.check()
        except ConfigError as error:
            _log.error("the old certificates go on", code=error.code, reason=error.message)
            return
        await self._listener.renew()
        _log.info("certificates were read again")


def _check_authority(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(path)
    except (OSError, ValueError):
        raise ConfigError(
            f"The certificates in {path} cannot be read.",
            advice="Give PEM certificates of CAs for worker_client_ca_file.",
        ) from None


def _no_password() -> str:
    """Keep OpenSSL from asking a terminal for the password of a key."""
    return ""
