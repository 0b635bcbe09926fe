"""Asking real servers, and resolvers that do what they should not."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from support.dns_servers import https_resolver, question, resolver, tls_resolver
from support.dns_zones import ACCOUNT, APP_ID, RealDns, running_dns
from support.tls_servers import raw_server

from sp1tee.verify.caa import (
    LIMIT,
    CaaFacts,
    examine,
    judge,
    questions,
    read_reply,
    read_resolver,
)
from sp1tee.verify.checks import Check
from sp1tee.verify.fetch.dns import Recorded, addresses, default_resolvers, query_all
from sp1tee.verify.policy.model import CaaPolicy

HOST = "tee.signed.test"
POLICY = CaaPolicy(account=ACCOUNT)
PATIENCE = 10.0
HASTE = 0.4
"""For answers that never come."""


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDns]:
    with running_dns(tmp_path_factory.mktemp("dns")) as running:
        yield running


def look(host: str, *resolvers: str, roots: Path | None = None) -> CaaFacts:
    found = query_all(host, [read_resolver(text) for text in resolvers], roots=roots)
    return examine(host, [read_reply(record, body) for record, body in found])


def judged(facts: CaaFacts, policy: CaaPolicy = POLICY) -> dict[str, Check]:
    return {check.id: check for check in judge(facts, policy, app_id=APP_ID).checks}


def bad(facts: CaaFacts, policy: CaaPolicy = POLICY) -> dict[str, str]:
    checks = judged(facts, policy).values()
    return {c.id: c.status.value for c in checks if c.status not in ("pass", "skipped")}


def test_a_signed_and_locked_name_passes_at_real_servers(real: RealDns) -> None:
    facts = look(HOST, real.resolver, real.tls, real.authority, roots=real.ca)
    demanding = POLICY.model_copy(update={"require_dnssec": True, "min_resolvers": 3})

    assert bad(facts, demanding) == {}
    checks = judged(facts, demanding)
    assert checks["caa.dnssec"].status == "pass"
    assert real.authority not in checks["caa.dnssec"].summary
    assert checks["caa.routing"].status == "pass"


def test_every_question_is_recorded_once_for_each_resolver(real: RealDns) -> None:
    asked = [read_resolver(real.resolver), read_resolver(real.resolver), read_resolver(real.tls)]
    found = query_all(HOST, asked, roots=real.ca)

    assert [(r.resolver, r.name, r.type) for r, _ in found] == [
        (text, name, kind) for text in (real.resolver, real.tls) for name, kind in questions(HOST)
    ]
    assert {record.transport for record, _ in found} == {"udp", "tls"}


def test_signatures_are_recorded_with_the_answers(real: RealDns) -> None:
    [(_, body), *_] = query_all(HOST, [read_resolver(real.resolver)])

    assert body is not None
    assert {rr.rdtype.name for rr in dns.message.from_wire(body).answer} == {"CAA", "RRSIG"}


def test_an_unsigned_zone_is_not_authenticated(real: RealDns) -> None:
    demanding = POLICY.model_copy(update={"require_dnssec": True})
    found = bad(look("tee.plain.test", real.resolver), demanding)

    assert found == {"caa.parent-present": "fail", "caa.dnssec": "refused"}


def test_attack_46_a_second_issue_record_of_a_real_zone_is_found(real: RealDns) -> None:
    assert bad(look("loose.signed.test", real.resolver))["caa.issuer"] == "fail"


def test_attack_49_a_cname_out_of_the_zone_decides(real: RealDns) -> None:
    found = bad(look("alias.signed.test", real.resolver, real.tls, roots=real.ca))

    assert found["caa.issuer"] == "fail"
    assert found["caa.alias"] == "refused"


def test_attack_49_a_dname_out_of_the_zone_decides(real: RealDns) -> None:
    checks = judged(look("x.moved.signed.test", real.resolver))

    assert checks["caa.issuer"].status == "fail"
    assert checks["caa.alias"].actual == "x.moved.signed.test DNAME x.there.plain.test"


def test_attack_49_an_alias_to_nothing_leaves_the_set_above_the_name(real: RealDns) -> None:
    assert bad(look("onward.signed.test", real.resolver)) == {"caa.alias": "refused"}


def test_attack_49_an_authoritative_server_does_not_know_what_is_behind_an_alias(
    real: RealDns,
) -> None:
    assert bad(look("alias.signed.test", real.authority))["caa.present"] == "unevaluable"


def test_a_wildcard_in_the_zone_gives_names_below_it_their_set(real: RealDns) -> None:
    assert bad(look("any.wild.signed.test", real.resolver)) == {}


def test_attack_50_a_zone_that_does_not_validate_is_not_taken_for_none(real: RealDns) -> None:
    checks = judged(look("tee.bogus.test", real.resolver))

    assert checks["caa.answered"].status == "unevaluable"
    assert "dnssec" in checks["caa.answered"].details[0]
    assert not [c for c in checks.values() if c.status == "pass"]


def test_an_answer_too_large_for_udp_comes_over_tcp(real: RealDns) -> None:
    found = query_all("many.signed.test", [read_resolver(real.resolver)])

    record, body = found[0]
    assert record.transport == "tcp"
    assert body is not None
    assert len(body) > 4096
    assert judged(look("many.signed.test", real.resolver))["caa.issuer"].status == "fail"


def test_addresses_are_found_at_real_servers(real: RealDns) -> None:
    asked = [read_resolver(real.resolver)]

    assert addresses(HOST, asked) == ("127.0.0.1", "127.0.0.2", "::1")
    assert addresses("nowhere.signed.test", asked) == ()


def test_attack_53_a_name_routed_elsewhere_fails_at_real_servers(real: RealDns) -> None:
    checks = judged(look("elsewhere.signed.test", real.resolver))

    assert checks["caa.routing"].status == "fail"


def test_a_certificate_that_is_not_trusted_here_is_trouble(real: RealDns) -> None:
    assert "certificate" in trouble(query_all(HOST, [read_resolver(real.tls)]))


def test_a_certificate_for_another_name_is_trouble(real: RealDns) -> None:
    other = read_resolver(real.tls.replace("#dns.test", "#other.test"))

    assert "certificate" in trouble(query_all(HOST, [other], roots=real.ca))


def trouble(found: tuple[Recorded, ...]) -> str:
    """Return what was the trouble with all of it."""
    [told] = {record.trouble.message for record, body in found if record.trouble and body is None}
    assert all(record.trouble for record, _ in found)
    return told


def lock(query: bytes, *, flags: int = 0) -> dns.message.Message:
    message, name, kind = question(query)
    answer = dns.message.make_response(message)
    answer.flags |= dns.flags.RA | flags
    if kind == "CAA":
        value = f'0 issue "letsencrypt.org; accounturi={ACCOUNT}; validationmethods=dns-01"'
        answer.answer.append(dns.rrset.from_text(f"{name}.", 60, "IN", "CAA", value))
    return answer


def locked(query: bytes, _: str) -> bytes:
    return lock(query).to_wire()


def one(text: str, *, roots: Path | None = None, seconds: float = PATIENCE) -> Recorded:
    """Ask one resolver; its answer to the first question."""
    return query_all(HOST, [read_resolver(text)], seconds=seconds, roots=roots)[0]


def test_queries_ask_for_signatures_and_fit_one_packet() -> None:
    seen: list[dns.message.Message] = []

    def respond(query: bytes, transport: str) -> bytes:
        seen.append(dns.message.from_wire(query))
        return locked(query, transport)

    with resolver(respond) as text:
        one(text)

    assert {(q.ednsflags & dns.flags.DO, q.payload) for q in seen} == {(dns.flags.DO, 1232)}
    assert all(q.flags & dns.flags.RD and not q.flags & dns.flags.CD for q in seen)
    assert len({q.id for q in seen}) > 1


def test_https_is_asked_by_post_and_answers_alike(tmp_path: Path) -> None:
    identifiers = set()

    def respond(query: bytes, transport: str) -> bytes:
        identifiers.add(query[:2])
        return locked(query, transport)

    with https_resolver(respond, tmp_path) as server:
        facts = look(HOST, server.text, roots=server.ca)

    assert bad(facts) == {}
    assert identifiers == {b"\0\0"}


def test_https_without_a_trusted_certificate_is_trouble(tmp_path: Path) -> None:
    with https_resolver(locked, tmp_path) as server:
        record, body = one(server.text)

    assert record.trouble is not None
    assert "certificate" in record.trouble.message
    assert body is None


@pytest.mark.parametrize(
    ("status", "media"), [(200, "text/html"), (500, "application/dns-message")]
)
def test_https_that_answers_with_something_else_is_trouble(
    tmp_path: Path, status: int, media: str
) -> None:
    with https_resolver(locked, tmp_path, status=status, media=media) as server:
        record, _ = one(server.text, roots=server.ca)

    assert record.trouble is not None
    assert str(status) in record.trouble.message


def test_attack_50_https_that_answers_another_question_is_trouble(tmp_path: Path) -> None:
    with https_resolver(other_question, tmp_path) as server:
        record, _ = one(server.text, roots=server.ca)

    assert record.trouble is not None


def other_question(query: bytes, _: str) -> bytes:
    answer = lock(query)
    answer.question[0].name = dns.name.from_text("other.test.")
    return answer.to_wire()


def other_identifier(query: bytes, _: str) -> bytes:
    answer = lock(query)
    answer.id ^= 1
    return answer.to_wire()


def other_type(query: bytes, _: str) -> bytes:
    message, name, _kind = question(query)
    return dns.message.make_response(dns.message.make_query(name, "MX", id=message.id)).to_wire()


@pytest.mark.parametrize(
    "respond",
    [
        other_question,
        other_identifier,
        other_type,
        lambda _, __: b"garbage",
        lambda query, _: query,
        lambda query, _: locked(query, "")[:-3],
        lambda _, __: b"",
        lambda _, __: None,
    ],
    ids=["question", "identifier", "type", "garbage", "echo", "cut", "empty", "silence"],
)
@pytest.mark.parametrize("over", ["udp", "tls"])
def test_attack_50_what_is_no_answer_is_trouble_and_not_none(
    respond: object, over: str, tmp_path: Path
) -> None:
    server = resolver(respond) if over == "udp" else tls_resolver(respond, tmp_path)
    with server as running:
        text, roots = (running, None) if over == "udp" else (running.text, running.ca)
        record, body = one(text, roots=roots, seconds=HASTE)

    assert record.trouble is not None
    assert record.trouble.code in ("SP1TEE-V002", "SP1TEE-V005")
    assert body is None


def test_attack_50_a_forgery_that_comes_first_does_not_keep_the_answer_away() -> None:
    def respond(query: bytes, transport: str) -> bytes | None:
        return (
            other_identifier(query, transport) if transport == "udp" else locked(query, transport)
        )

    with resolver(respond) as text:
        record, body = one(text, seconds=4 * HASTE)

    assert record.transport == "tcp"
    assert body is not None


def test_a_truncated_answer_is_asked_for_again_over_tcp() -> None:
    def respond(query: bytes, transport: str) -> bytes:
        if transport == "tcp":
            return locked(query, transport)
        answer = lock(query, flags=dns.flags.TC)
        answer.answer = []
        return answer.to_wire()

    with resolver(respond) as text:
        record, body = one(text)

    assert record.transport == "tcp"
    assert read_reply(record, body).answer is not None


def test_attack_50_a_truncated_answer_without_tcp_is_trouble_and_not_none() -> None:
    def respond(query: bytes, transport: str) -> bytes | None:
        if transport == "tcp":
            return None
        answer = lock(query, flags=dns.flags.TC)
        answer.answer = []
        return answer.to_wire()

    with resolver(respond) as text:
        record, _ = one(text, seconds=HASTE)

    assert record.trouble is not None


def test_a_huge_answer_is_refused() -> None:
    def respond(query: bytes, transport: str) -> bytes:
        if transport == "udp":
            answer = lock(query, flags=dns.flags.TC)
            answer.answer = []
            return answer.to_wire()
        answer = lock(query)
        texts = [f'"{n:05}{"x" * 200}"' for n in range(250)]
        answer.additional.append(dns.rrset.from_text("x.test.", 60, "IN", "TXT", *texts))
        return answer.to_wire(max_size=65535)

    with resolver(respond) as text:
        record, body = one(text)

    assert record.trouble is not None
    assert str(LIMIT) in record.trouble.message
    assert body is None


def test_attack_50_servfail_is_asked_once_more_and_then_kept() -> None:
    asked = []

    def respond(query: bytes, transport: str) -> bytes:
        answer = lock(query)
        answer.answer = []
        answer.set_rcode(dns.rcode.SERVFAIL)
        asked.append(question(query)[1:])
        return answer.to_wire()

    with resolver(respond) as text:
        record, body = one(text)

    assert record.trouble is None
    assert asked.count((HOST, "CAA")) == 2
    reply = read_reply(record, body)
    assert reply.answer is not None
    assert reply.answer.rcode == "SERVFAIL"


def test_a_resolver_that_failed_once_is_forgiven() -> None:
    failed = set()

    def respond(query: bytes, transport: str) -> bytes:
        answer = lock(query)
        if question(query)[1:] not in failed:
            failed.add(question(query)[1:])
            answer.set_rcode(dns.rcode.SERVFAIL)
        return answer.to_wire()

    with resolver(respond) as text:
        assert bad(look(HOST, text)) == {}


def test_attack_50_one_resolver_of_two_that_answers_differently_is_found() -> None:
    def other(query: bytes, transport: str) -> bytes:
        message, name, kind = question(query)
        answer = dns.message.make_response(message)
        answer.flags |= dns.flags.RA
        if kind == "CAA":
            rrset = dns.rrset.from_text(f"{name}.", 60, "IN", "CAA", '0 issue "other.example"')
            answer.answer.append(rrset)
        return answer.to_wire()

    with resolver(locked) as good, resolver(other) as rogue:
        found = bad(look(HOST, good, rogue))

    assert found["caa.issuer"] == "fail"
    assert found["caa.agreement"] == "refused"


def test_attack_50_aliases_in_a_circle_end(tmp_path: Path) -> None:
    def respond(query: bytes, transport: str) -> bytes:
        message, name, _ = question(query)
        answer = dns.message.make_response(message)
        answer.flags |= dns.flags.RA
        for owner, target in ((name, "a.test"), ("a.test", name)):
            rrset = dns.rrset.from_text(f"{owner}.", 60, "IN", "CNAME", f"{target}.")
            answer.answer.append(rrset)
        return answer.to_wire()

    with resolver(respond) as text:
        facts = look(HOST, text)

    assert bad(facts)["caa.answered"] == "unevaluable"


def test_a_resolver_that_says_nothing_over_tls_is_left_when_time_is_up(tmp_path: Path) -> None:
    left = threading.Event()

    def respond(query: bytes, transport: str) -> None:
        left.wait(PATIENCE)

    with tls_resolver(respond, tmp_path) as server:
        record, _ = one(server.text, roots=server.ca, seconds=HASTE)
        left.set()

    assert record.trouble is not None
    assert "in time" in record.trouble.message


def longest(query: bytes, transport: str) -> bytes:
    """Answer with 64 KiB where they fit."""
    if transport == "udp":
        answer = lock(query, flags=dns.flags.TC)
        answer.answer = []
        return answer.to_wire()
    return lock(query).to_wire() + bytes(60_000)


def test_a_long_answer_that_drips_over_tcp_is_left_when_time_is_up() -> None:
    with resolver(longest, dripping=True) as text:
        record, body = one(text, seconds=HASTE)

    assert record.trouble is not None
    assert "in time" in record.trouble.message
    assert body is None


def test_a_long_answer_that_drips_over_tls_is_left_when_time_is_up(tmp_path: Path) -> None:
    with tls_resolver(longest, tmp_path, dripping=True) as server:
        record, body = one(server.text, roots=server.ca, seconds=HASTE)

    assert record.trouble is not None
    assert "in time" in record.trouble.message
    assert body is None


def test_a_handshake_that_drips_is_left_when_time_is_up() -> None:
    left = threading.Event()

    def drip(plain: socket.socket) -> None:
        plain.sendall(b"\x16\x03\x03\x40\x00")
        while not left.wait(0.02):
            plain.sendall(b"\0")

    with raw_server(drip) as port:
        record, _ = one(f"tls://127.0.0.1:{port}", seconds=HASTE)
        left.set()

    assert record.trouble is not None


def test_a_name_too_long_to_be_asked_for_is_trouble_for_that_question_only() -> None:
    host = ".".join(["a" * 61] * 4) + ".ex"
    with resolver(locked) as text:
        found = query_all(host, [read_resolver(text)])

    assert [record.type for record, _ in found if record.trouble] == ["TXT"]
    assert bad(examine(host, [read_reply(record, body) for record, body in found])) == {
        "caa.routing": "unevaluable"
    }


def test_nobody_there_is_trouble() -> None:
    record, _ = one("127.0.0.1:1", seconds=HASTE)

    assert record.trouble is not None
    assert record.trouble.code == "SP1TEE-V005"


def test_without_being_told_public_resolvers_are_asked_too() -> None:
    found = default_resolvers()

    assert sum(resolver.transport == "https" for resolver in found) >= 2
    assert len(set(found)) == len(found)
