"""The whole room: what was measured, what was published, and what comes from outside."""

import hashlib
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.composes import (
    DATA,
    REAL,
    SP1,
    app_compose,
    by_rule,
    judged,
    not_passed,
    one,
    real,
    service,
)

from sp1tee.errors import VerifyError
from sp1tee.verify.checks import Rule, Status
from sp1tee.verify.compose import RULES
from sp1tee.verify.facts import Basis
from sp1tee.verify.policy import ComposePolicy

SP1_ENVS = ("DSTACK_GATEWAY_DOMAIN", "CLOUDFLARE_API_TOKEN", "FULFILLER_PRIVATE_KEY")
SP1_APP = app_compose(allowed_envs=SP1_ENVS)
SP1_POLICY = ComposePolicy(
    allowed_envs=SP1_ENVS,
    allow=("guest-agent-socket:ingress", "interpolated-addresses:ingress", "published-ports"),
)


@pytest.mark.parametrize("name", REAL)
def test_a_real_file_is_what_its_measured_hash_says(name: str):
    check = one(judged(real(name)), "hash")

    assert check.status is Status.PASS
    assert check.expected == hashlib.sha256(real(name)).hexdigest()
    assert "user_config" in check.details[0]


def test_a_fitting_policy_accepts_a_private_prover():
    assert not not_passed(judged(SP1_APP, SP1_POLICY, published=SP1))


def test_an_empty_policy_accepts_nothing_of_it():
    assert not_passed(judged(SP1_APP)) == {
        ("published", ""),
        *(("allowed-envs", name) for name in SP1_ENVS),
        ("interpolated-addresses", "ingress"),
        ("guest-agent-socket", "ingress"),
        ("published-ports", "server"),
    }


def test_the_simulators_shipped_file_is_not_the_measured_one():
    raw = (DATA / "attestation/dstack-simulator-head/app-compose.json").read_bytes()

    check = one(judged(raw, compose_hash=bytes.fromhex("c143116f" + "00" * 28)), "hash")

    assert check.status is Status.FAIL
    assert (check.actual or "").startswith("65b4e574")


def test_the_hash_is_of_the_measured_bytes_and_not_of_prettier_ones():
    import json

    pretty = (DATA / "attestation/dstack-simulator-v0.5.0/app-compose.json").read_bytes()
    compact = json.dumps(json.loads(pretty), separators=(",", ":")).encode()
    measured = hashlib.sha256(compact).digest()
    assert measured.hex().startswith("ea549f02")

    assert one(judged(pretty, compose_hash=measured), "hash").status is Status.FAIL
    assert one(judged(compact, compose_hash=measured), "hash").status is Status.PASS


def test_attack_33_a_reserialised_file_fails():
    import json

    raw = real("dstack-phala-prod8-2025-10")
    again = json.dumps(json.loads(raw), sort_keys=True).encode()

    check = one(judged(again, compose_hash=hashlib.sha256(raw).digest()), "hash")

    assert check.status is Status.FAIL


def test_a_line_break_that_a_shell_added_is_recognised():
    check = one(judged(SP1_APP + b"\n", compose_hash=hashlib.sha256(SP1_APP).digest()), "hash")

    assert check.status is Status.FAIL
    assert check.details == (
        "It differs from the measured one only by a line break at the end that is not measured.",
    )


def test_without_an_event_nothing_is_known_about_the_bytes():
    from sp1tee.verify.compose import examine, judge

    for required, status in ((True, Status.UNEVALUABLE), (False, Status.SKIPPED)):
        findings = judge(
            examine(SP1_APP),
            ComposePolicy(),
            compose_hash=None,
            mr_config_id=None,
            published=None,
            genuine=True,
            required=required,
        )
        assert one(findings, "hash").status is status
        assert one(findings, "published").status is status
        assert {fact.basis for fact in findings.facts} == {Basis.COMPUTED, Basis.CLAIMED}


def test_facts_are_attested_only_by_a_genuine_quote_over_these_bytes():
    def basis(**known: object) -> Basis:
        facts = judged(SP1_APP, **known).facts  # type: ignore[arg-type]
        return next(fact.basis for fact in facts if fact.name == "compose.runner")

    assert basis() is Basis.ATTESTED
    assert basis(genuine=False) is Basis.CLAIMED
    assert one(judged(SP1_APP, genuine=False), "hash").status is Status.UNEVALUABLE
    assert basis(compose_hash=bytes(32)) is Basis.CLAIMED


def test_attack_34_another_docker_compose_file_than_the_published_fails_with_a_diff():
    inside = SP1.replace(b"https://rpc.mainnet", b"https://rpc.evil")

    check = one(judged(app_compose(inside), published=SP1), "published")

    assert check.status is Status.FAIL
    assert check.location is not None
    assert (check.location.file, check.location.line) == ("docker-compose.yml", 23)
    assert any("rpc.evil" in line for line in check.details)


