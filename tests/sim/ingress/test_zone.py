"""Resolvers answer as real ones do."""

import dns.flags
import dns.message
import dns.rcode
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.sim.ingress.zone import Zone, answer

ZONE = Zone(
    {
        ("tee.example.test", "CAA"): ('0 issue "ca.example.test"',),
        ("www.example.test", "CNAME"): ("tee.example.test.",),
    }
)


def ask(name: str, kind: str, zone: Zone = ZONE) -> dns.message.Message:
    wire = answer(zone, dns.message.make_query(name, kind).to_wire())
    assert wire is not None
    return dns.message.from_wire(wire)


def test_what_is_there_is_answered_whatever_the_case() -> None:
    reply = ask("TEE.example.test", "CAA")
    assert [rrset.to_text().lower() for rrset in reply.answer] == [
        'tee.example.test. 300 in caa 0 issue "ca.example.test"'
    ]
    assert reply.rcode() == dns.rcode.NOERROR


def test_an_alias_is_followed_and_shown() -> None:
    kinds = [rrset.rdtype.name for rrset in ask("www.example.test", "CAA").answer]
    assert kinds == ["CNAME", "CAA"]
    assert [r.rdtype.name for r in ask("www.example.test", "CNAME").answer] == ["CNAME"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("tee.example.test", dns.rcode.NOERROR),
        ("example.test", dns.rcode.NOERROR),
        ("nobody.example.test", dns.rcode.NXDOMAIN),
    ],
)
def test_what_is_not_there_is_denied(name: str, code: dns.rcode.Rcode) -> None:
    reply = ask(name, "TXT")
    assert (reply.rcode(), reply.answer) == (code, [])
    assert reply.authority[0].rdtype.name == "SOA"


def test_a_broken_name_is_a_failure() -> None:
    zone = Zone(ZONE.records, broken=frozenset({("tee.example.test", "CAA")}))
    assert ask("tee.example.test", "CAA", zone).rcode() == dns.rcode.SERVFAIL
    assert ask("tee.example.test", "A", zone).rcode() == dns.rcode.NOERROR


def test_aliases_in_a_circle_are_a_failure() -> None:
    circle = Zone({("a.test", "CNAME"): ("b.test.",), ("b.test", "CNAME"): ("a.test.",)})
    assert ask("a.test", "CAA", circle).rcode() == dns.rcode.SERVFAIL


@pytest.mark.parametrize("validated", [True, False])
def test_whether_it_was_validated_is_said(validated: bool) -> None:
    flags = ask("tee.example.test", "CAA", Zone(ZONE.records, validated=validated)).flags
    assert bool(flags & dns.flags.AD) is validated


def test_records_can_be_changed_and_removed() -> None:
    other = ZONE.having("tee.example.test", "CAA", '0 issue ";"')
    assert ask("tee.example.test", "CAA", other).answer[0].to_text().endswith('0 issue ";"')
    assert ask("tee.example.test", "CAA", ZONE.having("tee.example.test", "CAA")).answer == []


@given(st.binary(max_size=600))
def test_rubbish_is_not_answered(data: bytes) -> None:
    reply = answer(ZONE, data)
    assert reply is None or len(reply) >= 12
