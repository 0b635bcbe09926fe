"""TLS connections to one address each, and the certificates that it presents.

Nothing about the certificates is checked here: what was served is evidence, whatever it is. The
pure room judges it.
"""

import ipaddress
import re
import select
import socket
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from types import TracebackType
from typing import Final, Self, TypeVar

from OpenSSL import SSL, crypto

from sp1tee.errors import EvidenceTooLarge, FetchError, VerifyError
from sp1tee.verify.evidence.manifest import Endpoint, Trouble
from sp1tee.verify.fetch.deadline import Deadline
from sp1tee.verify.fetch.side_by_side import side_by_side
from sp1tee.verify.ingress.chain import MAX_CERTIFICATES, MAX_CHAIN

T = TypeVar("T")

SECONDS: Final = 10.0
"""How long one handshake or one file may take altogether."""
MAX_ADDRESSES: Final = 32
"""More addresses than hosts have; the rest is recorded as not asked."""
_AT_ONCE: Final = 8
_CHUNK: Final = 64 * 1024
_HOST: Final = re.compile(r"[A-Za-z0-9._:-]{1,253}", re.ASCII)
_ALPN: Final = b"http/1.1"


class Connection:
    """A connection, and the chain that its other end presented.

    Attributes:
        address: the other end's IP address.
        chain: the certificates as DER, the leaf first, as they were presented.
        protocol: the protocol's version, e.g. ``TLSv1.3``.
    """

    def __init__(self, address: str, plain: socket.socket, secure: SSL.Connection) -> None:
        self.address = address
        self.chain: tuple[bytes, ...] = ()
        self.protocol = ""
        self._socket = plain
        self._tls = secure

    @property
    def leaf_sha256(self) -> str:
        """The digest of the leaf, hex."""
        return sha256(self.chain[0]).hexdigest()

    @property
    def pem(self) -> bytes:
        """The chain as a PEM file."""
        return "".join(map(ssl.DER_cert_to_PEM_cert, self.chain)).encode()

    def shake_hands(self, deadline: Deadline) -> None:
        """Agree on keys and take the chain."""
        self._patiently(self._tls.do_handshake, deadline)
        self.protocol = self._tls.get_protocol_version_name()
        self.chain = _chain(self._tls, self.address)

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send all of it."""
        while data:
            data = data[self._patiently(partial(self._tls.send, data), deadline) :]

    def receive(self, deadline: Deadline) -> bytes:
        """Return what came; nothing if the other end is done."""
        return self._patiently(self._receive, deadline)

    def close(self) -> None:
        """Hang up, without waiting for an answer."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _receive(self) -> bytes:
        try:
            return self._tls.recv(_CHUNK)
        except SSL.ZeroReturnError:
            return b""

    def _patiently(self, step: Callable[[], T], deadline: Deadline) -> T:
        """Repeat a step until OpenSSL need not wait for the network any more."""
        while True:
            left = deadline.left()
            try:
                return step()
            except SSL.WantReadError:
                _wait(self._socket, select.POLLIN, left)
            except SSL.WantWriteError:
                _wait(self._socket, select.POLLOUT, left)
            except SSL.Error as error:
                raise FetchError(
                    f"{self.address} breaks off TLS: {_gist(error)}.",
                    advice="Check the address and the port.",
                ) from None


def connect(host: str, address: str, port: int, deadline: Deadline) -> Connection:
    """Connect to an address, asking for a host by SNI and for HTTP/1.1 by ALPN.

    Raises:
        FetchError: nobody answers there in time, or not with TLS 1.2 or 1.3.
        EvidenceTooLarge: the chain is larger than any.
    """
    if not _HOST.fullmatch(host):
        raise FetchError(f"{host[:80]!r} is no host name.")
    plain = _reach(address, port, deadline)
    try:
        secure = SSL.Connection(_context(), plain)
        secure.set_connect_state()
        if not _is_address(host):
            secure.set_tlsext_host_name(host.encode("ascii"))
        connection = Connection(address, plain, secure)
        connection.shake_hands(deadline)
    except BaseException:
        plain.close()
        raise
    return connection