def test_the_published_file_inside_a_real_app_compose_is_the_published_one():
    folder = DATA / "attestation/dstack-near-mpc-2026-08"
    published = (folder / "launcher_image_compose.yaml").read_bytes()

    check = one(judged(real(folder.name), published=published), "published")

    assert check.status is Status.PASS


def test_a_final_line_break_that_was_lost_is_named():
    check = one(judged(app_compose(SP1.rstrip(b"\n")), published=SP1), "published")

    assert check.status is Status.FAIL
    assert "Only the end differs" in check.summary


def test_the_published_file_may_be_named_by_its_digest():
    good = ComposePolicy(docker_compose_sha256=hashlib.sha256(SP1).hexdigest())
    bad = ComposePolicy(docker_compose_sha256="00" * 32)

    assert one(judged(SP1_APP, good), "published").status is Status.PASS
    assert one(judged(SP1_APP, bad), "published").status is Status.FAIL
    assert one(judged(SP1_APP, bad, published=SP1), "published").status is Status.FAIL


def test_a_named_file_that_was_not_read_is_a_gap():
    from pathlib import Path

    policy = ComposePolicy(docker_compose=Path("docker-compose.yml"))

    assert one(judged(SP1_APP, policy), "published").status is Status.UNEVALUABLE


def test_lines_of_what_runs_are_not_told_as_lines_of_another_file():
    compose = service("    privileged: true\n")

    check = one(judged(app_compose(compose), published=SP1), "privileged")

    assert check.location is None
    assert check.details == ("line 4: privileged",)


def test_attack_34_a_docker_compose_file_that_can_be_read_in_two_ways_passes_nothing():
    compose = b"services:\n  a: {image: x}\nservices:\n  a: {image: x, privileged: true}\n"

    findings = judged(app_compose(compose))

    assert one(findings, "services").status is Status.UNEVALUABLE
    assert one(findings, "services").reason == "SP1TEE-V002"
    for rule in ("privileged", "docker-socket", "interpolated-settings", "certificate-volume"):
        assert one(findings, rule).status is Status.UNEVALUABLE


def test_without_a_docker_compose_file_nothing_about_services_passes():
    findings = judged(app_compose(docker_compose_file=None), published=SP1)

    assert one(findings, "published").status is Status.FAIL
    assert one(findings, "services").status is Status.UNEVALUABLE


def test_attack_36_a_variable_in_an_image_is_refused_wherever_its_value_comes_from():
    compose = b"services:\n  a:\n    image: x:${TAG:-1}\n"
    policy = ComposePolicy(allowed_envs=("TAG",))

    check = one(
        judged(app_compose(compose, allowed_envs=["TAG"]), policy, published=compose),
        "interpolated-settings",
    )

    assert (check.status, check.subject) == (Status.REFUSED, "a")
    assert check.details == ("line 3: takes image from ${TAG}",)


@pytest.mark.parametrize(
    "settings",
    [
        "    command: [sh, -c, 'run $X']\n",
        "    entrypoint: ${X}\n",
        "    volumes: ['${X}:/d']\n",
        "    privileged: ${X}\n",
        "    labels: {a: '${X:-b}'}\n",
    ],
)
def test_attack_36_a_variable_that_decides_what_runs_is_refused(settings: str):
    found = not_passed(judged(app_compose(service(settings), allowed_envs=["X"])))

    assert ("interpolated-settings", "a") in found


@pytest.mark.parametrize(
    "setting",
    [
        "NETWORK_RPC_URL: ${X}",
        "TARGET: 'https://${X}/'",
        "DB_HOST: $X",
        "PROXY: ${X}",
        "X_DOMAIN: ${X:-d}",
    ],
)
def test_attack_36_a_variable_in_an_address_is_refused(setting: str):
    compose = service(f"    environment:\n      {setting}\n")
    policy = ComposePolicy(allowed_envs=("X",))

    found = not_passed(judged(app_compose(compose, allowed_envs=["X"]), policy, published=compose))

    assert found == {("interpolated-addresses", "a")}


def test_attack_36_a_name_without_a_value_takes_the_variable_of_that_name():
    for environment in ("[RPC_URL]", "{RPC_URL: }"):
        compose = service(f"    environment: {environment}\n")
        found = not_passed(judged(app_compose(compose, allowed_envs=["RPC_URL"])))
        assert ("interpolated-addresses", "a") in found


def test_attack_36_a_variable_that_nobody_may_set_stays_what_the_file_says():
    compose = service("    environment: ['RPC_URL=${RPC_URL:-https://x}']\n")

    assert not not_passed(judged(app_compose(compose), published=compose))


