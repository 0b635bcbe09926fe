"""Which image booted, and whether it may."""

import json
from dataclasses import replace
from functools import partial

import pytest
from support import event_logs, os_images
from support.findings import check_of, wrong_in
from support.os_images import Measured

from sp1tee.verify import rtmr3
from sp1tee.verify.checks import Findings, Status
from sp1tee.verify.facts import Basis
from sp1tee.verify.osimage import RULES, examine, judge, load_table
from sp1tee.verify.policy import OsPolicy, Rtmr3Policy

RELEASE_HASH = bytes.fromhex("6427f4f5ded88b72d326bd973e581c1689c5080c6444a0cf90fec7d9e4c8b92a")


def judged(
    measured: Measured,
    policy: OsPolicy | None = None,
    *,
    os_image_hash: bytes | None = None,
    table: bytes | None = None,
    genuine: bool = True,
) -> Findings:
    facts = examine(measured, load_table(table))
    return judge(facts, policy or OsPolicy(), genuine=genuine, os_image_hash=os_image_hash)


check = partial(check_of, "os")
wrong = partial(wrong_in, "os")


def test_a_known_release_passes() -> None:
    findings = judged(os_images.release(), os_image_hash=RELEASE_HASH)
    assert wrong(findings) == {}
    assert check(findings, "image").summary == "dstack-0.5.8 (dstack 0.5.8) booted."
    assert check(findings, "image-hash").status is Status.PASS
    facts = {fact.name: fact for fact in findings.facts}
    assert facts["os.image"].value == "dstack-0.5.8"
    assert facts["os.rtmr2"].basis is Basis.ATTESTED


def test_measurements_of_an_unverified_quote_are_claimed() -> None:
    findings = judged(os_images.release(), genuine=False)
    bases = {fact.name: fact.basis for fact in findings.facts}
    assert bases["os.mrtd"] is Basis.CLAIMED
    assert check(findings, "image").anchors == ("a quote that was not verified here",)
    assert {found.status for found in findings.checks} == {Status.UNEVALUABLE, Status.SKIPPED}


def test_attack_13_a_real_dev_image_that_verifies_up_to_date_is_named_and_refused() -> None:
    findings = judged(os_images.of_boot(event_logs.near_2026()))
    assert wrong(findings) == {"release": Status.REFUSED}
    assert "dstack-dev-0.5.8" in check(findings, "release").summary
    assert "root" in check(findings, "release").summary


def test_attack_13_only_rtmr2_tells_dev_from_release() -> None:
    dev, release = os_images.dev(), os_images.release()
    assert (dev.mr_td, dev.rtmr1) == (release.mr_td, release.rtmr1)
    assert dev.rtmr2 != release.rtmr2


def test_a_dev_image_may_be_allowed() -> None:
    assert wrong(judged(os_images.dev(), OsPolicy(allow_dev=True))) == {}


def test_naming_a_dev_image_does_not_allow_it() -> None:
    findings = judged(os_images.dev(), OsPolicy(images=("dstack-dev-0.5.8",)))
    assert wrong(findings) == {"release": Status.REFUSED}


def test_attack_13_an_old_image_is_refused_by_a_policy_that_names_newer_ones() -> None:
    findings = judged(os_images.release(), OsPolicy(images=("dstack-0.5.9", "dstack-0.5.10")))
    assert wrong(findings) == {"accepted": Status.REFUSED}
    accepted = check(findings, "accepted")
    assert (accepted.expected, accepted.actual) == ("dstack-0.5.9 or dstack-0.5.10", "dstack-0.5.8")


@pytest.mark.parametrize(
    ("register", "field", "what"),
    [
        ("MRTD", "mr_td", "firmware"),
        ("RTMR1", "rtmr1", "kernel"),
        ("RTMR2", "rtmr2", "command line"),
    ],
)
def test_attack_11_an_image_of_ones_own_that_measures_the_right_events_is_unknown(
    register: str, field: str, what: str
) -> None:
    findings = judged(os_images.release().but(**{field: bytes(48)}))
    image = check(findings, "image")
    assert image.status is Status.REFUSED
    assert f"{register} differs from it" in image.details[-1]
    assert what in image.details[-1]
    assert check(findings, "release").status is Status.UNEVALUABLE
    assert check(findings, "accepted").status is Status.UNEVALUABLE


