"""A policy that fits passes the honest host, and each attack is caught by a rule that it names."""

from importlib import import_module
from pathlib import Path

import pytest

from sp1tee.sim.ingress import ATTACKS, Host, Served, attacked, build, reader, saved
from sp1tee.verify.appraisal import RULES, Appraisal, Trust
from sp1tee.verify.checks import Status
from sp1tee.verify.policy.reading import parse_policy
from sp1tee.verify.verdict import Verdict, verdict

HONEST = Host(at=1_790_000_000)
ROOMS = ("caa", "cert", "compose", "digests", "ingress", "osimage", "quote", "rtmr3")
CAUGHT = {Status.FAIL, Status.REFUSED, Status.UNEVALUABLE}
EVERY = pytest.mark.parametrize("name", ATTACKS)


@pytest.fixture(scope="module")
def reading() -> dict[str, bytes]:
    return reader.files(HONEST)


def appraise(served: Served, folder: dict[str, bytes]) -> Appraisal:
    trust = Trust(
        tls_roots=folder["ca.pem"],
        quote_root=folder["intel-root.der"],
        ct_logs=folder["ct-logs.json"],
        os_images=folder["os-images.json"],
    )
    policy = parse_policy(folder[reader.POLICY], Path(reader.POLICY)).policy
    bundle = saved.save(served)
    return Appraisal(bundle, policy, HONEST.at, trust, published=folder["docker-compose.yml"])


def test_an_honest_host_passes(reading: dict[str, bytes]) -> None:
    checks = appraise(build(HONEST), reading).findings().checks
    assert [check.id for check in checks if check.status in CAUGHT] == []
    assert verdict(checks) is Verdict.PASS


def test_a_host_of_the_older_layout_passes(reading: dict[str, bytes]) -> None:
    older = build(Host(at=HONEST.at, single_file=True))
    assert verdict(appraise(older, reading).findings().checks) is Verdict.PASS


@EVERY
def test_every_attack_is_caught_by_a_rule_that_it_names(
    name: str, reading: dict[str, bytes]
) -> None:
    checks = appraise(build(attacked(HONEST, [name])), reading).findings().checks
    caught = {check.id for check in checks if check.status in CAUGHT}
    assert caught & set(ATTACKS[name].expects), sorted(caught)
    assert verdict(checks) is not Verdict.PASS


def test_attack_10_a_genuine_guest_with_another_application_fails_by_its_pins_alone(
    reading: dict[str, bytes],
) -> None:
    served = build(attacked(HONEST, ["another-application"]))
    checks = {check.id: check for check in appraise(served, reading).findings().checks}
    genuine = ("quote.signature", "quote.report-data", "rtmr3.replay", "os.image", "compose.hash")
    assert {checks[name].status for name in genuine} == {Status.PASS}
    assert checks["rtmr3.app-id"].status is Status.FAIL
    assert checks["rtmr3.compose-hash"].status is Status.FAIL


def test_rules_that_attacks_name_are_rules() -> None:
    known = {rule.id for rule in RULES}
    for room in ROOMS:
        known |= {rule.id for rule in import_module(f"sp1tee.verify.{room}.rules").RULES}
    assert {rule for attack in ATTACKS.values() for rule in attack.expects} <= known


@EVERY
def test_whatever_spoils_a_verdict_says_what_to_do_next(
    name: str, reading: dict[str, bytes]
) -> None:
    checks = appraise(build(attacked(HONEST, [name])), reading).findings().checks
    assert [check.id for check in checks if check.status in CAUGHT and not check.remedy] == []


def test_no_check_of_a_quote_that_is_not_genuine_lends_weight_to_the_evidence(
    reading: dict[str, bytes],
) -> None:
    checks = appraise(build(attacked(HONEST, ["simulator"])), reading).findings().checks
    status = {check.id: check.status for check in checks}
    for rule in ("ingress.quote", "compose.mr-config-id", "evidence.same-guest", "rtmr3.app-id"):
        assert status[rule] is Status.UNEVALUABLE
