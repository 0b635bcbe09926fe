"""What an attacker may try with a quote, each attempt by its number in the list of attacks."""

import dataclasses
from typing import Any

import pytest
from support.quotes import (
    AT,
    DAY,
    INTEL,
    REPORT,
    REPORT_DATA,
    by_id,
    examined,
    failed,
    judged,
    policy,
    quoted,
    statuses,
)
from support.quotes_real import NEAR_2026

from sp1tee.sim.pki import (
    DEBUG,
    MIGRATABLE,
    PCK,
    PCK_CA,
    SEPT_VE_DISABLE,
    SGX,
    STRANGER,
    TCB_SIGNER,
    TDX_1_5,
    EnclaveReport,
    Intel,
    Machine,
    Making,
    Offer,
    SvnLevel,
    TcbLevel,
    TdReport,
    attributes,
)
from sp1tee.verify.checks import Status
from sp1tee.verify.quote import examine, judge
from sp1tee.verify.verdict import Verdict, verdict

HASH = REPORT_DATA[:32]


def report(**changes: object) -> TdReport:
    return dataclasses.replace(REPORT, **changes)


def test_a_healthy_quote_passes_every_rule():
    findings = judged(examined(quoted()), policy(platforms=("5e" * 16,)))
    assert statuses(findings, Status.PASS) == {check.id for check in findings.checks}
    assert verdict(findings.checks) is Verdict.PASS


@pytest.mark.parametrize("field", ["mr_config_id", "mr_owner", "mr_owner_config"])
def test_attack_01_hash_in_a_field_that_the_host_chooses_is_not_report_data(field: str):
    quote = quoted(report(report_data=bytes(64), **{field: HASH + bytes(16)}))
    check = by_id(judged(examined(quote)))["quote.report-data"]
    assert check.status is Status.FAIL
    assert check.details[0] == f"It stands in {field}, which the host chooses: that proves nothing."


@pytest.mark.parametrize("tail", [HASH, HASH.hex().encode(), bytes(70) + HASH])
def test_attack_01_hash_behind_the_quotes_end_is_not_report_data(tail: bytes):
    quote = quoted(report(report_data=bytes(64)), Making(tail=tail))
    findings = judged(examined(quote))
    assert failed(findings) == {"quote.tail", "quote.report-data"}
    assert "where the guest signed nothing" in by_id(findings)["quote.report-data"].details[0]


def test_attack_01_hash_in_the_certificate_data_is_not_report_data():
    quote = quoted(report(report_data=bytes(64)), Making(auth_data=HASH))
    assert failed(judged(examined(quote))) == {"quote.report-data"}


def test_attack_01_something_in_mr_owner_is_refused_even_with_the_right_report_data():
    findings = judged(examined(quoted(report(mr_owner=b"\1" + bytes(47)))))
    assert statuses(findings, Status.REFUSED) == {"quote.owner"}


def test_zeros_behind_the_quotes_end_are_what_the_dcap_library_leaves_there():
    assert not failed(judged(examined(quoted(how=Making(tail=bytes(3000))))))


@pytest.mark.parametrize(
    "found",
    [HASH + b"\1" + bytes(31), HASH + bytes(31) + b"\1", bytes(32) + HASH, HASH.hex().encode()],
)
def test_attack_02_all_64_bytes_of_the_report_data_count(found: bytes):
    findings = judged(examined(quoted(report(report_data=found))))
    assert failed(findings) == {"quote.report-data"}


