"""Answers of resolvers, read from DNS messages in wire form (RFC 1035 §4)."""

import struct
from collections import defaultdict
from dataclasses import dataclass
from typing import Final, Literal

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.CAA
import dns.rdtypes.ANY.CNAME
import dns.rdtypes.ANY.DNAME
import dns.rdtypes.ANY.TXT
import dns.rdtypes.IN.A
import dns.rdtypes.IN.AAAA
import dns.rrset

from sp1tee.errors import EvidenceMalformed, EvidenceMissing, EvidenceTooLarge
from sp1tee.verify.caa.records import CaaRecord

LIMIT: Final = 16 * 1024
"""How large a message may be: many times a signed CAA set, a fraction of what DNS allows."""

RECORDS: Final = 128
"""How many records a message may hold. Each may name a long name in two bytes, so that reading
costs far more than sending."""

ALIASES: Final = 16
"""How many aliases in a row are followed; resolvers give up at about as many."""

_HEADER: Final = struct.Struct("!4x4H")
_ANSWERS: Final = frozenset({dns.rcode.NOERROR, dns.rcode.NXDOMAIN})


@dataclass(frozen=True, slots=True)
class Alias:
    """A name that stands for another one; its target's owner decides what is found there."""

    kind: Literal["CNAME", "DNAME"]
    name: str
    target: str

    def __str__(self) -> str:
        return f"{self.name} {self.kind} {self.target}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a resolver says to one question.

    Attributes:
        name: the name that was asked for.
        rcode: ``NOERROR``, ``NXDOMAIN``, or why there is no answer.
        explanation: the resolver's own words for that (RFC 8914), if any.
        aliases: those that were followed, in order.
        data: the records found at the name and wherever its aliases lead.
        ttl: the shortest time to live among records and aliases, seconds; None without any.
        validated: whether the resolver says that it validated the answer (the AD bit).
    """

    name: str
    rcode: str
    explanation: str = ""
    aliases: tuple[Alias, ...] = ()
    data: tuple[dns.rdata.Rdata, ...] = ()
    ttl: int | None = None
    validated: bool = False

    @property
    def records(self) -> tuple[CaaRecord, ...]:
        """CAA records, in an order that does not depend on the resolver."""
        found = (rd for rd in self.data if isinstance(rd, dns.rdtypes.ANY.CAA.CAA))
        read = {CaaRecord(rd.flags, rd.tag.decode("ascii").lower(), rd.value) for rd in found}
        return tuple(sorted(read))

    @property
    def texts(self) -> tuple[bytes, ...]:
        """TXT records, each with its strings joined."""
        found = (rd for rd in self.data if isinstance(rd, dns.rdtypes.ANY.TXT.TXT))
        return tuple(sorted({b"".join(rd.strings) for rd in found}))

    @property
    def addresses(self) -> tuple[str, ...]:
        """A and AAAA records."""
        kinds = (dns.rdtypes.IN.A.A, dns.rdtypes.IN.AAAA.AAAA)
        return tuple(sorted({rd.address for rd in self.data if isinstance(rd, kinds)}))


def read_answer(body: bytes, name: str, kind: str) -> Answer:
    """Read the answer to one question.

    Args:
        body: a DNS message.
        name: the name that was asked for.
        kind: the type that was asked for, e.g. ``CAA``.

    Raises:
        EvidenceTooLarge: it has more than `LIMIT` bytes or `RECORDS` records.
        EvidenceMalformed: it is no whole answer to this question.
        EvidenceMissing: it sends the reader elsewhere instead of answering.
    """
    if len(body) > LIMIT:
        raise EvidenceTooLarge(f"A DNS message has more than {LIMIT} bytes.")
    if len(body) >= _HEADER.size and sum(_HEADER.unpack_from(body)) > RECORDS:
        raise EvidenceTooLarge(f"A DNS message has more than {RECORDS} records.")
    message = _parse(body)
    if not message.flags & dns.flags.QR or message.opcode() != dns.opcode.QUERY:
        raise EvidenceMalformed("A DNS message is no answer.")
    if message.flags & dns.flags.TC:
        raise EvidenceMalformed("A DNS message was cut short.")
    rcode = dns.rcode.to_text(message.rcode())
    if message.rcode() not in _ANSWERS:
        return Answer(name, rcode, _explanation(message))
    asked, wanted = _question(name, kind)
    question = [(q.name, q.rdtype, q.rdclass) for q in message.question]
    if question != [(asked, wanted, dns.rdataclass.IN)]:
        raise EvidenceMalformed("A DNS message answers another question.")
    return _follow(message, asked, wanted, rcode)


def _parse(body: bytes) -> dns.message.Message:
    try:
        # Records stay apart: put in sets, of two CNAMEs the later would replace the earlier.
        return dns.message.from_wire(body, one_rr_per_rrset=True)
    except Exception:  # noqa: BLE001 - whatever the library makes of bytes that are no message
        raise EvidenceMalformed("Something else than a DNS message.") from None


def _question(name: str, kind: str) -> tuple[dns.name.Name, dns.rdatatype.RdataType]:
    try:
        return dns.name.from_text(name), dns.rdatatype.from_text(kind)
    except (dns.exception.DNSException, ValueError):
        raise EvidenceMalformed("What was asked is no DNS question.") from None


def _follow(
    message: dns.message.Message, asked: dns.name.Name, kind: dns.rdatatype.RdataType, rcode: str
) -> Answer:
    """Collect what is at a name and behind its aliases (RFC 1034 §4.3.2, RFC 6672 §3)."""
    here = _by_name(message)
    name, names, aliases, data, ttls = asked, [asked], list[Alias](), list[dns.rdata.Rdata](), []
    while True:
        found = [rr for rr in here[name] if rr.rdtype == kind]
        data += [rr[0] for rr in found]
        alias = _alias(here, name)
        ttls += [rr.ttl for rr in found] + ([alias[1]] if alias else [])
        if alias is None:
            break
        aliases.append(alias[0])
        name = alias[2]
        if name in names or len(names) > ALIASES:
            raise EvidenceMalformed("Aliases in a DNS message go round in a circle, or on and on.")
        names.append(name)
    if not data:
        _check_end(message, aliases=bool(aliases))
    return Answer(
        _text(asked),
        rcode,
        _explanation(message),
        tuple(aliases),
        tuple(data),
        min(ttls, default=None),
        bool(message.flags & dns.flags.AD),
    )


_Here = defaultdict[dns.name.Name, list[dns.rrset.RRset]]


def _by_name(message: dns.message.Message) -> _Here:
    here: _Here = defaultdict(list)
    for rr in message.answer:
        if rr.rdclass == dns.rdataclass.IN and len(rr):
            here[rr.name].append(rr)
    return here


def _alias(here: _Here, name: dns.name.Name) -> tuple[Alias, int, dns.name.Name] | None:
    """Find where a name leads: the alias, its TTL, its target."""
    above = _dname(here, name)
    own = [rr for rr in here[name] if rr.rdtype == dns.rdatatype.CNAME]
    if len({rr[0] for rr in own}) > 1:
        raise EvidenceMalformed("A DNS message has several aliases for one name.")
    if own:
        target = own[0][0].target
        kind: Literal["CNAME", "DNAME"] = "CNAME" if above is None else "DNAME"
        return Alias(kind, _text(name), _text(target)), own[0].ttl, target
    return above


def _dname(here: _Here, name: dns.name.Name) -> tuple[Alias, int, dns.name.Name] | None:
    owner = name
    while owner != dns.name.root:
        owner = owner.parent()
        for rr in here.get(owner, ()):
            if rr.rdtype == dns.rdatatype.DNAME:
                try:
                    target = name.relativize(owner).concatenate(rr[0].target)
                except dns.exception.DNSException:
                    raise EvidenceMalformed("An alias in a DNS message is too long.") from None
                return Alias("DNAME", _text(name), _text(target)), rr.ttl, target
    return None


def _check_end(message: dns.message.Message, *, aliases: bool) -> None:
    """See that nothing means that there is nothing.

    Only a resolver follows aliases and delegations to their end; a server that merely knows its
    own zone (RFC 1034 §4.3.1) can say so for names in it.
    """
    recursive = message.flags & dns.flags.RA
    authoritative = message.flags & dns.flags.AA and not aliases
    if not recursive and not authoritative:
        raise EvidenceMissing(
            "The answer ends in the middle: who gave it does not resolve for others.",
            advice="Ask a resolver.",
        )


def _explanation(message: dns.message.Message) -> str:
    """Name the extended error; its free text is anybody's and stays out."""
    codes = [o.code for o in message.options if isinstance(o, dns.edns.EDEOption)]
    return ", ".join(dict.fromkeys(_words(code) for code in codes[:4]))


def _words(code: int) -> str:
    name = dns.edns.EDECode(code).name
    return f"extended error {name}" if name.isdigit() else name.replace("_", " ").lower()


def _text(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()
