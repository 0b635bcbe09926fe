"""Asking resolvers everything about a host, side by side.

Answers are kept as they came, signatures included, so that they can be read again without a
network; what could not be had is kept as well.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import dns.exception
import dns.resolver

from sp1tee.errors import EvidenceMalformed, EvidenceTooLarge, VerifyError
from sp1tee.verify.caa import (
    LIMIT,
    PUBLIC,
    Resolver,
    address_questions,
    questions,
    read_addresses,
    read_reply,
    read_resolver,
)
from sp1tee.verify.evidence.manifest import DnsReply, Trouble
from sp1tee.verify.fetch.dns_exchange import Exchanged, ask
from sp1tee.verify.fetch.side_by_side import side_by_side

SECONDS: Final = 5.0
"""How long one question may take; resolvers themselves wait for less."""

_AT_ONCE: Final = 32

Recorded = tuple[DnsReply, bytes | None]


def query_all(
    host: str,
    resolvers: Sequence[Resolver],
    *,
    seconds: float = SECONDS,
    roots: Path | None = None,
) -> tuple[Recorded, ...]:
    """Ask every resolver every question about a host: CAA up to the root, addresses, routing.

    Args:
        host: as `read_host` returns it.
        resolvers: whom to ask.
        seconds: how long each question may take.
        roots: a PEM file of CAs for TLS, instead of the public ones.

    Returns:
        A record for each resolver and question, in this order, and the answer's bytes; failures are
        records with trouble.
    """
    return _ask_all(questions(host), resolvers, seconds, roots)


def addresses(
    host: str,
    resolvers: Sequence[Resolver],
    *,
    seconds: float = SECONDS,
    roots: Path | None = None,
) -> tuple[str, ...]:
    """Ask for a host's addresses; every one that any resolver gives, IPv4 first.

    After `query_all`, `read_addresses` finds them among its answers.
    """
    found = _ask_all(address_questions(host), resolvers, seconds, roots)
    return read_addresses(host, [read_reply(record, body) for record, body in found])


def default_resolvers() -> tuple[Resolver, ...]:
    """Return this machine's resolvers and public ones of several operators."""
    return tuple(dict.fromkeys([*_system(), *map(read_resolver, PUBLIC)]))


def _system() -> Iterable[Resolver]:
    try:
        servers = dns.resolver.Resolver().nameservers
    except dns.exception.DNSException:
        return
    for server in servers:
        try:
            yield read_resolver(str(server))
        except EvidenceMalformed:  # one with an interface in its address, say
            continue


def _ask_all(
    wanted: Sequence[tuple[str, str]],
    resolvers: Sequence[Resolver],
    seconds: float,
    roots: Path | None,
) -> tuple[Recorded, ...]:
    calls = [(r, name, kind) for r in dict.fromkeys(resolvers) for name, kind in wanted]
    return side_by_side(lambda call: _record(call, seconds, roots), calls, at_once=_AT_ONCE)


def _record(call: tuple[Resolver, str, str], seconds: float, roots: Path | None) -> Recorded:
    resolver, name, kind = call
    record = DnsReply(resolver=resolver.text, transport=resolver.transport, name=name, type=kind)
    try:
        got = _capped(ask(resolver, name, kind, seconds=seconds, roots=roots))
    except VerifyError as error:
        trouble = Trouble.of(error)
        return record.model_copy(update={"trouble": trouble}), None
    return record.model_copy(update={"transport": got.transport}), got.body


def _capped(got: Exchanged) -> Exchanged:
    if len(got.body) > LIMIT:
        raise EvidenceTooLarge(f"A DNS message has more than {LIMIT} bytes.")
    return got
