"""Reading DNS messages that anybody may have made."""

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dns_messages import HOST, TIGHT, VALIDATED, message, wire

from sp1tee.errors import EvidenceMalformed, EvidenceMissing, EvidenceTooLarge, VerifyError
from sp1tee.verify.caa import LIMIT, read_answer

RECORD = f"{HOST} 300 {TIGHT}"


def test_an_answer_has_records_a_time_to_live_and_the_ad_bit() -> None:
    answer = read_answer(wire(HOST, "CAA", RECORD, flags=VALIDATED), HOST, "CAA")

    assert [record.tag for record in answer.records] == ["issue"]
    assert answer.ttl == 300
    assert answer.validated
    assert answer.aliases == ()


def test_tags_are_read_in_lower_case() -> None:
    answer = read_answer(wire(HOST, "CAA", f'{HOST} 1 CAA 128 IssueWild ";"'), HOST, "CAA")

    assert (answer.records[0].tag, answer.records[0].flags) == ("issuewild", 128)


@pytest.mark.parametrize("rcode", ["NOERROR", "NXDOMAIN"])
def test_nodata_and_nxdomain_both_say_that_there_is_nothing(rcode: str) -> None:
    answer = read_answer(wire(HOST, "CAA", rcode=rcode), HOST, "CAA")

    assert (answer.rcode, answer.records, answer.ttl) == (rcode, (), None)


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "FORMERR", "NOTIMP", "BADVERS"])
def test_other_codes_are_kept_and_never_taken_for_nothing(rcode: str) -> None:
    made = message(HOST, "CAA")
    made.use_edns(0)
    made.set_rcode(dns.rcode.from_text(rcode))

    assert read_answer(made.to_wire(), HOST, "CAA").rcode == rcode


def test_the_code_of_an_extended_error_is_told_and_its_text_is_not() -> None:
    made = message(HOST, "CAA", rcode="SERVFAIL")
    made.use_edns(0, options=[dns.edns.EDEOption(6, "\x1b[31mfree text"), dns.edns.EDEOption(999)])

    answer = read_answer(made.to_wire(), HOST, "CAA")

    assert answer.explanation == "dnssec bogus, extended error 999"


def test_attack_49_aliases_are_followed_and_shown() -> None:
    answer = read_answer(
        wire(
            HOST,
            "CAA",
            f"{HOST} 60 CNAME a.example.net.",
            "a.example.net 30 CNAME b.example.net.",
            "b.example.net 300 " + TIGHT,
        ),
        HOST,
        "CAA",
    )

    assert [str(alias) for alias in answer.aliases] == [
        f"{HOST} CNAME a.example.net",
        "a.example.net CNAME b.example.net",
    ]
    assert len(answer.records) == 1
    assert answer.ttl == 30


@pytest.mark.parametrize("synthesised", [True, False])
def test_attack_49_a_dname_is_followed_with_and_without_its_cname(synthesised: bool) -> None:
    records = ["example.org 60 DNAME example.net.", "tee.example.net 300 " + TIGHT]
    if synthesised:
        records.append(f"{HOST} 60 CNAME tee.example.net.")

    answer = read_answer(wire(HOST, "CAA", *records), HOST, "CAA")

    assert [str(alias) for alias in answer.aliases] == [f"{HOST} DNAME tee.example.net"]
    assert len(answer.records) == 1


def test_records_beside_an_alias_and_behind_it_all_count() -> None:
    answer = read_answer(
        wire(
            HOST,
            "CAA",
            RECORD,
            f"{HOST} 60 CNAME a.example.net.",
            'a.example.net 60 CAA 0 issue "other.example"',
        ),
        HOST,
        "CAA",
    )

    assert len(answer.records) == 2


def test_records_of_names_that_nothing_leads_to_do_not_count() -> None:
    answer = read_answer(wire(HOST, "CAA", "example.net 300 " + TIGHT), HOST, "CAA")

    assert answer.records == ()


@pytest.mark.parametrize(
    "records",
    [
        [f"{HOST} 60 CNAME {HOST}."],
        [f"{HOST} 60 CNAME a.example.", f"a.example 60 CNAME {HOST}."],
        [f"{HOST} 60 CNAME a.example.", f"{HOST} 60 CNAME b.example."],
        [f"{HOST} 60 CNAME a0.example."]
        + [f"a{n}.example 60 CNAME a{n + 1}.example." for n in range(20)],
        [f"example.org 60 DNAME {'.'.join(['a' * 62] * 4)}."],
    ],
    ids=["to itself", "in a circle", "two ways", "on and on", "too long"],
)
def test_attack_50_aliases_that_lead_nowhere_are_malformed(records: list[str]) -> None:
    with pytest.raises(EvidenceMalformed):
        read_answer(wire(HOST, "CAA", *records), HOST, "CAA")


