"""Quotes and collateral of any bytes whatever: nothing breaks, and nothing passes by accident."""

import gc
import random
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.quotes import AT, INTEL, REPORT_DATA, by_id, judged, policy, quoted
from support.quotes_real import NEAR_2026, OUT_OF_DATE, V5, RealSet

from sp1tee.errors import EvidenceMalformed
from sp1tee.sim.pki import Offer
from sp1tee.verify.checks import Status
from sp1tee.verify.quote import examine, judge, read_root
from sp1tee.verify.quote.dcap import Rejection, _calm, _Refused
from sp1tee.verify.quote.faults import Fault, fault
from sp1tee.verify.quote.rules import OF_FAULT, RULES, VERIFIED

SIGNED = 632
COLLATERAL = INTEL.collateral(Offer(at=AT))
QUOTE = quoted()


def look(raw: bytes, collateral: bytes | None = COLLATERAL) -> set[str]:
    """Examine and judge; returns the rules that passed."""
    findings = judged(examine(raw, collateral, at=AT, root=INTEL.root_der))
    return {check.id for check in findings.checks if check.status is Status.PASS}


@settings(max_examples=150)
@given(st.binary(max_size=2000))
def test_random_bytes_are_no_quote(raw: bytes):
    assert "quote.verified" not in look(raw)


@settings(max_examples=150)
@given(st.integers(0, SIGNED + 3 + 128), st.integers(1, 255))
def test_no_byte_of_header_report_or_signature_can_be_changed(at: int, change: int):
    raw = bytearray(QUOTE)
    raw[at] ^= change
    assert "quote.verified" not in look(bytes(raw))


@settings(max_examples=100)
@given(st.integers(0, len(QUOTE) - 1))
def test_a_quote_that_is_cut_off_does_not_verify(size: int):
    assert "quote.verified" not in look(QUOTE[:size])


@pytest.mark.parametrize("real", [NEAR_2026, V5, OUT_OF_DATE], ids=lambda real: real.name)
@settings(max_examples=60)
@given(data=st.data())
def test_a_changed_real_quote_never_breaks_anything(real: RealSet, data: st.DataObject):
    raw = bytearray(real.raw)
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    facts = examine(bytes(raw), real.collateral, at=real.middle)
    judge(facts, policy(), report_data=REPORT_DATA, required=True)


@settings(max_examples=60)
@given(data=st.data())
def test_changed_collateral_never_breaks_anything(data: st.DataObject):
    text = bytearray(COLLATERAL)
    at = data.draw(st.integers(0, len(text) - 1))
    text[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    look(QUOTE, bytes(text))


@pytest.mark.parametrize("root", [b"", b"no certificate", COLLATERAL])
def test_a_root_that_is_none_vouches_for_nothing(root: bytes):
    findings = judged(examine(QUOTE, COLLATERAL, at=AT, root=root))
    assert "quote.verified" not in {c.id for c in findings.checks if c.status is Status.PASS}


def test_a_root_of_an_unheard_of_version_is_no_root():
    version = INTEL.root_der.index(bytes.fromhex("a003020102")) + 4
    odd = INTEL.root_der[:version] + b"\x29" + INTEL.root_der[version + 1 :]
    with pytest.raises(EvidenceMalformed, match="no certificate"):
        read_root(odd)


@pytest.mark.parametrize("at", [0, 2**31, 99_999_999_999])
def test_any_time_can_be_judged_for(at: int):
    findings = judged(examine(QUOTE, COLLATERAL, at=at, root=INTEL.root_der))
    assert {c.status for c in findings.checks} >= {Status.FAIL}


def test_an_error_that_nobody_knows_fails_by_the_general_rule():
    assert fault("something that a newer version says") is Fault.UNKNOWN
    assert OF_FAULT[Fault.UNKNOWN] is VERIFIED
    assert set(OF_FAULT) == set(Fault)


def test_a_panic_in_the_library_is_a_refusal_and_an_interrupt_is_not():
    class PanicException(BaseException):
        pass

    def panic() -> None:
        raise PanicException

    with pytest.raises(_Refused, match="broke down"):
        _calm(panic)

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _calm(interrupt)


def test_what_was_verified_must_be_what_was_read(monkeypatch: pytest.MonkeyPatch):
    """Two parsers read a quote; were they to disagree, it would not be genuine."""
    genuine = examine(QUOTE, COLLATERAL, at=AT, root=INTEL.root_der)
    assert genuine.genuine
    monkeypatch.setattr(
        "sp1tee.verify.quote.examining.verify",
        lambda *_, **__: genuine.outcome.__class__(
            "UpToDate", (), 20, genuine.platform.ppid, bytes(64), AT + 1
        ),
    )
    facts = examine(QUOTE, COLLATERAL, at=AT, root=INTEL.root_der)
    assert isinstance(facts.outcome, Rejection)
    assert by_id(judged(facts))["quote.verified"].status is Status.FAIL


def test_gigantic_input_costs_little_memory():
    rubbish = random.Random(1).randbytes(60_000)
    gc.collect()
    tracemalloc.start()
    look(b"\x04\x00\x02\x00\x81" + bytes(3) + rubbish, b'{"tcb_info":"' + b"[" * 1_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50 * 2**20


def test_every_rule_has_its_own_id_and_code():
    assert len({rule.id for rule in RULES}) == len({rule.code for rule in RULES}) == len(RULES)
    assert all(rule.id.startswith("quote.") for rule in RULES)
    assert all(rule.code.startswith("SP1TEE-V2") for rule in RULES)
