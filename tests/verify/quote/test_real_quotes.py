"""Quotes of real machines, signed by Intel's real keys."""

import hashlib

import pytest
from support.quotes import by_id, failed, policy, statuses
from support.quotes_real import (
    ALL,
    DATA,
    DEBUG,
    GENUINE,
    NEAR_2025,
    NEAR_2026,
    NO_LEVEL,
    OUT_OF_DATE,
    PHALA,
    SERVICE_TD,
    SGX,
    UP_TO_DATE,
    V5,
    RealSet,
)

from sp1tee.verify.checks import Findings, Status
from sp1tee.verify.facts import Basis
from sp1tee.verify.quote import Claims, examine, judge
from sp1tee.verify.verdict import Verdict, verdict


def judged(real: RealSet, at: int, **demands: object) -> Findings:
    facts = examine(real.raw, real.collateral, at=at)
    return judge(facts, policy(**demands), report_data=None, required=False)


@pytest.mark.parametrize("real", UP_TO_DATE, ids=lambda real: real.name)
@pytest.mark.parametrize("when", ["first", "middle", "last"])
def test_an_up_to_date_quote_passes_from_the_first_to_the_last_second_of_its_window(
    real: RealSet, when: str
):
    assert verdict(judged(real, getattr(real, when)).checks) is Verdict.PASS


@pytest.mark.parametrize("real", GENUINE, ids=lambda real: real.name)
def test_one_second_before_its_window_a_quote_fails(real: RealSet):
    assert failed(judged(real, real.first - 1)) == {"quote.collateral-future"}


@pytest.mark.parametrize("real", GENUINE, ids=lambda real: real.name)
def test_one_second_after_its_window_a_quote_fails(real: RealSet):
    assert failed(judged(real, real.last + 1)) == {"quote.collateral-expired"}


def test_an_outdated_platform_is_refused_and_told_what_is_short():
    findings = judged(OUT_OF_DATE, OUT_OF_DATE.middle)
    check = by_id(findings)["quote.tcb-status"]
    assert verdict(findings.checks) is Verdict.REFUSED
    assert statuses(findings, Status.REFUSED) == {"quote.tcb-status"}
    assert check.details[0].startswith(
        "CPU SVN component 1 (Early Microcode Update) is 6, UpToDate needs 7: a newer BIOS"
    )
    assert "INTEL-SA-00960, INTEL-SA-00982, INTEL-SA-00986" in check.details[-1]
    assert "--accept-tcb OutOfDate" in check.remedy


def test_an_outdated_platform_can_be_put_up_with():
    findings = judged(OUT_OF_DATE, OUT_OF_DATE.middle, tcb_status=("UpToDate", "OutOfDate"))
    assert verdict(findings.checks) is Verdict.PASS


