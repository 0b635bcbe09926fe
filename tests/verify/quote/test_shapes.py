"""Every shape in which a quote is handed around."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.quotes import AT, by_id, examined, judged, quoted
from support.quotes_real import DATA, NEAR_2026, PHALA

from sp1tee.errors import EvidenceMalformed, EvidenceMissing, EvidenceTooLarge, VerifyError
from sp1tee.verify.checks import Status
from sp1tee.verify.facts import Json
from sp1tee.verify.quote import read_quote, unreadable
from sp1tee.verify.verdict import Verdict, verdict

RAW = NEAR_2026.raw
EVENT = {"imr": 3, "event_type": 134217729, "digest": "", "event": "app-id", "event_payload": "00"}


def shaped(value: object) -> bytes:
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    "data",
    [
        RAW,
        RAW.hex().encode(),
        RAW.hex().upper().encode(),
        b"0x" + RAW.hex().encode(),
        RAW.hex().encode() + b"\n",
        b" \t0x" + RAW.hex().upper().encode() + b"\r\n\n",
        shaped(list(RAW)),
        json.dumps(list(RAW), indent=2).encode(),
        shaped({"quote": RAW.hex()}),
        shaped({"quote": "0x" + RAW.hex().upper()}),
        shaped({"quote": list(RAW)}),
        b"\n" + shaped({"quote": RAW.hex(), "event_log": [], "vm_config": ""}),
    ],
    ids=range(12),
)
def test_every_shape_gives_the_same_bytes(data: bytes):
    assert read_quote(data).raw == RAW


def test_the_answer_of_dstack_05_has_its_log_in_a_string():
    given_ = read_quote(PHALA.quote_file.read_bytes())
    assert given_.event_log[0]["imr"] == 0
    assert given_.vm_config is None
    assert given_.claims == {}


def test_the_answer_of_dstack_06_has_claims_and_a_machine_beside_the_quote():
    given_ = read_quote((DATA / "dstack-tdx-lite-v0.6/tdx-lite-getquote.json").read_bytes())
    assert given_.vm_config.startswith('{"os_image_hash"')
    assert set(given_.claims) == {"report_data"}
    assert {event["digest"] for event in given_.event_log if event["imr"] == 3} == {""}


def test_the_answer_of_tappd_claims_to_be_raw():
    answer = {
        "quote": RAW.hex(),
        "event_log": json.dumps([EVENT]),
        "hash_algorithm": "raw",
        "prefix": "",
    }
    given_ = read_quote(shaped(answer))
    assert given_.event_log == (EVENT,)
    assert given_.claims == {"hash_algorithm": "raw", "prefix": ""}


def test_a_log_may_be_a_list_or_not_there():
    assert read_quote(shaped({"quote": RAW.hex(), "event_log": [EVENT]})).event_log == (EVENT,)
    for nothing in ("", None):
        assert read_quote(shaped({"quote": RAW.hex(), "event_log": nothing})).event_log is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n \n",
        b"{}",
        shaped({"quote": ""}),
        shaped({"quote": None}),
        shaped({"quote": []}),
        b"[]",
        b"0x",
        shaped({"error": "internal error"}),
        shaped({"attestation": "0000394e"}),
        (DATA / "dstack-legacy-v0.3/tcb_info.json").read_bytes(),
        (DATA / "dstack-tdx-lite-v0.6/tdx-lite-attestation.json").read_bytes(),
    ],
    ids=range(12),
)
def test_attack_09_evidence_without_a_quote_is_missing_one(data: bytes):
    with pytest.raises(EvidenceMissing, match="has no quote"):
        read_quote(data)


@pytest.mark.parametrize(
    "data",
    [
        b"internal server error\n",
        b"<html>502</html>",
        RAW.hex().encode()[:-1],
        RAW.hex().encode() + b"zz",
        b"0X" + RAW.hex().encode(),
        "\uff10\uff14\uff10\uff10".encode(),
        b'"' + RAW.hex().encode() + b'"',
        b"\xff\xfe\x00",
        shaped([{"quote": RAW.hex()}]),
        shaped([*RAW[:8], 256]),
        shaped([*RAW[:8], -1]),
        shaped([*RAW[:8], 3.0]),
        shaped([*RAW[:8], True]),
        shaped([*RAW[:8], "4"]),
        shaped([*RAW[:8], None]),
        shaped({"quote": 4}),
        shaped({"quote": {"a": 1}}),
        shaped({"quote": RAW.hex() + " "}),
        shaped({"quote": RAW.hex(), "event_log": {}}),
        shaped({"quote": RAW.hex(), "event_log": "{}"}),
        shaped({"quote": RAW.hex(), "event_log": "not json"}),
        shaped({"quote": RAW.hex(), "event_log": [1]}),
        shaped({"quote": RAW.hex(), "event_log": 7}),
        shaped({"quote": RAW.hex(), "vm_config": {}}),
        b'{"quote": "04", "quote": "05"}',
        b'{"quote": "04", "x": NaN}',
        b'{"quote": "04"',
        b"[" * 100 + b"]" * 100,
    ],
    ids=range(28),
)
def test_attack_09_what_has_no_known_shape_is_malformed(data: bytes):
    with pytest.raises(EvidenceMalformed):
        read_quote(data)


@pytest.mark.parametrize(
    "data", [bytes([4, 0]) + bytes(70_000), b"00" * 70_000, b" " * 2_000_000, b"{" * 2_000_000]
)
def test_attack_09_what_is_larger_than_any_quote_is_refused_by_its_size(data: bytes):
    with pytest.raises(EvidenceTooLarge):
        read_quote(data)


def test_a_quote_that_cannot_be_read_cannot_be_evaluated():
    findings = unreadable(EvidenceMissing("The evidence has no quote."))
    check = by_id(findings)["quote.format"]
    assert (check.status, check.code, check.reason) == (
        Status.UNEVALUABLE,
        "SP1TEE-V200",
        "SP1TEE-V001",
    )
    assert verdict(findings.checks) is Verdict.UNEVALUABLE


@pytest.mark.parametrize(
    "claims",
    [
        {"hash_algorithm": "raw", "prefix": ""},
        {"hash_algorithm": None, "prefix": None},
        {"report_data": "5f" * 32 + "00" * 32},
        {"report_data": "0x" + "5F" * 32 + "00" * 32},
        {"report_data": ""},
    ],
)
def test_claims_that_agree_with_the_quote_pass(claims: dict[str, Json]):
    findings = judged(examined(quoted(), claims=claims))
    assert by_id(findings)["quote.claims"].status is Status.PASS


@pytest.mark.parametrize(
    "claims",
    [
        {"hash_algorithm": "sha512"},
        {"hash_algorithm": ["raw"]},
        {"prefix": "app-data:"},
        {"report_data": "5f" * 32},
        {"report_data": "00" * 64},
        {"report_data": 5},
        {"report_data": "nonsense"},
    ],
)
def test_claims_that_do_not_agree_fail_and_change_nothing_else(claims: dict[str, Json]):
    findings = judged(examined(quoted(), claims=claims))
    assert by_id(findings)["quote.claims"].status is Status.FAIL
    assert by_id(findings)["quote.report-data"].status is Status.PASS


def test_without_claims_none_are_judged():
    findings = judged(examined(quoted(), claims={"attestation": "00"}, at=AT))
    assert "quote.claims" not in by_id(findings)


@settings(max_examples=200)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=100).map(bytes.hex).map(str.encode),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: (
                st.lists(inner) | st.dictionaries(st.sampled_from(["quote", "event_log"]), inner)
            ),
            max_leaves=10,
        )
        .map(json.dumps)
        .map(str.encode),
    )
)
def test_whatever_is_read_only_evidence_errors_come_out(data: bytes):
    try:
        read_quote(data)
    except VerifyError:
        return
