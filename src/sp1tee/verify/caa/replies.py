"""Replies: what a resolver was asked, and its answer or why there is none."""

from dataclasses import dataclass

from sp1tee.errors import VerifyError
from sp1tee.verify.caa.messages import Answer, read_answer
from sp1tee.verify.evidence.manifest import DnsReply


@dataclass(frozen=True, slots=True)
class Reply:
    """One question to one resolver.

    Attributes:
        resolver: as it was named when it was asked; see `read_resolver`.
        name: the name that was asked for.
        kind: the type that was asked for.
        answer: what it said, unless there was trouble.
        trouble: why there is no answer, in words.
    """

    resolver: str
    name: str
    kind: str
    answer: Answer | None = None
    trouble: str = ""


def read_reply(record: DnsReply, body: bytes | None) -> Reply:
    """Read a recorded reply; whatever is wrong with it is its trouble."""
    name = record.name.lower().removesuffix(".")
    reply = Reply(record.resolver, name, record.type)
    if record.trouble is not None:
        return _troubled(reply, record.trouble.message)
    if body is None:
        return _troubled(reply, "The answer was not kept.")
    try:
        return Reply(record.resolver, name, record.type, read_answer(body, name, record.type))
    except VerifyError as error:
        return _troubled(reply, error.message)


def _troubled(reply: Reply, why: str) -> Reply:
    return Reply(reply.resolver, reply.name, reply.kind, trouble=why or "There was trouble.")
