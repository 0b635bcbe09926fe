"""What each resolver sees: the sets that govern a name (RFC 8659 §3), and other answers."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.caa.messages import Alias, Answer
from sp1tee.verify.caa.names import ROUTING_PREFIX, address_questions, climb, wildcard_base
from sp1tee.verify.caa.records import CaaRecord
from sp1tee.verify.caa.replies import Reply
from sp1tee.verify.caa.resolvers import read_resolver

_ANSWERS: Final = ("NOERROR", "NXDOMAIN")


@dataclass(frozen=True, slots=True)
class Relevant:
    """The set that governs a name, or that there is none.

    Attributes:
        at: the name that the set was found for; None: there is none up to the root.
        records: the set.
        aliases: those on the way up there; a CAA set at one of their targets would have counted.
        through: those that led to the set itself.
        ttl: how long the set may be kept, seconds; not compared, since caches count it down.
        validated: whether the resolver validated every answer that led there; not compared.
    """

    at: str | None
    records: tuple[CaaRecord, ...] = ()
    aliases: tuple[Alias, ...] = ()
    through: tuple[Alias, ...] = ()
    ttl: int | None = field(default=None, compare=False)
    validated: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Why it is not known which set governs a name.

    Attributes:
        why: in words.
        broken: whether the resolver says that the zone does not answer it or is bogus, which keeps
            a CA from issuing, rather than not saying anything.
    """

    why: str
    broken: bool = False


Seen = Relevant | Unanswered


@dataclass(frozen=True, slots=True)
class View:
    """What one resolver sees.

    Attributes:
        resolver: as it was named.
        authenticated: whether nobody on the way could change what it said.
        host: what governs the host.
        parent: what governs wildcards that match the host; None where none is issued.
        aliases: those that the host's addresses lie behind. A zone may answer for CAA as if there
            were none, which DNS forbids (RFC 1034 §3.6.2) and not every resolver puts up with.
        routing: the TXT records that say where connections go.
    """

    resolver: str
    authenticated: bool
    host: Seen
    parent: Seen | None
    aliases: tuple[Alias, ...]
    routing: tuple[bytes, ...] | Unanswered

    @property
    def complete(self) -> bool:
        """Whether both were answered."""
        return not isinstance(self.host, Unanswered) and not isinstance(self.parent, Unanswered)


@dataclass(frozen=True, slots=True)
class CaaFacts:
    """What all resolvers see; `parent` is the name whose wildcards match the host."""

    host: str
    parent: str | None
    views: tuple[View, ...] = ()


_Replies = dict[tuple[str, str], Reply]


def examine(host: str, replies: Sequence[Reply]) -> CaaFacts:
    """Work out what governs a host.

    Args:
        host: as `read_host` returns it.
        replies: answers to `questions` by any number of resolvers, in any order.
    """
    by_resolver: dict[str, _Replies] = {}
    for reply in replies:
        known = by_resolver.setdefault(reply.resolver, {})
        question = (reply.name, reply.kind)
        known[question] = _twice(reply) if question in known else reply
    views = (_view(host, resolver, known) for resolver, known in by_resolver.items())
    return CaaFacts(host, wildcard_base(host), tuple(views))


def read_addresses(host: str, replies: Iterable[Reply]) -> tuple[str, ...]:
    """List every address that any resolver gives for a host, IPv4 first."""
    wanted = address_questions(host)
    found = {
        address
        for reply in replies
        if (reply.name, reply.kind) in wanted and reply.answer is not None
        for address in reply.answer.addresses
    }
    return tuple(sorted(found, key=lambda address: (":" in address, address)))


def _view(host: str, resolver: str, replies: _Replies) -> View:
    parent = wildcard_base(host)
    return View(
        resolver,
        _authenticated(resolver),
        _relevant(host, replies),
        None if parent is None else _relevant(parent, replies),
        _address_aliases(host, replies),
        _routing(host, replies),
    )


def _relevant(name: str, replies: _Replies) -> Seen:
    """Climb from a name until there is a set.

    An answer that is missing ends the climb: behind it there may be a set.
    """
    aliases: tuple[Alias, ...] = ()
    validated = True
    for step in climb(name):
        answer = _answer(step, "CAA", replies)
        if isinstance(answer, Unanswered):
            return answer
        validated = validated and answer.validated
        if answer.records:
            return Relevant(step, answer.records, aliases, answer.aliases, answer.ttl, validated)
        aliases += answer.aliases
    return Relevant(None, (), aliases, validated=validated)


def _address_aliases(host: str, replies: _Replies) -> tuple[Alias, ...]:
    answers = (_answer(name, kind, replies) for name, kind in address_questions(host))
    found = (answer.aliases for answer in answers if isinstance(answer, Answer))
    return tuple(dict.fromkeys(step for steps in found for step in steps))


def _routing(host: str, replies: _Replies) -> tuple[bytes, ...] | Unanswered:
    answer = _answer(f"{ROUTING_PREFIX}.{host}", "TXT", replies)
    return answer if isinstance(answer, Unanswered) else answer.texts


def _answer(name: str, kind: str, replies: _Replies) -> Answer | Unanswered:
    reply = replies.get((name, kind))
    if reply is None:
        return Unanswered(f"{name} {kind}: it was not asked.")
    if reply.answer is None:
        return Unanswered(f"{name} {kind}: {reply.trouble}")
    answer = reply.answer
    if answer.rcode in _ANSWERS:
        return answer
    because = f" ({answer.explanation})" if answer.explanation else ""
    return Unanswered(
        f"{name} {kind}: it answers {answer.rcode}{because}.", broken=answer.rcode == "SERVFAIL"
    )


def _authenticated(resolver: str) -> bool:
    try:
        return read_resolver(resolver).authenticated
    except EvidenceMalformed:
        return False


def _twice(reply: Reply) -> Reply:
    return Reply(reply.resolver, reply.name, reply.kind, trouble="There are two answers.")
