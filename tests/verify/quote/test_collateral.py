"""Collateral files, read strictly."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.quotes_real import DATA, NEAR_2026, PHALA

from sp1tee.errors import EvidenceMalformed, EvidenceTooLarge, VerifyError
from sp1tee.verify.quote import examine, read_collateral, write_collateral
from sp1tee.verify.quote.collateral import FIELDS

VALUE: dict[str, Any] = json.loads(PHALA.collateral)


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    value = dict(VALUE)
    change(value)
    return json.dumps(value).encode()


def but(**fields: object) -> bytes:
    return json.dumps({**VALUE, **fields}).encode()


def test_dates_are_those_of_the_oldest_part_and_the_one_that_ends_first():
    collateral = read_collateral(PHALA.collateral)
    assert collateral.next_update.timestamp() == PHALA.last + 1
    assert collateral.spans["tcb_info"].issued.timestamp() == PHALA.first
    assert collateral.issued < collateral.spans["tcb_info"].issued
    assert collateral.spans["root_ca_crl"].issued < collateral.issued


@pytest.mark.parametrize(
    "written",
    [
        lambda data: "0x" + data,
        str.upper,
        lambda data: list(bytes.fromhex(data)),
    ],
    ids=["0x", "upper case", "array"],
)
def test_binary_fields_may_be_written_in_every_way_that_tools_write_them(
    written: Callable[[str], object],
):
    names = ("root_ca_crl", "pck_crl", "tcb_info_signature", "qe_identity_signature")
    data = but(**{name: written(VALUE[name]) for name in names})
    assert read_collateral(data).pck_crl == bytes.fromhex(VALUE["pck_crl"])
    assert examine(PHALA.raw, data, at=PHALA.middle).genuine


def test_what_is_written_is_read_back_and_verifies():
    read = read_collateral(PHALA.collateral)
    written = write_collateral({name: getattr(read, name) for name in FIELDS})
    assert examine(PHALA.raw, written, at=PHALA.middle).genuine


def test_fields_that_nobody_knows_are_left_aside():
    assert examine(PHALA.raw, but(new_field={"a": [1]}), at=PHALA.middle).genuine


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_needed(name: str):
    with pytest.raises(EvidenceMalformed, match=f"no {name}"):
        read_collateral(changed(lambda value: value.pop(name)))


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("wrong", [None, 1, True, "", "nonsense", [1, 256], ["a"], [True], {}, []])
def test_a_field_of_another_kind_is_malformed(name: str, wrong: object):
    with pytest.raises(EvidenceMalformed):
        read_collateral(but(**{name: wrong}))


@pytest.mark.parametrize("name", ["tcb_info", "qe_identity"])
def test_statements_must_be_the_signed_text(name: str):
    with pytest.raises(EvidenceMalformed, match="exact text"):
        read_collateral(but(**{name: json.loads(VALUE[name])}))


def test_statements_written_again_do_not_fit_their_signature():
    rewritten = json.dumps(json.loads(VALUE["tcb_info"]))
    facts = examine(PHALA.raw, but(tcb_info=rewritten), at=PHALA.middle)
    assert facts.outcome.fault == "collateral-signature"


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("tcb_info", '"tcbLevels"', '"tcbLevel"'),
        ("tcb_info", '"issueDate":"2', '"issueDate":"x2'),
        ("tcb_info", '"svn":', '"svn":-'),
        ("tcb_info", '{"id":"TDX",', '{"id":"TDX","id":"TDX",'),
        ("qe_identity", '"isvsvn":', '"isvsvn":"four","x":'),
        ("qe_identity", "}", "]"),
    ],
)
def test_statements_that_are_not_what_intel_publishes_are_malformed(name: str, old: str, new: str):
    text = VALUE[name].replace(old, new)
    assert text != VALUE[name]
    with pytest.raises(EvidenceMalformed):
        read_collateral(but(**{name: text}))


def test_collateral_of_the_older_schema_is_called_that():
    data = (DATA / "dstack-legacy-v0.3/collateral-partial.json").read_bytes()
    with pytest.raises(EvidenceMalformed, match="older schema, which has no revocation lists"):
        read_collateral(data)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b"null", b"\xff", b'{"tcb_info": "a", "tcb_info": "b"}', b"[" * 999]
)
def test_what_is_no_collateral_is_malformed(data: bytes):
    with pytest.raises(EvidenceMalformed):
        read_collateral(data)


@pytest.mark.parametrize(
    "data", [b" " * 3_000_000, but(tcb_info=" " * 600_000)], ids=["file", "statement"]
)
def test_what_is_larger_than_any_collateral_is_refused_by_its_size(data: bytes):
    with pytest.raises(EvidenceTooLarge):
        read_collateral(data)


@settings(max_examples=60)
@given(st.data())
def test_whatever_is_read_only_evidence_errors_come_out(data: st.DataObject):
    text = bytearray(NEAR_2026.collateral)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    try:
        read_collateral(bytes(text))
    except VerifyError:
        return


def test_a_revocation_list_of_an_unheard_of_version_is_malformed():
    crl = bytes.fromhex(VALUE["pck_crl"])
    version = crl.index(bytes.fromhex("020101")) + 2
    odd = crl[:version] + b"\x29" + crl[version + 1 :]
    with pytest.raises(EvidenceMalformed, match="pck_crl is no revocation list"):
        read_collateral(but(pck_crl=odd.hex()))