def test_attack_11_rtmr3_notices_nothing_of_another_operating_system() -> None:
    genuine = event_logs.phala()
    custom = replace(genuine, mr_td=bytes(48))
    log = rtmr3.judge(custom.examined(), Rtmr3Policy(), genuine=True, required=False)
    assert {c.status for c in log.checks} <= {Status.PASS, Status.SKIPPED}
    assert wrong(judged(os_images.of_boot(custom)))["image"] is Status.REFUSED


def test_attack_11_registers_of_two_images_are_no_image() -> None:
    release = os_images.release()
    table = load_table(None).model_dump(by_alias=True)
    other = {**table["images"][0], "name": "other", "mrtd": ["ab" * 48], "rtmr1": ["cd" * 48]}
    table["images"] = [*table["images"], other]
    mixed = release.but(mr_td=b"\xab" * 48)
    assert wrong(judged(mixed, table=json.dumps(table).encode()))["image"] is Status.REFUSED


@pytest.mark.parametrize("name", ["phala", "near 2025", "lite", "legacy", "simulator"])
def test_real_images_whose_name_is_not_known_are_refused(name: str) -> None:
    assert wrong(judged(os_images.of_boot(event_logs.REAL[name]())))["image"] is Status.REFUSED


def test_the_remedy_for_an_unknown_image_is_a_line_that_would_accept_it() -> None:
    measured = os_images.of_boot(event_logs.phala())
    image = check(judged(measured), "image")
    entry = json.loads((image.remedy or "").splitlines()[-1])
    table = {"schema": "sp1tee.os-images.v1", "images": [entry | {"name": "x", "source": "y"}]}
    assert wrong(judged(measured, table=json.dumps(table).encode())) == {}
    assert all(value.hex() in (image.actual or "") for value in (measured.mr_td, measured.rtmr1))


def test_any_of_several_firmware_values_will_do() -> None:
    entry = json.loads(load_table(None).images[0].model_dump_json())
    entry["mrtd"] = ["00" * 48, *entry["mrtd"]]
    table = {"schema": "sp1tee.os-images.v1", "images": [entry]}
    assert wrong(judged(os_images.release(), table=json.dumps(table).encode())) == {}


def test_with_an_empty_table_nothing_is_known_or_near() -> None:
    data = b'{"schema": "sp1tee.os-images.v1", "images": []}'
    findings = judged(os_images.release(), table=data)
    assert check(findings, "image").status is Status.REFUSED
    assert not any(fact.name == "os.nearest_image" for fact in findings.facts)


def test_a_kms_that_accepted_another_image_contradicts_what_booted() -> None:
    findings = judged(os_images.release(), os_image_hash=bytes(32))
    assert wrong(findings) == {"image-hash": Status.FAIL}


def test_without_a_kms_no_image_is_named() -> None:
    assert check(judged(os_images.release()), "image-hash").status is Status.SKIPPED


def test_rtmr0_is_shown_and_never_passes() -> None:
    for rtmr0 in (os_images.release().rtmr0, bytes(48)):
        findings = judged(os_images.release().but(rtmr0=rtmr0))
        shown = check(findings, "rtmr0")
        assert shown.status is Status.SKIPPED
        assert shown.actual == rtmr0.hex()
        assert "not known" in shown.summary


def test_codes_and_ids_are_unique() -> None:
    assert len({rule.code for rule in RULES}) == len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.code.startswith("SP1TEE-V5") for rule in RULES)


def test_every_check_that_does_not_hold_says_what_to_do() -> None:
    for measured in (os_images.dev(), os_images.release().but(rtmr1=bytes(48))):
        findings = judged(measured, OsPolicy(images=("other",)), os_image_hash=bytes(32))
        for found in findings.checks:
            if found.status in (Status.FAIL, Status.REFUSED, Status.UNEVALUABLE):
                assert found.remedy, found.id