def test_attack_36_variables_beyond_the_policy_are_named_with_where_they_go():
    policy = ComposePolicy(allowed_envs=("CLOUDFLARE_API_TOKEN",))

    checks = {c.subject: c for c in by_rule(judged(SP1_APP, policy, published=SP1), "allowed-envs")}

    assert checks["CLOUDFLARE_API_TOKEN"].status is Status.PASS
    refused = checks["FULFILLER_PRIVATE_KEY"]
    assert refused.status is Status.REFUSED
    assert refused.details == ("line 25: server environment.FULFILLER_PRIVATE_KEY",)
    assert refused.location is not None
    assert refused.location.line == 25


SCRIPT = "#!/bin/bash\n# curl in a comment\ncat /dstack/user_config | jq .ssh_authorized_keys\n"


def test_attack_37_a_script_that_nobody_pinned_is_refused_with_its_digest():
    digest = hashlib.sha256(SCRIPT.encode()).hexdigest()

    check = one(judged(app_compose(pre_launch_script=SCRIPT)), "pre-launch-script")

    assert check.status is Status.REFUSED
    assert f'pre_launch_script_sha256 = "{digest}"' in (check.remedy or "")


def test_attack_37_another_script_than_the_pinned_fails():
    policy = ComposePolicy(pre_launch_script_sha256="00" * 32)

    for fields in ({"pre_launch_script": SCRIPT}, {}):
        check = one(judged(app_compose(**fields), policy), "pre-launch-script")
        assert check.status is Status.FAIL


def test_attack_37_the_pinned_script_passes():
    policy = ComposePolicy(pre_launch_script_sha256=hashlib.sha256(SCRIPT.encode()).hexdigest())

    check = one(judged(app_compose(pre_launch_script=SCRIPT), policy), "pre-launch-script")

    assert check.status is Status.PASS


def test_attack_38_what_reads_the_unmeasured_user_config_is_pointed_at():
    check = one(judged(app_compose(pre_launch_script=SCRIPT)), "pre-launch-script")

    assert check.details[0].startswith("line 3 reads user_config, which is not measured")
    assert "Neither can be seen in evidence" in check.details[-1]


def test_init_scripts_are_pinned_one_by_one():
    good = hashlib.sha256(b"good").hexdigest()
    raw = app_compose(init_script=["good", "bad"])

    checks = by_rule(judged(raw, ComposePolicy(init_script_sha256=(good,))), "init-script")

    assert [check.status for check in checks] == [Status.PASS, Status.FAIL]


def test_every_real_configuration_is_judged_rule_by_rule():
    for name in REAL:
        seen = {check.id for check in judged(real(name)).checks}
        assert seen == {rule.id for rule in RULES}


def test_rules_have_their_own_ids_and_codes_in_the_rooms_block():
    assert len({rule.id for rule in RULES}) == len({rule.code for rule in RULES}) == len(RULES)
    assert all(rule.code.startswith("SP1TEE-V4") for rule in RULES)
    pinned = [rule.id for rule in RULES if not rule.waivable]
    assert pinned == ["compose.readable", "compose.hash"]
    assert all(isinstance(rule, Rule) and rule.why for rule in RULES)


@pytest.mark.parametrize(
    "raw",
    [
        app_compose(allowed_envs=[f"V{i}" for i in range(20_000)]),
        app_compose(service("    environment: [" + "$A," * 15_000 + "]"), allowed_envs=["A"]),
        app_compose(
            service(
                "    volumes:\n" + "".join(f"    - v{i}:/etc/letsencrypt\n" for i in range(4000))
            )
        ),
        app_compose(service(f"    command: '{'${' * 30_000}'"), allowed_envs=["A"]),
        app_compose(service(f"    volumes: ['{'/a' * 60_000}:/b']")),
        app_compose(pre_launch_script="user_config curl\n" * 12_000),
    ],
    ids=["variables", "uses", "certificates", "braces", "path", "script"],
)
def test_a_hostile_file_costs_little(raw: bytes):
    # What grew with the square of such an input would keep this test busy for minutes.
    assert len(judged(raw).checks) < 500


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.sampled_from(["volumes", "ports", "environment", "security_opt", "secrets", "pid"]),
        st.recursive(
            st.none() | st.booleans() | st.text("a/:${}.= \n1", max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["type", "source", "target", "x"]), inner)
            ),
            max_leaves=5,
        ),
    )
)
def test_no_settings_bring_an_exception(content: dict[str, object]):
    import json

    compose = json.dumps({"services": {"a": content}, **content}).encode()

    with suppress(VerifyError):
        judged(app_compose(compose, allowed_envs=["a"]))
