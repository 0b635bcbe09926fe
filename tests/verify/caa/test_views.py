"""The climb, RFC 8659 §3."""

import pytest
from support.dns_messages import HOST, RESOLVER, TIGHT, VALIDATED, replies, reply, seen, wire

from sp1tee.verify.caa import (
    CaaFacts,
    Relevant,
    Unanswered,
    examine,
    read_addresses,
)

OPEN = 'CAA 0 issue "other.example"'


def host(facts: CaaFacts) -> Relevant:
    relevant = facts.views[0].host
    assert isinstance(relevant, Relevant)
    return relevant


def test_the_nearest_set_counts_alone() -> None:
    relevant = host(seen({HOST: [TIGHT], "example.org": [OPEN]}))

    assert relevant.at == HOST
    assert [str(record) for record in relevant.records] == [TIGHT.removeprefix("CAA ")]


def test_without_a_set_at_the_name_the_one_above_counts() -> None:
    assert host(seen({"example.org": [TIGHT]})).at == "example.org"
    assert host(seen({"org": [TIGHT]})).at == "org"


def test_the_climb_ends_below_the_root() -> None:
    relevant = host(seen({}))

    assert (relevant.at, relevant.records) == (None, ())


def test_attack_49_the_climb_goes_on_above_the_name_and_not_above_an_alias_target() -> None:
    alias = f"{HOST} 60 CNAME deep.example.net."
    found = [
        reply(wire(HOST, "CAA", alias, rcode="NXDOMAIN")),
        reply(wire("example.org", "CAA", "example.org 60 " + TIGHT), "example.org"),
        reply(wire("example.net", "CAA", "example.net 60 " + OPEN), "example.net"),
    ]

    relevant = host(examine(HOST, found))

    assert relevant.at == "example.org"
    assert [str(a) for a in relevant.aliases] == [f"{HOST} CNAME deep.example.net"]
    assert relevant.through == ()


def test_wildcards_that_match_are_looked_up_from_the_parent() -> None:
    view = seen({HOST: [TIGHT], "example.org": [OPEN]}).views[0]

    assert isinstance(view.parent, Relevant)
    assert view.parent.at == "example.org"


def test_below_a_top_level_domain_no_wildcard_matches() -> None:
    facts = seen({"example.org": [TIGHT]}, host="example.org")

    assert facts.parent is None
    assert facts.views[0].parent is None


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "NOTIMP", "FORMERR"])
def test_attack_50_a_failure_on_the_way_is_never_taken_for_none(rcode: str) -> None:
    found = replies({"org": [TIGHT]})
    found[1] = reply(wire("example.org", "CAA", rcode=rcode), "example.org")

    view = examine(HOST, found).views[0]

    assert isinstance(view.host, Unanswered)
    assert rcode in view.host.why
    assert view.host.broken == (rcode == "SERVFAIL")


def test_attack_50_silence_on_the_way_is_never_taken_for_none() -> None:
    found = replies({"org": [TIGHT]})
    found[0] = reply(None, trouble="it did not answer in time.")

    assert isinstance(examine(HOST, found).views[0].host, Unanswered)


def test_a_question_that_was_not_asked_is_not_answered() -> None:
    view = examine(HOST, replies({"org": [TIGHT]})[:2]).views[0]

    assert isinstance(view.host, Unanswered)


def test_what_is_above_the_set_need_not_be_answered() -> None:
    assert host(examine(HOST, replies({HOST: [TIGHT]})[:1])).at == HOST


def test_two_answers_of_one_resolver_to_one_question_count_for_none() -> None:
    found = [*replies({HOST: [TIGHT]}), reply(wire(HOST, "CAA"))]

    assert isinstance(examine(HOST, found).views[0].host, Unanswered)


def test_an_answer_that_was_not_kept_is_missing() -> None:
    assert isinstance(examine(HOST, [reply(None)]).views[0].host, Unanswered)


def test_validated_means_every_answer_of_the_climb() -> None:
    assert host(seen({"example.org": [TIGHT]}, flags=VALIDATED)).validated
    found = replies({"example.org": [TIGHT]}, flags=VALIDATED)
    found[0] = reply(wire(HOST, "CAA"))
    assert not host(examine(HOST, found)).validated


def test_a_resolver_that_cannot_be_read_is_not_believed() -> None:
    found = replies({HOST: [TIGHT]}, resolver="somebody")

    assert not examine(HOST, found).views[0].authenticated


def test_addresses_of_all_resolvers_are_gathered() -> None:
    found = [
        reply(wire(HOST, "A", f"{HOST} 60 A 192.0.2.2"), HOST, "A"),
        reply(wire(HOST, "A", f"{HOST} 60 A 192.0.2.1"), HOST, "A", resolver="9.9.9.9"),
        reply(
            wire(HOST, "AAAA", f"{HOST} 60 CNAME b.example.", "b.example 60 AAAA 2001:db8::1"),
            HOST,
            "AAAA",
        ),
        reply(None, HOST, "AAAA", resolver="9.9.9.9", trouble="no answer"),
        reply(wire("b.example", "A", "b.example 60 A 192.0.2.9"), "b.example", "A"),
    ]

    assert read_addresses(HOST, found) == ("192.0.2.1", "192.0.2.2", "2001:db8::1")


def test_without_replies_nobody_sees_anything() -> None:
    assert examine(HOST, []).views == ()
    assert RESOLVER.startswith("https://")