def fetch_endpoints(
    host: str, port: int, addresses: Sequence[str], *, seconds: float = SECONDS
) -> tuple[tuple[Endpoint, bytes | None], ...]:
    """Shake hands with every address.

    Args:
        host: the name that is asked for.
        port: the port.
        addresses: IP addresses.
        seconds: how long each handshake may take.

    Returns:
        For each address a record, and its chain as PEM or None.
    """

    def one(address: str) -> tuple[Endpoint, bytes | None]:
        return _endpoint(host, address, port, seconds)

    asked = side_by_side(one, addresses[:MAX_ADDRESSES], at_once=_AT_ONCE)
    why = FetchError(f"{host} has more than {MAX_ADDRESSES} addresses: this one was not asked.")
    rest = addresses[MAX_ADDRESSES:]
    return asked + tuple((_failed(host, address, port, why), None) for address in rest)


def answering_first(endpoints: Sequence[tuple[Endpoint, bytes | None]]) -> tuple[str, ...]:
    """List addresses that were asked, those first that shook hands."""
    records = sorted((record for record, _ in endpoints), key=lambda one: one.trouble is not None)
    return tuple(record.address for record in records)


def _endpoint(host: str, address: str, port: int, seconds: float) -> tuple[Endpoint, bytes | None]:
    try:
        with connect(host, address, port, Deadline(seconds)) as connection:
            record = Endpoint(
                address=address, port=port, server_name=host, protocol=connection.protocol
            )
            return record, connection.pem
    except VerifyError as error:
        return _failed(host, address, port, error), None


def _failed(host: str, address: str, port: int, error: VerifyError) -> Endpoint:
    return Endpoint(address=address, port=port, server_name=host, trouble=Trouble.of(error))


def _reach(address: str, port: int, deadline: Deadline) -> socket.socket:
    if not _is_address(address):
        raise FetchError(f"{address[:80]!r} is no IP address.")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    plain = socket.socket(family, socket.SOCK_STREAM)
    try:
        plain.settimeout(deadline.left())
        plain.connect((address, port))
        plain.setblocking(False)
    except (OSError, OverflowError, FetchError) as error:
        plain.close()
        raise FetchError(
            f"{address} port {port} cannot be reached: {_why(error)}.",
            advice="Check the address and the network.",
        ) from None
    return plain


def _context() -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_verify(SSL.VERIFY_NONE)
    context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_IGNORE_UNEXPECTED_EOF)
    context.set_alpn_protos([_ALPN])
    return context


def _chain(secure: SSL.Connection, address: str) -> tuple[bytes, ...]:
    presented = secure.get_peer_cert_chain() or []
    if not presented:
        raise FetchError(f"{address} presents no certificate.")
    if len(presented) > MAX_CERTIFICATES:
        raise EvidenceTooLarge(f"{address} presents more than {MAX_CERTIFICATES} certificates.")
    chain = tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, one) for one in presented)
    # PEM takes 4 characters for 3 bytes, and lines.
    if sum(map(len, chain)) * 3 // 2 > MAX_CHAIN:
        raise EvidenceTooLarge(f"{address} presents a chain larger than any.")
    return chain


def _wait(plain: socket.socket, event: int, seconds: float) -> None:
    poll = select.poll()
    poll.register(plain, event)
    poll.poll(seconds * 1000)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _why(error: Exception) -> str:
    if isinstance(error, (TimeoutError, FetchError)):
        return "nobody answers in time"
    return (getattr(error, "strerror", None) or type(error).__name__).lower()


def _gist(error: SSL.Error) -> str:
    """Take OpenSSL's reason, e.g. ``tlsv1 alert no application protocol``."""
    if isinstance(error, (SSL.SysCallError, SSL.ZeroReturnError)):
        return "it hung up"
    queue = error.args[0] if error.args else []
    reasons = [str(reason) for *_, reason in queue if reason]
    return reasons[-1] if reasons else "it gave no reason"
