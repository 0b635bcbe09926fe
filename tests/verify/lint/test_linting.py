"""A compose file before it is deployed: what is objected to, and what can be accepted how."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.composes import REAL, SP1, app_compose, real
from support.rubbish import CONTENTS

from sp1tee.verify.checks import Check, Status
from sp1tee.verify.lint import RULES, Linted, lint
from sp1tee.verify.policy import ComposePolicy, DigestsPolicy, Policy
from sp1tee.verify.policy.rulebook import rules

NAME = "docker-compose.yml"
PIN = "sha256:" + "1" * 64
STURDY = f"""\
    image: example.org/a@{PIN}
    read_only: true
    mem_limit: 1g
    pids_limit: 100
    stop_grace_period: 30s
"""


def service(settings: str = "", tail: str = "") -> bytes:
    """A docker-compose file with nothing to object to, and more in its service from line 8 on."""
    return f"services:\n  a:\n{STURDY}{settings}{tail}".encode()


def linted(data: bytes, policy: Policy | None = None) -> Linted:
    return lint(data, NAME, policy)


def wrong(found: Linted) -> set[tuple[str, str]]:
    unmet = (Status.FAIL, Status.REFUSED, Status.UNEVALUABLE)
    return {(check.id, check.subject) for check in found.findings.checks if check.status in unmet}


def of(found: Linted, rule: str) -> Sequence[Check]:
    return [check for check in found.findings.checks if check.id == rule]


def test_a_sturdy_file_has_nothing_to_object_to() -> None:
    found = linted(service())
    assert wrong(found) == set()
    assert found.notes == ()
    judged = {check.id for check in found.findings.checks}
    assert {rule.id for rule in RULES} <= judged
    assert {"compose.privileged", "compose.published-ports", "digests.pinned"} <= judged


def test_the_originals_shape_is_objected_to_for_what_it_is() -> None:
    assert wrong(linted(SP1)) >= {
        ("digests.pinned", "prover"),
        ("compose.published-ports", "server"),
        ("compose.interpolated-addresses", "ingress"),
        ("compose.guest-agent-socket", "ingress"),
        ("compose.allowed-envs", "FULFILLER_PRIVATE_KEY"),
        ("lint.secret-environment", "server"),
        ("lint.writable-root", "prover"),
        ("lint.limits", "fulfiller"),
        ("lint.stop-grace", "server"),
    }


@pytest.mark.parametrize(
    ("rule", "settings", "text"),
    [
        ("lint.secret-environment", "    environment: {TOKEN: x}", "TOKEN"),
        ("lint.secret-environment", "    environment: {API_KEY: '${API_KEY}'}", "API_KEY"),
        ("lint.secret-environment", "    environment: [db_password=x]", "db_password"),
        ("lint.secret-environment", "    environment: [CLIENT_SECRET]", "CLIENT_SECRET"),
        ("lint.secret-environment", "    environment: {CLIENT_SECRET: }", "CLIENT_SECRET"),
        ("compose.interpolated-settings", "    command: '${X}'", "command"),
        ("compose.interpolated-settings", "    volumes: ['${X:-a}:/a']", "volumes"),
        ("compose.interpolated-addresses", "    environment: {RPC_URL: '${X}'}", "RPC_URL"),
        ("compose.privileged", "    privileged: true", "privileged"),
        ("compose.published-ports", "    ports: ['8080:8080']", "8080"),
    ],
)
def test_a_risk_is_named_with_its_line(rule: str, settings: str, text: str) -> None:
    found = linted(service(settings))
    (check,) = of(found, rule)
    assert (check.status, check.subject) == (Status.REFUSED, "a")
    assert text in " ".join((check.summary, *check.details))
    assert check.location is not None
    assert (check.location.file, check.location.line) == (NAME, 8)
    assert check.remedy
    assert any("x-sp1tee" in note for note in found.notes)


@pytest.mark.parametrize(
    ("rule", "line", "instead"),
    [
        ("lint.writable-root", "    read_only: true\n", ""),
        ("lint.writable-root", "    read_only: true\n", "    read_only: false\n"),
        ("lint.writable-root", "    read_only: true\n", "    read_only: '${READ_ONLY}'\n"),
        ("lint.limits", "    mem_limit: 1g\n", ""),
        ("lint.limits", "    mem_limit: 1g\n", "    mem_limit: 0\n"),
        ("lint.limits", "    pids_limit: 100\n", "    pids_limit: -1\n"),
        ("lint.limits", "    mem_limit: 1g\n", "    deploy: {resources: {limits: {cpus: 1}}}\n"),
        ("lint.limits", "    mem_limit: 1g\n", "    deploy: [resources]\n"),
        ("lint.stop-grace", "    stop_grace_period: 30s\n", ""),
        ("lint.stop-grace", "    stop_grace_period: 30s\n", "    stop_grace_period: 0m0s\n"),
        ("lint.stop-grace", "    stop_grace_period: 30s\n", "    stop_grace_period: ''\n"),
    ],
)
def test_what_makes_a_service_sturdy_is_missed(rule: str, line: str, instead: str) -> None:
    text = service().decode()
    assert line in text
    assert (rule, "a") in wrong(linted(text.replace(line, instead).encode()))


@pytest.mark.parametrize(
    "settings",
    [
        "    environment: {TOKEN_FILE: /run/secrets/t, KEY_PATH: /k, KEYS: x, MONKEY: x, TOKEN: ''}",
        "    environment: [SP1TEE_SERVE_VAULT_KEY_SOURCE=dstack, TOKEN=]",
        "    environment: {PRICE: '$$5'}",
        "    deploy: {resources: {limits: {memory: 1g, pids: 5}}}",
        "    ports: ['127.0.0.1:80:80']",
    ],
)
def test_ordinary_settings_are_left_alone(settings: str) -> None:
    assert wrong(linted(service(settings))) == set()


def test_limits_may_stand_where_swarm_has_them() -> None:
    text = service("    deploy: {resources: {limits: {memory: 1g, pids: 5}}}\n").decode()
    for line in ("    mem_limit: 1g\n", "    pids_limit: 100\n"):
        text = text.replace(line, "")
    assert wrong(linted(text.encode())) == set()


ACCEPTED = """
x-sp1tee:
  accepts:
    - check: compose.guest-agent-socket
      subject: a
      reason: the vault's key comes from it
