"""Whom a record lets issue, RFC 8659 §4 and RFC 8657 §3-4."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dns_messages import ACCOUNT

from sp1tee.verify.caa import CaaRecord, Grant, grants, read_grant


def grant(value: str) -> Grant:
    return read_grant(CaaRecord(0, "issue", value.encode()))


def test_a_record_names_an_issuer_an_account_and_methods() -> None:
    read = grant(f"letsencrypt.org; accounturi={ACCOUNT}; validationmethods=dns-01,http-01")

    assert (read.issuer, read.account) == ("letsencrypt.org", ACCOUNT)
    assert read.methods == ("dns-01", "http-01")
    assert read.satisfiable
    assert read.flaws == ()


def test_what_is_not_restricted_is_open_to_all() -> None:
    read = grant("letsencrypt.org")

    assert read.account is None
    assert read.methods is None


@pytest.mark.parametrize(
    "parameters",
    [
        f"accounturi={ACCOUNT}; accounturi={ACCOUNT}9",
        f"accounturi={ACCOUNT}; accounturi={ACCOUNT}",
        "accounturi=1234",
        "accounturi=",
        "accounturi=https://x/%zz",
        "accounturi=https://x/<1>",
        "validationmethods=",
        "validationmethods=,",
        "validationmethods=dns_01",
    ],
)
def test_parameters_that_nobody_meets_let_nobody_issue(parameters: str) -> None:
    read = grant(f"letsencrypt.org; {parameters}")

    assert not read.satisfiable
    assert read.flaws


def test_a_list_of_methods_with_something_wrong_in_it_still_lists_the_others() -> None:
    read = grant("letsencrypt.org; validationmethods=dns-01,,http-01")

    assert read.methods == ("dns-01", "http-01")
    assert read.satisfiable
    assert read.flaws


def test_methods_listed_several_times_add_up() -> None:
    read = grant("letsencrypt.org; validationmethods=dns-01; validationmethods=http-01")

    assert read.methods == ("dns-01", "http-01")
    assert read.flaws


def test_a_parameter_in_another_case_is_taken_for_absent_as_lets_encrypt_takes_it() -> None:
    read = grant(f"letsencrypt.org; AccountURI={ACCOUNT}")

    assert read.account is None
    assert "AccountURI" in read.flaws[0]


def records(*pairs: tuple[str, str]) -> list[CaaRecord]:
    return [CaaRecord(0, tag, value.encode()) for tag, value in pairs]


def test_issuewild_counts_for_wildcards_only_and_then_alone() -> None:
    both = records(("issue", "a.example"), ("issuewild", "b.example"))

    assert [g.issuer for g in grants(both, wildcard=False) or ()] == ["a.example"]
    assert [g.issuer for g in grants(both, wildcard=True) or ()] == ["b.example"]


def test_without_issuewild_issue_counts_for_wildcards_too() -> None:
    only = records(("issue", "a.example"))

    assert [g.issuer for g in grants(only, wildcard=True) or ()] == ["a.example"]


@pytest.mark.parametrize("tag", ["iodef", "issuemail", "issuevmc", "contactemail", "whatever"])
def test_a_set_without_issue_records_restricts_nobody(tag: str) -> None:
    assert grants(records((tag, "a.example")), wildcard=False) is None
    assert grants(records((tag, "a.example")), wildcard=True) is None


def test_only_issuewild_leaves_the_name_itself_open() -> None:
    assert grants(records(("issuewild", ";")), wildcard=False) is None


def test_only_flag_128_is_critical_and_only_with_a_tag_that_is_not_known() -> None:
    assert CaaRecord(128, "newtag", b"").unknown()
    assert CaaRecord(255, "newtag", b"").unknown()
    assert not CaaRecord(127, "newtag", b"").unknown()
    for tag in ("issue", "issuewild", "iodef", "issuemail"):
        assert not CaaRecord(128, tag, b"").unknown()


@given(st.binary(max_size=600))
def test_a_record_is_shown_so_that_it_does_no_harm(value: bytes) -> None:
    shown = str(CaaRecord(0, "issue", value))

    assert all(" " <= c <= "~" or c == "…" for c in shown)
    assert len(shown) < 1400
