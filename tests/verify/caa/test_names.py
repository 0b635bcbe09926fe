"""Host names and what is above them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.caa import climb, questions, read_host, wildcard_base


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("tee.example.org", "tee.example.org"),
        ("TEE.Example.ORG", "tee.example.org"),
        ("tee.example.org.", "tee.example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("tee。example.org", "tee.example.org"),
        ("1.example", "1.example"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        (".".join(["a" * 61] * 4) + ".ex", ".".join(["a" * 61] * 4) + ".ex"),
    ],
)
def test_host_names_are_read_as_people_write_them(text: str, host: str) -> None:
    assert read_host(text) == host


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "org",
        "localhost",
        "192.0.2.1",
        "::1",
        "[2001:db8::1]",
        "1.2.3.999",
        "*.example.org",
        "tee.*.org",
        "tee..example.org",
        ".example.org",
        "-tee.example.org",
        "tee-.example.org",
        "_acme.example.org",
        "tee example.org",
        "tee.example.org/evidences",
        "https://tee.example.org",
        "tee.example.org:443",
        "user@example.org",
        "tee\\046x.example.org",
        "tee\x00.example.org",
        "tee.example.org\n",
        "a" * 64 + ".example",
        ".".join(["a" * 62] * 4) + ".ex",
        ".".join("a" * 40),
        "\ud800.example",
    ],
)
def test_what_no_ca_issues_for_is_no_host(text: str) -> None:
    with pytest.raises(EvidenceMalformed):
        read_host(text)


@given(st.text(max_size=40) | st.text("aA.-_0é。\\*", max_size=20))
def test_any_text_is_a_host_in_its_only_form_or_none(text: str) -> None:
    try:
        host = read_host(text)
    except EvidenceMalformed:
        return
    assert read_host(host) == host
    assert host.isascii()


def test_the_climb_ends_below_the_root() -> None:
    assert climb("a.b.example.org") == ("a.b.example.org", "b.example.org", "example.org", "org")


def test_wildcards_that_match_have_one_label_less() -> None:
    assert wildcard_base("a.b.example.org") == "b.example.org"
    assert wildcard_base("example.org") is None


def test_everything_is_asked_that_is_needed() -> None:
    assert questions("tee.example.org") == (
        ("tee.example.org", "CAA"),
        ("example.org", "CAA"),
        ("org", "CAA"),
        ("tee.example.org", "A"),
        ("tee.example.org", "AAAA"),
        ("_dstack-app-address.tee.example.org", "TXT"),
    )