def test_attack_11b_a_simulators_quote_has_the_wanted_report_data_and_no_signature():
    raw = bytearray(NEAR_2026.raw)
    raw[568:632] = REPORT_DATA
    facts = examine(bytes(raw), NEAR_2026.collateral, at=NEAR_2026.middle)
    findings = judge(facts, policy(), report_data=REPORT_DATA, required=True)
    assert failed(findings) == {"quote.signature"}
    assert by_id(findings)["quote.report-data"].status is Status.UNEVALUABLE
    assert {fact.basis.value for fact in findings.facts if fact.name == "quote.report_data"} == {
        "claimed"
    }


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"td_attributes": attributes(SEPT_VE_DISABLE, DEBUG)}, "quote.debug"),
        ({"td_attributes": bytes(8)}, "quote.sept-ve"),
        ({"td_attributes": attributes(SEPT_VE_DISABLE, MIGRATABLE)}, "quote.migratable"),
        ({"td_attributes": attributes(SEPT_VE_DISABLE, 1 << 1)}, "quote.attributes"),
        ({"td_attributes": attributes(SEPT_VE_DISABLE, 1 << 40)}, "quote.attributes"),
        ({"mr_signer_seam": b"\1" * 48}, "quote.seam"),
        ({"seam_attributes": b"\1" + bytes(7)}, "quote.seam"),
    ],
)
@pytest.mark.parametrize("version", [4, 5])
def test_attack_12_a_guest_that_its_host_can_look_into_fails(
    changes: dict[str, Any], rule: str, version: int
):
    findings = judged(examined(quoted(report(**changes), Making(version=version))))
    assert failed(findings) == {rule}
    assert verdict(findings.checks) is Verdict.FAIL


def test_attack_12_a_service_guest_fails():
    quote = quoted(report(mr_service_td=b"\1" * 48), Making(version=TDX_1_5))
    assert failed(judged(examined(quote))) == {"quote.service-td"}


@pytest.mark.parametrize("bit", [1 << 27, 1 << 30, 1 << 31])
def test_attributes_that_only_the_guest_uses_are_accepted(bit: int):
    quote = quoted(report(td_attributes=attributes(SEPT_VE_DISABLE, bit)))
    assert not failed(judged(examined(quote)))


def test_attack_13_nothing_in_a_quote_alone_tells_a_dev_image_from_a_release():
    """RTMR2 does, compared with a table: the quote's own verdict is the same for both."""
    facts = examine(NEAR_2026.raw, NEAR_2026.collateral, at=NEAR_2026.middle)
    findings = judge(facts, policy(), report_data=None, required=False)
    assert verdict(findings.checks) is Verdict.PASS


def test_attack_14_an_sgx_quote_is_not_a_guests_quote_though_it_would_verify():
    quote = INTEL.quote(EnclaveReport(), Making(version=SGX))
    findings = judged(examined(quote, Offer(at=AT, sgx=True)))
    assert failed(findings) == {"quote.type"}
    assert statuses(findings, Status.PASS) == {"quote.format"}


@pytest.mark.parametrize(
    "how",
    [
        Making(version=TDX_1_5, body_type=1),
        Making(version=TDX_1_5, body_type=2),
        Making(version=TDX_1_5, body_type=4),
        Making(version=TDX_1_5, body_type=9),
        Making(outer_type=5),
        Making(inner_type=6),
        Making(inner_type=1),
        Making(inner_type=3),
        Making(inner_size=0),
        Making(inner_size=2**31),
        Making(vendor=bytes(16)),
    ],
)
def test_attack_14_a_quote_built_in_an_unexpected_way_never_passes(how: Making):
    findings = judged(examined(quoted(how=how)))
    assert verdict(findings.checks) in {Verdict.FAIL, Verdict.UNEVALUABLE}
    assert "quote.verified" not in statuses(findings, Status.PASS)


@pytest.mark.parametrize(
    "status",
    ["OutOfDate", "ConfigurationNeeded", "SWHardeningNeeded", "OutOfDateConfigurationNeeded"],
)
def test_attack_15_a_status_that_nobody_accepted_is_refused(status: str):
    facts = examined(quoted(), Offer(at=AT, tcb_status=status))
    findings = judged(facts)
    assert statuses(findings, Status.REFUSED) == {"quote.tcb-status"}
    assert verdict(findings.checks) is Verdict.REFUSED
    accepted = judged(facts, policy(tcb_status=("UpToDate", status)))
    assert verdict(accepted.checks) is Verdict.PASS


