"""Names: what a resolver answers, as data; and the answer to a query, in wire form."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

_TTL: Final = 300
_ALIASES: Final = 8
_SOA: Final = "ns.example.test. hostmaster.example.test. 1 3600 600 86400 300"

Records = Mapping[tuple[str, str], tuple[str, ...]]
"""Records in presentation form, by name (without the final dot) and type."""


@dataclass(frozen=True, slots=True)
class Zone:
    """What one resolver answers.

    Attributes:
        records: everything there is; a CNAME is followed.
        broken: names and types for which it answers SERVFAIL.
        validated: whether it says that it validated (the AD bit).
    """

    records: Records = field(default_factory=dict)
    broken: frozenset[tuple[str, str]] = frozenset()
    validated: bool = True

    def having(self, name: str, kind: str, *texts: str) -> "Zone":
        """Return the zone with other records at a name; none at all remove the name's."""
        kept = {key: found for key, found in self.records.items() if key != (name, kind)}
        new = {(name, kind): texts} if texts else {}
        return Zone({**kept, **new}, self.broken, self.validated)


def answer(zone: Zone, wire: bytes) -> bytes | None:
    """Answer a query; None if it is none."""
    try:
        query = dns.message.from_wire(wire)
    except (dns.exception.DNSException, ValueError):
        return None
    if len(query.question) != 1 or query.flags & dns.flags.QR:
        return None
    return _response(zone, query).to_wire(want_shuffle=False)


def _response(zone: Zone, query: dns.message.Message) -> dns.message.Message:
    response = dns.message.make_response(query, recursion_available=True)
    asked = query.question[0]
    name, kind = _text(asked.name), dns.rdatatype.to_text(asked.rdtype)
    if (name, kind) in zone.broken:
        response.set_rcode(dns.rcode.SERVFAIL)
        return response
    if zone.validated:
        response.flags |= dns.flags.AD
    while kind != "CNAME" and (alias := zone.records.get((name, "CNAME"))):
        if len(response.answer) == _ALIASES:
            response.set_rcode(dns.rcode.SERVFAIL)
            return response
        response.answer.append(_rrset(name, "CNAME", alias))
        name = alias[0].rstrip(".").lower()
    found = zone.records.get((name, kind), ())
    if found:
        response.answer.append(_rrset(name, kind, found))
        return response
    if not _exists(zone, name):
        response.set_rcode(dns.rcode.NXDOMAIN)
    response.authority.append(_rrset("example.test", "SOA", (_SOA,)))
    return response


def _exists(zone: Zone, name: str) -> bool:
    return any(owner == name or owner.endswith(f".{name}") for owner, _ in zone.records)


def _rrset(name: str, kind: str, texts: tuple[str, ...]) -> dns.rrset.RRset:
    return dns.rrset.from_text(f"{name}.", _TTL, "IN", kind, *texts)


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()
