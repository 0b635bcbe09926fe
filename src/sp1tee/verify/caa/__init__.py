"""CAA: can anybody but one ACME account get a certificate that a client accepts for a name?

That is the other side of what a CA asks. A CA may issue if one record lets it, or if there is none;
here every record that any resolver sees must be for the one account, and there must be one.

    host = read_host("tee.example.org")
    facts = examine(host, [read_reply(record, body) for record, body in replies])
    findings = judge(facts, CaaPolicy(account="https://…"))

Rules are those of RFC 8659 (CAA), RFC 8657 (accounturi, validationmethods) and RFC 9495. Where RFCs
leave room, or a large CA is known to read them otherwise, the reading counts by which more people
could get a certificate.
"""

from sp1tee.verify.caa.grammar import IssueValue, read_issue_value
from sp1tee.verify.caa.judging import judge
from sp1tee.verify.caa.messages import LIMIT, Alias, Answer, read_answer
from sp1tee.verify.caa.names import address_questions, climb, questions, read_host, wildcard_base
from sp1tee.verify.caa.records import CaaRecord, Grant, grants, read_grant
from sp1tee.verify.caa.replies import Reply, read_reply
from sp1tee.verify.caa.resolvers import PUBLIC, Resolver, read_resolver
from sp1tee.verify.caa.rules import RULES
from sp1tee.verify.caa.views import (
    CaaFacts,
    Relevant,
    Unanswered,
    View,
    examine,
    read_addresses,
)

__all__ = [
    "LIMIT",
    "PUBLIC",
    "RULES",
    "Alias",
    "Answer",
    "CaaFacts",
    "CaaRecord",
    "Grant",
    "IssueValue",
    "Relevant",
    "Reply",
    "Resolver",
    "Unanswered",
    "View",
    "address_questions",
    "climb",
    "examine",
    "grants",
    "judge",
    "questions",
    "read_addresses",
    "read_answer",
    "read_grant",
    "read_host",
    "read_issue_value",
    "read_reply",
    "read_resolver",
    "wildcard_base",
]