def test_attack_15_a_denied_advisory_is_refused_whatever_the_status():
    facts = examined(
        quoted(), Offer(at=AT, tcb_status="SWHardeningNeeded", advisories=("INTEL-SA-00960",))
    )
    lenient = {"tcb_status": ("UpToDate", "SWHardeningNeeded")}
    shown = by_id(judged(facts, policy(**lenient)))["quote.advisories"]
    assert (shown.status, shown.actual) == (Status.PASS, "INTEL-SA-00960")
    strict = judged(facts, policy(**lenient, deny_advisories=("INTEL-SA-00960",)))
    assert statuses(strict, Status.REFUSED) == {"quote.advisories"}


def test_attack_15_a_revoked_level_fails():
    findings = judged(examined(quoted(), Offer(at=AT, tcb_status="Revoked")))
    assert failed(findings) == {"quote.tcb-revoked"}


@pytest.mark.parametrize(
    ("offer", "rule"),
    [
        (Offer(at=AT, revoked=(PCK,)), "quote.revoked"),
        (Offer(at=AT, revoked=(PCK_CA,)), "quote.revoked"),
        (Offer(at=AT, revoked=(TCB_SIGNER,)), "quote.revoked"),
        (Offer(at=AT, root_crl_by=STRANGER), "quote.chain"),
        (Offer(at=AT, pck_crl_by=STRANGER), "quote.chain"),
        (Offer(at=AT, tcb_by=STRANGER), "quote.chain"),
        (Offer(at=AT, fmspc=bytes.fromhex("90c06f000000")), "quote.collateral-platform"),
        (Offer(at=AT, sgx=True), "quote.collateral-platform"),
        (Offer(at=AT, issued=AT - 31 * DAY, next_update=AT - 1), "quote.collateral-expired"),
        (Offer(at=AT, qe_next_update=AT - 1), "quote.collateral-expired"),
        (Offer(at=AT, crl_next_update=AT), "quote.collateral-expired"),
        (Offer(at=AT, issued=AT + 1), "quote.collateral-future"),
        (Offer(at=AT, qe_signer=bytes(32)), "quote.qe-identity"),
    ],
)
def test_attack_16_collateral_that_does_not_vouch_for_the_quote_fails_it(offer: Offer, rule: str):
    findings = judged(examined(quoted(), offer))
    assert failed(findings) == {rule}
    assert "quote.verified" not in statuses(findings, Status.PASS)


def test_attack_16_an_altered_statement_fails():
    collateral = INTEL.collateral(Offer(at=AT, tcb_status="OutOfDate"))
    altered = collateral.replace(b"OutOfDate", b"UpToDate ".strip())
    facts = examine(quoted(), altered, at=AT, root=INTEL.root_der)
    assert failed(judged(facts)) == {"quote.collateral-signature"}


def test_attack_16_another_root_fails():
    facts = examine(quoted(), INTEL.collateral(Offer(at=AT)), at=AT)
    assert failed(judged(facts)) == {"quote.chain"}
    stranger = examine(
        INTEL.stranger.quote(REPORT), INTEL.collateral(Offer(at=AT)), at=AT, root=INTEL.root_der
    )
    assert failed(judged(stranger)) == {"quote.chain"}


def test_attack_16_collateral_kept_back_to_hide_a_recovery_is_refused_by_age_and_number():
    facts = examined(quoted(), Offer(at=AT, issued=AT - 20 * DAY, evaluation_number=19))
    demands = policy(max_collateral_age_days=7, min_tcb_evaluation_data_number=20)
    findings = judged(facts, demands)
    assert statuses(findings, Status.REFUSED) == {"quote.collateral-age", "quote.tcb-evaluation"}
    assert by_id(findings)["quote.collateral-age"].actual.endswith("20 days before")


@pytest.mark.parametrize(
    ("age", "status"), [(10 * DAY, Status.PASS), (10 * DAY + 1, Status.REFUSED)]
)
def test_collateral_may_be_as_old_as_the_policy_says_to_the_second(age: int, status: Status):
    facts = examined(quoted(), Offer(at=AT, issued=AT - age))
    check = by_id(judged(facts, policy(max_collateral_age_days=10)))["quote.collateral-age"]
    assert check.status is status