def test_attack_50_a_referral_is_not_taken_for_nothing() -> None:
    with pytest.raises(EvidenceMissing):
        read_answer(wire(HOST, "CAA", flags=dns.flags.QR), HOST, "CAA")


def test_a_server_that_knows_only_its_zone_can_say_that_there_is_nothing() -> None:
    flags = dns.flags.QR | dns.flags.AA

    assert read_answer(wire(HOST, "CAA", flags=flags), HOST, "CAA").records == ()


def test_attack_49_a_server_that_knows_only_its_zone_does_not_know_what_is_behind_an_alias() -> (
    None
):
    flags = dns.flags.QR | dns.flags.AA

    with pytest.raises(EvidenceMissing):
        read_answer(wire(HOST, "CAA", f"{HOST} 60 CNAME a.example.", flags=flags), HOST, "CAA")


def _no_question() -> bytes:
    made = message(HOST, "CAA", RECORD)
    made.question = []
    return made.to_wire()


def _chaos() -> bytes:
    query = dns.message.make_query(HOST, "CAA", rdclass=dns.rdataclass.CH)
    made = dns.message.make_response(query)
    return made.to_wire()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x00" * 11,
        b"<html>",
        wire("other.example.org", "CAA", RECORD),
        wire(HOST, "TXT"),
        wire(HOST, "CAA", RECORD, flags=dns.flags.RA),
        wire(HOST, "CAA", RECORD, flags=dns.flags.QR | dns.flags.RA | dns.flags.TC),
        wire(HOST, "CAA", RECORD)[:-1],
        wire(HOST, "CAA", RECORD) + b"\x00",
        _no_question(),
        _chaos(),
    ],
    ids=[
        "empty",
        "short",
        "no DNS",
        "another name",
        "another type",
        "a query",
        "cut short",
        "truncated bytes",
        "trailing bytes",
        "no question",
        "another class",
    ],
)
def test_attack_50_anything_but_a_whole_answer_to_the_question_is_malformed(body: bytes) -> None:
    with pytest.raises(EvidenceMalformed):
        read_answer(body, HOST, "CAA")


def test_a_huge_message_is_not_even_parsed() -> None:
    with pytest.raises(EvidenceTooLarge):
        read_answer(bytes(LIMIT + 1), HOST, "CAA")


def test_a_message_of_very_many_records_is_not_even_parsed() -> None:
    """Two bytes can stand for a name of 250, a thousand times over."""
    header = wire(HOST, "CAA")[:6] + b"\x04\xd2" + wire(HOST, "CAA")[8:]

    with pytest.raises(EvidenceTooLarge):
        read_answer(header + bytes(1234), HOST, "CAA")


@pytest.mark.parametrize(("name", "kind"), [("a" * 64 + ".org", "CAA"), (HOST, "NOSUCHTYPE")])
def test_a_record_of_a_question_that_cannot_be_asked_is_malformed(name: str, kind: str) -> None:
    with pytest.raises(EvidenceMalformed):
        read_answer(wire(HOST, "CAA"), name, kind)


def test_names_are_compared_without_regard_to_case() -> None:
    body = wire(HOST.upper(), "CAA", f"{HOST.title()} 300 {TIGHT}")

    assert len(read_answer(body, HOST, "CAA").records) == 1


def test_texts_and_addresses_are_read_too() -> None:
    text = read_answer(wire(HOST, "TXT", f'{HOST} 60 TXT "ab" "cd"'), HOST, "TXT")
    address = read_answer(wire(HOST, "AAAA", f"{HOST} 60 AAAA 2001:db8::1"), HOST, "AAAA")

    assert text.texts == (b"abcd",)
    assert address.addresses == ("2001:db8::1",)


GOOD = wire(HOST, "CAA", RECORD, f"{HOST} 60 CNAME a.example.", "a.example 60 " + TIGHT)


@given(
    st.binary(max_size=200)
    | st.tuples(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=4)).map(
        lambda change: GOOD[: change[0]] + change[1] + GOOD[change[0] + len(change[1]) :]
    )
)
def test_any_bytes_are_an_answer_or_an_error_of_evidence(body: bytes) -> None:
    try:
        answer = read_answer(body, HOST, "CAA")
    except VerifyError:
        return
    assert isinstance(answer.records, tuple)
