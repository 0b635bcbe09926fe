"""What a compose file says about its images, before anybody is asked."""

import pytest
from support.digests import check, evidence, look, statuses
from support.oci import image

from sp1tee.verify.checks import Location, Status
from sp1tee.verify.compose import parse_compose
from sp1tee.verify.digests import RULES, Served, judge
from sp1tee.verify.digests.documents import OCI_MANIFEST
from sp1tee.verify.policy.model import DigestsPolicy

PIN = f"sha256:{'ab' * 32}"


def judged(text: str):
    return judge(parse_compose(text.encode(), "docker-compose.yml"), {}, DigestsPolicy())


def test_every_rule_has_its_own_code():
    assert len({rule.code for rule in RULES}) == len(RULES)
    assert all(rule.code.startswith("SP1TEE-V7") for rule in RULES)


@pytest.mark.parametrize("image", ["sp1-gpu:86a2bbf", "public.ecr.aws/x/sp1-gpu:latest", "nginx"])
def test_attack_35_an_image_by_a_mutable_tag_is_refused_with_its_line(image: str):
    found = check(look(image), "pinned")
    assert found.status is Status.REFUSED
    assert found.location == Location("docker-compose.yml", 3)
    assert found.expected == f"{image}@sha256:…"


def test_attack_35_the_digest_to_pin_is_shown_where_a_registry_says_what_the_tag_is_now():
    made = image()
    tagged = (Served("https://r/", made.digest, None, OCI_MANIFEST, made.manifest),)
    found = check(look("nginx:1.25", tagged), "pinned")
    assert found.status is Status.REFUSED
    assert found.remedy
    assert f"`image: nginx:1.25@{made.digest}`" in found.remedy


@pytest.mark.parametrize(
    "image", ["${IMAGE}", "$IMAGE", f"repo/${{NAME}}@{PIN}", f"x@{PIN[:-1]}${{D}}", "x:${TAG:-1}"]
)
def test_attack_36_a_variable_in_an_image_is_refused(image: str):
    found = check(look(image), "literal")
    assert (found.status, found.actual) == (Status.REFUSED, image)
    assert found.location == Location("docker-compose.yml", 3)


def test_attack_54_a_tag_beside_a_pin_has_no_say():
    made = image()
    findings = look(f"nginx:1.25@{made.digest}", evidence(made))
    assert check(findings, "pinned").status is Status.PASS
    assert "Its tag '1.25' has no say." in check(findings, "pinned").summary
    assert check(findings, "served").actual == made.digest


def test_a_service_that_is_built_where_it_runs_is_refused():
    findings = judged("services:\n  a:\n    build: .\n")
    assert check(findings, "named").status is Status.REFUSED
    assert check(findings, "named").location == Location("docker-compose.yml", 3)


def test_a_pin_beside_a_build_does_not_help():
    findings = judged(f"services:\n  a:\n    image: x@{PIN}\n    build: {{context: .}}\n")
    assert check(findings, "named").status is Status.REFUSED


def test_a_service_without_any_image_is_refused():
    assert check(judged("services:\n  a:\n    command: ls\n"), "named").status is Status.REFUSED


def test_included_files_are_refused():
    findings = judged(f"include: [other.yml]\nservices:\n  a:\n    image: x@{PIN}\n")
    assert check(findings, "complete").status is Status.REFUSED
    assert check(findings, "complete").location == Location("docker-compose.yml", 1)


@pytest.mark.parametrize(
    "service",
    [f"image: x@{PIN}\n    extends: {{file: other.yml, service: b}}", "extends: {service: b}"],
)
def test_what_is_extended_from_elsewhere_is_refused(service: str):
    findings = judged(f"services:\n  a:\n    {service}\n")
    assert check(findings, "complete").status is Status.REFUSED
    assert statuses(findings)["named"] == "pass"


def test_an_image_mounted_as_a_volume_needs_a_pin_as_well():
    findings = judged(
        f"services:\n  a:\n    image: x@{PIN}\n    volumes:\n"
        "      - type: image\n        source: tools:latest\n        target: /tools\n"
    )
    assert check(findings, "pinned", "a").status is Status.PASS
    assert check(findings, "pinned", "a /tools").status is Status.REFUSED


def test_a_name_that_is_none_cannot_be_evaluated():
    found = check(look("UPPER CASE"), "reference")
    assert (found.status, found.reason) == (Status.UNEVALUABLE, "SP1TEE-V002")


def test_a_policy_may_let_a_service_go_without_a_pin_and_that_stays_visible():
    findings = look("nginx:1", policy=DigestsPolicy(allow_unpinned=("server",)))
    assert check(findings, "pinned").status is Status.SKIPPED
    assert "is not known" in check(findings, "pinned").summary


def test_what_the_file_says_is_a_claim_only():
    (fact,) = look("nginx:1").facts
    assert (fact.name, fact.value, fact.basis) == ("digests.server.image", "nginx:1", "claimed")
