"""How resolvers are written, and which of them can be believed."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.errors import EvidenceMalformed
from sp1tee.verify.caa import PUBLIC, read_resolver


@pytest.mark.parametrize(
    ("text", "transport", "address", "port", "name"),
    [
        ("9.9.9.9", "udp", "9.9.9.9", 53, ""),
        ("9.9.9.9:5353", "udp", "9.9.9.9", 5353, ""),
        ("2620:fe::fe", "udp", "2620:fe::fe", 53, ""),
        ("[2620:fe::fe]", "udp", "2620:fe::fe", 53, ""),
        ("[2620:fe::fe]:5353", "udp", "2620:fe::fe", 5353, ""),
        ("tls://9.9.9.9", "tls", "9.9.9.9", 853, "9.9.9.9"),
        ("tls://9.9.9.9:8853", "tls", "9.9.9.9", 8853, "9.9.9.9"),
        ("tls://9.9.9.9#dns.quad9.net", "tls", "9.9.9.9", 853, "dns.quad9.net"),
        ("tls://[2620:fe::fe]:853#dns.quad9.net", "tls", "2620:fe::fe", 853, "dns.quad9.net"),
        ("https://dns.google/dns-query", "https", "", 0, "dns.google"),
    ],
)
def test_resolvers_are_written_in_three_ways(
    text: str, transport: str, address: str, port: int, name: str
) -> None:
    read = read_resolver(text)

    assert (read.transport, read.address, read.port, read.name) == (transport, address, port, name)
    assert read.text == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dns.google",
        "9.9.9.9:",
        "9.9.9.9:0",
        "9.9.9.9:65536",
        "9.9.9.9:x",
        "9.9.9.9:٣",
        "9.9.9.9:5 3",
        "[::1",
        "[::1]53",
        "::1]:53",
        "tls://dns.google",
        "tls://9.9.9.9#a b",
        "http://127.0.0.1/dns-query",
        "https://",
        "https://user:secret@dns.example/",
        "https://dns.example/\n",
        "https://dns.example:x/",
        "https://[::1/",
        "udp://9.9.9.9",
        "9.9.9.9" * 100,
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(EvidenceMalformed):
        read_resolver(text)


@given(st.text(max_size=60) | st.text("tls:/hp0123456789.[]#a", max_size=30))
def test_any_text_is_a_resolver_or_none(text: str) -> None:
    with suppress(EvidenceMalformed):
        assert read_resolver(text).text == text


def test_only_over_tls_or_on_this_machine_can_nobody_change_the_answer() -> None:
    believed = ("tls://9.9.9.9", "https://dns.google/dns-query", "127.0.0.1:5353", "::1")

    assert all(read_resolver(text).authenticated for text in believed)
    assert not read_resolver("9.9.9.9").authenticated
    assert not read_resolver("192.168.1.1").authenticated


def test_the_public_ones_are_of_several_operators_and_asked_over_tls() -> None:
    read = [read_resolver(text) for text in PUBLIC]

    assert len({resolver.name for resolver in read}) >= 2
    assert all(resolver.authenticated for resolver in read)