@pytest.mark.parametrize(
    ("real", "rule"),
    [
        (DEBUG, "quote.debug"),
        (SERVICE_TD, "quote.service-td"),
        (NO_LEVEL, "quote.tcb-level"),
        (SGX, "quote.type"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_real_quotes_that_must_not_pass_fail_for_their_reason(real: RealSet, rule: str):
    findings = judged(real, real.middle)
    assert failed(findings) == {rule}


def test_a_platform_below_every_level_is_told_which_number_is_short():
    check = by_id(judged(NO_LEVEL, NO_LEVEL.middle))["quote.tcb-level"]
    assert check.details[0].startswith(
        "CPU SVN component 8 (SEAMLDR ACM) is 3, UpToDate needs 5: a newer SEAMLDR ACM"
    )


@pytest.mark.parametrize("real", [DEBUG, NO_LEVEL], ids=lambda real: real.name)
def test_signatures_are_verified_before_anything_that_they_cover_is_judged(real: RealSet):
    """What is said of levels rests on this: a changed byte ends it earlier."""
    raw = bytearray(real.raw)
    raw[600] ^= 1
    facts = examine(bytes(raw), real.collateral, at=real.middle)
    findings = judge(facts, policy(), report_data=None, required=False)
    assert "quote.signature" in failed(findings)
    assert facts.shortfalls == ()


def test_a_changed_statement_about_levels_is_never_explained():
    changed = NO_LEVEL.collateral.replace(b'"svn\\":5', b'"svn\\":9').replace(
        b'\\"tcbStatus\\":\\"OutOfDate\\"', b'\\"tcbStatus\\":\\"UpToDate\\"'
    )
    assert changed != NO_LEVEL.collateral
    facts = examine(NO_LEVEL.raw, changed, at=NO_LEVEL.middle)
    findings = judge(facts, policy(), report_data=None, required=False)
    assert failed(findings) == {"quote.collateral-signature"}
    assert facts.shortfalls == ()


def test_collateral_of_another_family_fails():
    facts = examine(PHALA.raw, NEAR_2025.collateral, at=NEAR_2025.middle)
    findings = judge(facts, policy(), report_data=None, required=False)
    assert failed(findings) == {"quote.collateral-platform"}


def test_collateral_that_brings_another_machines_certificate_fits_all_of_its_family():
    """Dcap-qvl would take that certificate and call the quote's signature wrong."""
    bundle = (DATA / "dstack-simulator-head/attestation.bin").read_bytes()
    start = bundle.index(bytes.fromhex("0400020081000000"))
    facts = examine(bundle[start : start + 5010], NEAR_2026.collateral, at=NEAR_2026.middle)
    assert facts.genuine
    assert facts.collateral_of_another
    assert not examine(NEAR_2026.raw, NEAR_2026.collateral, at=0).collateral_of_another


def test_collateral_without_revocation_lists_cannot_be_used():
    partial = (DATA / "dstack-legacy-v0.3/collateral-partial.json").read_bytes()
    raw = bytes.fromhex((DATA / "dstack-legacy-v0.3/quote.hex").read_text())
    findings = judge(examine(raw, partial, at=0), policy(), report_data=None, required=False)
    check = by_id(findings)["quote.collateral"]
    assert (check.status, check.reason) == (Status.UNEVALUABLE, "SP1TEE-V002")
    assert "older schema" in check.summary
    assert verdict(findings.checks) is Verdict.UNEVALUABLE


def test_without_collateral_nothing_in_a_quote_is_attested():
    findings = judge(examine(NEAR_2026.raw, None, at=0), policy(), report_data=None, required=False)
    assert by_id(findings)["quote.collateral"].status is Status.UNEVALUABLE
    assert {fact.basis for fact in findings.facts} == {Basis.CLAIMED, Basis.COMPUTED}


def test_the_report_of_a_version_5_quote_is_read_where_it_stands():
    facts = examine(V5.raw, V5.collateral, at=V5.middle)
    assert facts.layout.header.version == 5
    assert facts.layout.body == "TD report 1.5"
    assert facts.report.report_data == V5.raw[574:638]
    assert facts.report.mr_service_td == bytes(48)


@pytest.mark.parametrize("real", UP_TO_DATE, ids=lambda real: real.name)
def test_facts_of_a_genuine_quote_are_attested_with_their_anchor(real: RealSet):
    facts = {fact.name: fact for fact in judged(real, real.middle).facts}
    assert facts["quote.sha256"].value == hashlib.sha256(real.raw).hexdigest()
    assert facts["collateral.sha256"].value == hashlib.sha256(real.collateral).hexdigest()
    for name in ("quote.rtmr3", "quote.ppid", "quote.fmspc", "collateral.issued"):
        assert (facts[name].basis, facts[name].anchor) == (Basis.ATTESTED, "Intel SGX Root CA")


@pytest.mark.parametrize("real", ALL, ids=lambda real: real.name)
def test_every_check_that_does_not_pass_says_what_to_do(real: RealSet):
    for check in judged(real, real.middle).checks:
        assert check.status is Status.PASS or check.remedy, check.id


def test_the_wanted_report_data_passes_on_a_real_quote():
    facts = examine(PHALA.raw, PHALA.collateral, at=PHALA.middle)
    assert isinstance(facts.outcome, Claims)
    findings = judge(facts, policy(), report_data=b"\1" * 64, required=True)
    assert by_id(findings)["quote.report-data"].status is Status.PASS
