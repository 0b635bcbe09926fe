"""DNS messages as resolvers send them, and replies made of them."""

from collections.abc import Iterable

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from sp1tee.verify.caa import (
    CaaFacts,
    Reply,
    climb,
    examine,
    judge,
    read_reply,
)
from sp1tee.verify.checks import Check
from sp1tee.verify.evidence.manifest import DnsReply, Trouble
from sp1tee.verify.policy.model import CaaPolicy

ACCOUNT = "https://acme-v02.api.letsencrypt.org/acme/acct/1234"
LOCK = f"letsencrypt.org; accounturi={ACCOUNT}; validationmethods=dns-01"
TIGHT = f'CAA 0 issue "{LOCK}"'
HOST = "tee.example.org"
RESOLVER = "https://dns.example/dns-query"
POLICY = CaaPolicy(account=ACCOUNT)

RECURSIVE = dns.flags.QR | dns.flags.RD | dns.flags.RA
VALIDATED = RECURSIVE | dns.flags.AD

Zone = dict[str, Iterable[str]]
"""Records by owner: the type and the data, e.g. ``CAA 0 issue "ca.example"``."""


def message(
    name: str,
    kind: str,
    *records: str,
    flags: int = RECURSIVE,
    rcode: str = "NOERROR",
) -> dns.message.Message:
    """Make an answer; records are written ``owner TTL type data``."""
    made = dns.message.make_query(name, kind).to_wire()
    answer = dns.message.make_response(dns.message.from_wire(made))
    answer.flags = dns.flags.Flag(flags)
    answer.set_rcode(dns.rcode.from_text(rcode))
    for record in records:
        owner, ttl, type_, data = record.split(" ", 3)
        answer.answer.append(dns.rrset.from_text(f"{owner}.", int(ttl), "IN", type_, data))
    return answer


def wire(name: str, kind: str, *records: str, **how: object) -> bytes:
    """Make an answer's bytes."""
    return message(name, kind, *records, **how).to_wire()


def reply(
    body: bytes | None,
    name: str = HOST,
    kind: str = "CAA",
    resolver: str = RESOLVER,
    trouble: str | None = None,
) -> Reply:
    """Read an answer as if it had been recorded."""
    record = DnsReply(
        resolver=resolver,
        transport="https",
        name=name,
        type=kind,
        trouble=None if trouble is None else Trouble(code="SP1TEE-V005", message=trouble),
    )
    return read_reply(record, body)


def replies(
    zone: Zone, *, host: str = HOST, resolver: str = RESOLVER, flags: int = RECURSIVE
) -> list[Reply]:
    """Answer a climb from a zone; aliases must lead on within the same list of records."""
    found = []
    for name in climb(host):
        records = [f"{name} 300 {record}" for record in zone.get(name, ())]
        found.append(reply(wire(name, "CAA", *records, flags=flags), name, resolver=resolver))
    return found


def seen(zone: Zone, *, host: str = HOST, flags: int = RECURSIVE) -> CaaFacts:
    """Look at a zone through one resolver."""
    return examine(host, replies(zone, host=host, flags=flags))


def locked(*records: str) -> Zone:
    """Make a zone with these records at the host, and a good lock above it."""
    return {HOST: records, "example.org": [TIGHT]}


def judged(facts: CaaFacts, policy: CaaPolicy = POLICY, **how: object) -> dict[str, Check]:
    """Judge; checks by their ids."""
    return {check.id: check for check in judge(facts, policy, **how).checks}


def statuses(facts: CaaFacts, policy: CaaPolicy = POLICY, **how: object) -> dict[str, str]:
    """Judge; ids and statuses of the checks that neither pass nor were left out."""
    checks = judged(facts, policy, **how).values()
    return {c.id: c.status.value for c in checks if c.status.value not in ("pass", "skipped")}
