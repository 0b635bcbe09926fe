"""What resolvers, registries and people say: DNS messages, names, references, URLs."""

from collections.abc import Iterator

import dns.message
import dns.rrset

from fuzz import seeds
from fuzz.target import Target, chosen, each_way, text_of
from sp1tee.errors import ConfigError, VerifyError
from sp1tee.hosts import split_address
from sp1tee.serve.sources import AllowedSources, SourcePattern, place_of
from sp1tee.verify.caa import examine, judge
from sp1tee.verify.caa.grammar import read_issue_value
from sp1tee.verify.caa.messages import read_answer
from sp1tee.verify.caa.names import read_host
from sp1tee.verify.caa.records import CaaRecord, read_grant
from sp1tee.verify.caa.replies import read_reply
from sp1tee.verify.caa.resolvers import read_resolver
from sp1tee.verify.digests.platforms import Platform
from sp1tee.verify.digests.references import Reference
from sp1tee.verify.evidence.manifest import DnsReply
from sp1tee.verify.fetch.ingress import read_place
from sp1tee.verify.fetch.repository import parse_challenge
from sp1tee.verify.policy.model import CaaPolicy

_NAME = f"{seeds.HOST}."
_KINDS = ("CAA", "A", "AAAA", "TXT")
_POLICY = CaaPolicy(account="https://acme-v02.api.letsencrypt.org/acme/acct/1")


def _answer(data: bytes) -> None:
    way, body = chosen(data, len(_KINDS))
    read_answer(body, seeds.HOST, _KINDS[way])


def _answers() -> list[bytes]:
    made = []
    for kind, record in zip(_KINDS, _RECORDS, strict=True):
        question = dns.message.make_query(_NAME, kind, use_edns=True)
        reply = dns.message.make_response(question, recursion_available=True)
        reply.answer.append(dns.rrset.from_text(_NAME, 300, "IN", kind, record))
        made.append(reply.to_wire())
    return each_way(len(_KINDS), [*made, *seeds.evidence("dns/")])


_RECORDS = ('0 issue "letsencrypt.org; validationmethods=dns-01"', "127.0.0.1", "::1", '"a" "b"')


def _seen(data: bytes) -> None:
    """Judge replies that are anything; nothing may be raised."""
    replies = []
    for number, body in enumerate(data.split(b"\n\n\n")):
        kind = _KINDS[body[0] % len(_KINDS)] if body else "CAA"
        record = DnsReply(resolver=f"r{number % 3}", transport="udp", name=seeds.HOST, type=kind)
        replies.append(read_reply(record, body[1:]))
    judge(examine(seeds.HOST, replies), _POLICY, required=True)


def _issue_value(data: bytes) -> None:
    str(read_grant(CaaRecord(0, "issue", data)))
    read_issue_value(data)


def _host(data: bytes) -> None:
    text = text_of(data)
    host = read_host(text)
    assert read_host(host) == host


def _resolver(data: bytes) -> None:
    text = text_of(data)
    assert read_resolver(text).text == text


def _reference(data: bytes) -> None:
    way, rest = chosen(data, 3)
    text = text_of(rest)
    if way == 0:
        reference = Reference.parse(text)
        assert Reference.parse(str(reference)) == reference
    elif way == 1:
        Platform.parse(text)
    else:
        parse_challenge(text)


_REFERENCES = (
    b"ghcr.io/owner/name:1.2@sha256:" + b"5a" * 32,
    b"[::1]:5000/a/b",
    b"linux/arm64/v8",
    b'Bearer realm="https://auth.example/token",service="registry",scope="repository:a:pull"',
)


def _place(data: bytes) -> None:
    read_place(text_of(data))


def _source(data: bytes) -> None:
    way, rest = chosen(data, 3)
    text = text_of(rest)
    if way == 0:
        _ALLOWED.allows(text)
        place_of(text)
    elif way == 1:
        SourcePattern.parse(text)
    else:
        split_address(text)


_ALLOWED = AllowedSources(("https://*.example.org/programs/", "s3://bucket/"))
_URLS = (
    b"https://a.example.org/programs/x?token=1",
    b"https://*.amazonaws.com/",
    b"s3://bucket/key",
    b"[::1]:8080",
    b"https://user@a.example.org:443/programs/%2e%2e/x",
)


def _lists() -> Iterator[bytes]:
    replies = seeds.evidence("dns/")
    yield b"\n\n\n".join(b"\0" + reply for reply in replies[:4])
    yield from (b"\0" + reply for reply in replies)


TARGETS = (
    Target("verify.dns", ("verify.caa.messages",), _answer, (VerifyError,), _answers, size=1024),
    Target(
        "verify.dns_seen",
        ("verify.caa.replies", "verify.caa.views"),
        _seen,
        (),
        _lists,
    ),
    Target(
        "verify.issue_value",
        ("verify.caa.grammar", "verify.caa.records"),
        _issue_value,
        (VerifyError,),
        lambda: [b"letsencrypt.org; accounturi=https://a/1; validationmethods=dns-01", b";"],
        size=512,
    ),
    Target(
        "verify.host",
        ("verify.caa.names",),
        _host,
        (VerifyError,),
        lambda: [b"tee.example.test", "bücher.example".encode(), b"*.a.b", b"a." * 60 + b"b"],
        size=512,
    ),
    Target(
        "verify.resolver",
        ("verify.caa.resolvers",),
        _resolver,
        (VerifyError,),
        lambda: [b"1.1.1.1", b"tls://[2606:4700::1]:853#one.one", b"https://dns.google/dns-query"],
        size=256,
    ),
    Target(
        "verify.reference",
        ("verify.digests.references", "verify.digests.platforms", "verify.fetch.repository"),
        _reference,
        (VerifyError, ConfigError),
        lambda: each_way(3, _REFERENCES),
        size=1024,
    ),
    Target(
        "verify.place",
        ("verify.fetch.ingress",),
        _place,
        (VerifyError,),
        lambda: [b"https://tee.example.test/evidences/", b"https://[::1]:1/%zz"],
        size=512,
    ),
    Target(
        "serve.sources",
        ("serve.sources", "hosts"),
        _source,
        (ConfigError, ValueError),
        lambda: each_way(3, _URLS),
        size=512,
    ),
)
