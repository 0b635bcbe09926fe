"""The grammar of issue values, RFC 8659 §4.2."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.caa import CaaRecord, IssueValue, read_grant, read_issue_value


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (b"ca.example", IssueValue("ca.example")),
        (b" \t ca.example \t", IssueValue("ca.example")),
        (b"ca.example;", IssueValue("ca.example")),
        (b"ca.example ; \t", IssueValue("ca.example")),
        (b"ca.example; a=b", IssueValue("ca.example", (("a", "b"),))),
        (b"ca.example;a=b;c=d", IssueValue("ca.example", (("a", "b"), ("c", "d")))),
        (b"ca.example ;  a  =  b  ;  c=  ", IssueValue("ca.example", (("a", "b"), ("c", "")))),
        (b"ca.example; a=b=c=", IssueValue("ca.example", (("a", "b=c="),))),
        (b"ca.example; a=b; a=c", IssueValue("ca.example", (("a", "b"), ("a", "c")))),
        (b"CA.Example; Account=X", IssueValue("CA.Example", (("Account", "X"),))),
        (b"c-a.e--x.1; a-1=b", IssueValue("c-a.e--x.1", (("a-1", "b"),))),
        (b"", IssueValue("")),
        (b";", IssueValue("")),
        (b" ; ", IssueValue("")),
        (b"; a=b", IssueValue("", (("a", "b"),))),
    ],
)
def test_a_value_is_an_issuer_and_parameters(value: bytes, read: IssueValue) -> None:
    assert read_issue_value(value) == read


@pytest.mark.parametrize(
    "value",
    [
        b"ca.example; a",
        b"ca.example; a b",
        b"ca.example; =b",
        b"ca.example; a=b c",
        b"ca.example; a=b;",
        b"ca.example;;",
        b"ca.example; a=b;; c=d",
        b"ca.example a=b",
        b"ca.example, other.example",
        b"ca..example",
        b".ca.example",
        b"ca.example.",
        b"-ca.example",
        b"ca-.example",
        b"ca_1.example",
        b"%%%%%",
        b"ca.example\n",
        b"ca.example; a=\x7f",
        b"ca.example; a=\xc3\xa9",
        "cä.example".encode(),
        b"ca.example; -a=b",
        b"ca.example; a_b=c",
        b"\x00",
    ],
)
def test_what_is_not_in_the_grammar_is_malformed_and_lets_nobody_issue(value: bytes) -> None:
    with pytest.raises(EvidenceMalformed):
        read_issue_value(value)

    grant = read_grant(CaaRecord(0, "issue", value))
    assert grant.issuer == ""
    assert not grant.satisfiable
    assert "nobody" in grant.flaws[0]


_LABEL = st.from_regex(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,5}", fullmatch=True)
_VALUE = st.text(st.characters(codec="ascii", min_codepoint=0x21, max_codepoint=0x7E), max_size=9)
_SPACE = st.text(" \t", max_size=2)


@given(
    st.lists(_LABEL, min_size=1, max_size=4),
    st.lists(st.tuples(_LABEL, _VALUE.map(lambda v: v.replace(";", ""))), max_size=4),
    _SPACE,
)
def test_whatever_the_grammar_writes_is_read_as_written(
    labels: list[str], parameters: list[tuple[str, str]], space: str
) -> None:
    issuer = ".".join(labels)
    parts = [issuer, *(f"{tag}{space}={space}{value}" for tag, value in parameters)]
    text = f"{space};{space}".join(parts)

    assert read_issue_value(f"{space}{text}{space}".encode()) == IssueValue(
        issuer, tuple(parameters)
    )


@given(st.binary(max_size=64) | st.text("ab.;= \t-", max_size=24).map(str.encode))
def test_any_bytes_are_read_or_malformed(value: bytes) -> None:
    with suppress(EvidenceMalformed):
        read_issue_value(value)
    read_grant(CaaRecord(0, "issue", value))


def test_a_long_hostile_value_costs_little() -> None:
    for value in (b"a-" * 8000, b"a.a" * 5000 + b"!", b";" * 16000, b"a;" + b"a-" * 8000):
        with pytest.raises(EvidenceMalformed):
            read_issue_value(value)
