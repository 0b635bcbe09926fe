"""One question to one resolver: over UDP and TCP, TLS (RFC 7858) or HTTPS (RFC 8484)."""

import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import certifi
import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode

from sp1tee.errors import EvidenceMalformed, FetchError, VerifyError
from sp1tee.verify.caa import LIMIT, Resolver
from sp1tee.verify.fetch.http import post

PAYLOAD: Final = 1232
"""What fits into one IPv6 packet everywhere; larger answers come over TCP (DNS flag day 2020)."""

_MEDIA_TYPE: Final = "application/dns-message"
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Exchanged:
    """An answer's bytes, and the transport that brought them."""

    transport: Literal["udp", "tcp", "tls", "https"]
    body: bytes


def ask(
    resolver: Resolver, name: str, kind: str, *, seconds: float, roots: Path | None
) -> Exchanged:
    """Ask one question.

    The answer is to this question and by this resolver as far as DNS can tell: identifier, question
    and source fit, and over TLS its certificate.

    Args:
        resolver: whom.
        name: an ASCII name.
        kind: a record type.
        seconds: how long it may take altogether, TCP included.
        roots: a PEM file of CAs for TLS, instead of the public ones.

    Raises:
        FetchError: there was no answer in time, or the resolver could not be reached.
        EvidenceMalformed: there was one that is no answer to this question, or the name is too
            long to be asked for.
    """
    query = _query(name, kind)
    end = time.monotonic() + seconds
    got = _exchange(resolver, query, seconds, roots)
    left = end - time.monotonic()
    # Resolvers that have just been started, or are in a hurry, fail once.
    return got if not _failed(got) or left <= 0 else _exchange(resolver, query, left, roots)


def _query(name: str, kind: str) -> dns.message.Message:
    try:
        return dns.message.make_query(
            f"{name}.",
            kind,
            use_edns=0,
            want_dnssec=True,
            payload=PAYLOAD,
            flags=dns.flags.RD | dns.flags.AD,
        )
    except (dns.exception.DNSException, ValueError):
        raise EvidenceMalformed(f"DNS has no name such as {name[:80]}.") from None


def _failed(got: Exchanged) -> bool:
    return dns.message.from_wire(got.body, question_only=True).rcode() == dns.rcode.SERVFAIL


def _exchange(
    resolver: Resolver, query: dns.message.Message, seconds: float, roots: Path | None
) -> Exchanged:
    try:
        return _TRANSPORTS[resolver.transport](resolver, query, seconds, roots)
    except VerifyError:
        raise
    except (dns.exception.Timeout, TimeoutError):
        raise FetchError(f"{resolver.text} did not answer in time.") from None
    except ssl.SSLCertVerificationError:
        raise FetchError(f"{resolver.text} has no certificate that is trusted here.") from None
    except (OSError, EOFError):
        raise FetchError(f"{resolver.text} cannot be reached, or hung up.") from None
    except Exception:  # noqa: BLE001 - whatever the library makes of bytes that are no answer
        raise EvidenceMalformed(f"{resolver.text} gives no answer to the question.") from None


def _udp(
    resolver: Resolver, query: dns.message.Message, seconds: float, roots: Path | None
) -> Exchanged:
    """Ask twice over UDP, then over TCP; at once where UDP cuts the answer short."""
    del roots
    end = time.monotonic() + seconds
    for share in (4, 2):
        try:
            answer = dns.query.udp(
                query,
                resolver.address,
                timeout=(end - time.monotonic()) / share,
                port=resolver.port,
                ignore_unexpected=True,
                ignore_errors=True,
                raise_on_truncation=True,
            )
            return Exchanged("udp", _wire(answer))
        except dns.message.Truncated:
            break
        except dns.exception.Timeout:
            continue
    answer = dns.query.tcp(query, resolver.address, _left(end), resolver.port)
    return Exchanged("tcp", _wire(answer))


def _tls(
    resolver: Resolver, query: dns.message.Message, seconds: float, roots: Path | None
) -> Exchanged:
    context = ssl.create_default_context(cafile=str(roots or certifi.where()))
    context.set_alpn_protocols(["dot"])
    answer = dns.query.tls(
        query,
        resolver.address,
        seconds,
        resolver.port,
        ssl_context=context,
        server_hostname=resolver.name,
    )
    return Exchanged("tls", _wire(answer))


def _https(
    resolver: Resolver, query: dns.message.Message, seconds: float, roots: Path | None
) -> Exchanged:
    # So that caches on the way can know it again (RFC 8484 §4.1).
    query.id = 0
    answer = post(
        resolver.text,
        query.to_wire(),
        content_type=_MEDIA_TYPE,
        headers={"accept": _MEDIA_TYPE},
        limit=LIMIT,
        seconds=seconds,
        roots=roots,
    )
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status != _OK or media_type != _MEDIA_TYPE:
        raise EvidenceMalformed(f"{resolver.text} answers with HTTP {answer.status}, not with DNS.")
    if not query.is_response(dns.message.from_wire(answer.body, one_rr_per_rrset=True)):
        raise EvidenceMalformed(f"{resolver.text} answers another question.")
    return Exchanged("https", answer.body)


_TRANSPORTS: Final = {"udp": _udp, "tls": _tls, "https": _https}


def _wire(answer: dns.message.Message) -> bytes:
    return bytes(answer.wire or b"")


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise dns.exception.Timeout
    return left