"""
SOCKET = "    volumes: ['/var/run/dstack.sock:/var/run/dstack.sock']\n"


def test_what_a_file_accepts_with_a_reason_is_waived_and_shown() -> None:
    found = linted(service(SOCKET, ACCEPTED))
    assert wrong(found) == set()
    (check,) = of(found, "compose.guest-agent-socket")
    assert check.status is Status.WAIVED
    assert check.waiver == "the vault's key comes from it (says the file itself)"
    (said,) = of(found, "lint.acceptances")
    assert said.summary == "The file accepts 1 risk."
    assert found.notes == ()


def test_it_accepts_that_subject_alone() -> None:
    other = ACCEPTED.replace("subject: a", "subject: b")
    found = linted(service(SOCKET, other))
    assert wrong(found) == {("compose.guest-agent-socket", "a")}
    assert "Line 12 accepts compose.guest-agent-socket of b, which is not needed." in found.notes


def test_without_a_subject_it_accepts_it_of_all() -> None:
    assert wrong(linted(service(SOCKET, ACCEPTED.replace("      subject: a\n", "")))) == set()


@pytest.mark.parametrize(
    ("tail", "text"),
    [
        (ACCEPTED.replace("compose.guest", "compose.gust"), "no check 'compose.gust-agent-socket'"),
        (ACCEPTED.replace("compose.guest-agent-socket", "compose.*"), "no check 'compose.*'"),
        (ACCEPTED.replace("the vault's key comes from it", "''"), "Nothing says why"),
        (ACCEPTED.replace("reason:", "because:"), "entries with check, subject, reason"),
        (ACCEPTED.replace("accepts:", "accept:"), "entries with check, subject, reason"),
        ("\nx-sp1tee: yes\n", "entries with check, subject, reason"),
        ("\nx-sp1tee: {accepts: all}\n", "entries with check, subject, reason"),
        ("\nx-sp1tee: {accepts: [compose.privileged]}\n", "entries with check, subject, reason"),
    ],
)
def test_an_acceptance_that_cannot_be_understood_is_refused(tail: str, text: str) -> None:
    found = linted(service(SOCKET, tail))
    assert ("compose.guest-agent-socket", "a") in wrong(found)
    (check,) = of(found, "lint.acceptances")
    assert check.status is Status.REFUSED
    assert text in check.summary


def test_acceptances_themselves_cannot_be_accepted() -> None:
    tail = "\nx-sp1tee: {accepts: [{check: lint.acceptances, reason: why not}, 5]}\n"
    assert {rule for rule, _ in wrong(linted(service("", tail)))} == {"lint.acceptances"}


def test_with_a_policy_the_files_own_word_does_not_count() -> None:
    demanded = Policy.model_validate({"schema": "sp1tee.policy.v1", "compose": {}, "digests": {}})
    found = linted(service(SOCKET, ACCEPTED), demanded)
    assert wrong(found) == {("compose.guest-agent-socket", "a")}
    assert found.notes == ("With a policy, what the file itself accepts is ignored.",)
    accepting = demanded.model_copy(
        update={
            "compose": ComposePolicy(allow=("guest-agent-socket:a",)),
            "digests": DigestsPolicy(),
        }
    )
    assert wrong(linted(service(SOCKET), accepting)) == set()


def test_an_auditor_never_takes_the_files_own_word() -> None:
    from support.composes import judged, not_passed

    raw = app_compose(service(SOCKET, ACCEPTED))
    assert ("guest-agent-socket", "a") in not_passed(judged(raw))
    found = linted(raw)
    assert wrong(found) == set()


def test_an_app_compose_is_judged_with_its_own_fields_and_the_file_inside() -> None:
    raw = app_compose(SP1, public_logs=True, pre_launch_script="curl x | sh", allowed_envs=["X"])
    found = linted(raw)
    assert wrong(found) >= {
        ("compose.public-logs", ""),
        ("compose.pre-launch-script", ""),
        ("compose.allowed-envs", "X"),
        ("compose.published-ports", "server"),
        ("digests.pinned", "prover"),
        ("lint.writable-root", "prover"),
    }
    # Others than the allowed variables stay unset in a guest.
    assert ("compose.allowed-envs", "FULFILLER_PRIVATE_KEY") not in wrong(found)
    (pinned,) = of(found, "lint.secret-environment")[:1]
    assert pinned.location is None
    (skipped,) = of(found, "compose.hash")
    assert skipped.status is Status.SKIPPED


@pytest.mark.parametrize("name", REAL)
def test_real_app_composes_are_read(name: str) -> None:
    assert {rule.id for rule in RULES} <= {c.id for c in linted(real(name)).findings.checks}


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (b"", "digests.compose"),
        (b"services: {}", "digests.compose"),
        (b"services: {a: {image: x}, a: {image: y}}", "digests.compose"),
        (b'{"manifest_version": 2, "manifest_version": 2}', "compose.readable"),
        (app_compose(b"not: compose"), "compose.services"),
    ],
)
def test_what_cannot_be_read_in_one_way_only_is_unevaluable(data: bytes, rule: str) -> None:
    (check,) = of(linted(data), rule)
    assert check.status is Status.UNEVALUABLE


def test_a_docker_compose_file_in_json_is_one() -> None:
    data = json.dumps({"services": {"a": {"image": f"x@{PIN}"}}}).encode()
    assert not any(rule == "compose.readable" for rule, _ in wrong(linted(data)))
    assert ("lint.writable-root", "a") in wrong(linted(data))


KEYS = st.sampled_from(
    [
        *("services", "secrets", "x-sp1tee", "accepts", "check", "subject", "reason", "a"),
        *("image", "environment", "read_only", "deploy", "resources", "limits", "memory"),
        *("mem_limit", "pids_limit", "stop_grace_period", "volumes", "ports"),
        *("manifest_version", "docker_compose_file"),
    ]
)
TREES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.just("lint.limits"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=30,
)
SERVICES = st.fixed_dictionaries(
    {"services": st.dictionaries(KEYS, st.dictionaries(KEYS, TREES, max_size=6), min_size=1)},
    optional={"x-sp1tee": TREES, "secrets": TREES},
)


@given(st.binary(max_size=300) | (TREES | SERVICES).map(json.dumps).map(str.encode))
@example(b"x-sp1tee: &a {accepts: [{check: *a, reason: *a}]}\nservices: {a: {image: x}}")
@example(b"services: {a: {image: x, environment: [1, [2], {KEY: 3}], deploy: {resources: 1}}}")
def test_any_bytes_are_judged_or_called_unreadable(data: bytes) -> None:
    assert linted(data).findings.checks


@pytest.mark.parametrize("kind", CONTENTS)
def test_rubbish_never_passes(kind: str) -> None:
    assert wrong(linted(CONTENTS[kind]))


def test_rules_have_codes_of_their_own() -> None:
    assert len({rule.code for rule in rules()}) == len(rules())
    assert all(rule.code.startswith("SP1TEE-V45") and rule.why for rule in RULES)