def test_attack_17_an_old_quote_is_judged_by_what_intel_says_today():
    """A quote has no date. What has become known of its platform since then still counts."""
    quote = quoted()
    then = examined(quote)
    later = Offer(
        at=AT + 300 * DAY,
        levels=(
            TcbLevel(sgx=bytes.fromhex("05050202040100050000000000000000")),
            TcbLevel(status="OutOfDate", advisories=("INTEL-SA-09999",)),
        ),
    )
    now = examined(quote, later, at=AT + 300 * DAY)
    assert verdict(judged(then).checks) is Verdict.PASS
    assert statuses(judged(now), Status.REFUSED) == {"quote.tcb-status"}


@pytest.mark.parametrize(("at", "rule"), [(0, "future"), (AT + 100 * DAY, "expired")])
def test_attack_18_a_wrong_clock_is_told_with_the_time_that_was_taken(at: int, rule: str):
    check = by_id(judged(examined(quoted(), at=at)))[f"quote.collateral-{rule}"]
    assert check.status is Status.FAIL
    assert check.expected.startswith("valid at ")
    assert "--at" in check.remedy


def test_attack_20_a_machine_that_the_policy_does_not_name_is_refused():
    demands = policy(platforms=("0x" + "5E" * 16,))
    assert by_id(judged(examined(quoted()), demands))["quote.platform"].status is Status.PASS
    other = quoted(machine=Machine(name="other", ppid=bytes.fromhex("77" * 16)))
    check = by_id(judged(examined(other), demands))["quote.platform"]
    assert (check.status, check.actual) == (Status.REFUSED, "77" * 16)


def test_another_machines_certificate_in_the_collateral_is_left_aside_and_told():
    other = Machine(name="other", ppid=bytes.fromhex("77" * 16))
    facts = examined(quoted(), pck_chain=other)
    assert facts.genuine
    assert "another machine" in by_id(judged(facts))["quote.collateral"].details[0]


def test_a_quoting_enclave_that_did_not_certify_the_key_fails():
    quote = quoted(how=Making(qe_binds=b"another key"))
    assert failed(judged(examined(quote))) == {"quote.qe-signature"}


def test_a_quoting_enclave_of_another_signer_fails():
    quote = quoted(how=Making(qe=EnclaveReport(mr_signer=bytes(32))))
    assert failed(judged(examined(quote))) == {"quote.qe-identity"}


def test_a_debuggable_quoting_enclave_fails():
    attributes_with_debug = bytes.fromhex("1700000000000000e700000000000000")
    quote = quoted(how=Making(qe=EnclaveReport(attributes=attributes_with_debug)))
    assert failed(judged(examined(quote))) == {"quote.qe-identity"}


@pytest.mark.parametrize(
    "offer",
    [
        Offer(at=AT, levels=(TcbLevel(pce_svn=99),)),
        Offer(at=AT, qe_levels=(SvnLevel(svn=99),)),
        Offer(at=AT, modules={"TDX_01": (SvnLevel(svn=99),)}),
    ],
)
def test_a_platform_below_every_level_fails_and_the_short_number_is_named(offer: Offer):
    check = by_id(judged(examined(quoted(), offer)))["quote.tcb-level"]
    assert check.status is Status.FAIL
    assert "UpToDate needs 99" in check.details[0]


def test_keys_that_only_look_like_intels_fail():
    other = Intel(seed=b"other")
    facts = examine(other.quote(REPORT), other.collateral(Offer(at=AT)), at=AT, root=INTEL.root_der)
    assert failed(judged(facts)) == {"quote.chain"}


def test_a_quote_without_its_machines_certificate_cannot_be_evaluated():
    """Certification data of types 1 to 3 holds an encrypted identity instead."""
    raw = bytearray(NEAR_2026.raw)
    assert raw[1252:1254] == b"\5\0"
    raw[1252] = 3
    findings = judge(
        examine(bytes(raw), NEAR_2026.collateral, at=NEAR_2026.middle),
        policy(),
        report_data=None,
        required=False,
    )
    assert verdict(findings.checks) is Verdict.UNEVALUABLE
