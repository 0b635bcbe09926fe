"""`sp1tee verify rtmr3`."""

import json
from pathlib import Path
from typing import Any

import pytest
from support import event_logs, quotes_real
from support.commands import Ran, Run
from support.event_logs import DATA

PHALA = DATA / "dstack-phala-prod8-2025-10"
NEAR = DATA / "dstack-near-mpc-2026-08"
APP = "ab84a54bdaf082be00ea40e8e37bdeb5c15c58de"
COMPOSE = "62dd36d22b7d704aaa4d598226801ed4e6a3bfd17dde762b2efd9876768be800"
VERIFIED = (
    *("--quote", PHALA / "quote.json", "--collateral", PHALA / "collateral.json"),
    *("--at", quotes_real.PHALA.middle),
)
TRUSTED = ("--quote", PHALA / "quote.json", "--trust-quote")


def report(ran: Ran) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(ran.out)
    return told


def statuses(ran: Ran) -> dict[str, str]:
    return {check["id"]: check["status"] for check in report(ran)["checks"]}


@pytest.fixture
def rtmr3(sp1tee: Run) -> Run:
    def run(*arguments: object) -> Ran:
        return sp1tee("verify", "rtmr3", *arguments, "--format", "json")

    return run


def test_a_real_chain_is_verified_whole(rtmr3: Run) -> None:
    ran = rtmr3(
        *VERIFIED,
        *("--app-id", APP, "--compose-hash", f"0x{COMPOSE.upper()}"),
        *("--app-compose", PHALA / "app_compose.raw.json"),
    )
    assert ran.code == 0
    told = statuses(ran)
    wanted = ("quote", "replay", "app-id", "compose-hash", "app-compose")
    assert {told[f"rtmr3.{name}"] for name in wanted} == {"pass"}
    assert report(ran)["facts"]["rtmr3.app_id"]["basis"] == "attested"
    names = [entry["name"] for entry in report(ran)["inputs"]]
    assert names == ["quote", "collateral", "app-compose"]


def test_outside_its_time_the_same_chain_is_not_verified(rtmr3: Run) -> None:
    ran = rtmr3(*VERIFIED[:-1], quotes_real.PHALA.last + 86_400)
    assert ran.code == 1
    assert statuses(ran)["rtmr3.quote"] == "unevaluable"
    assert report(ran)["facts"]["rtmr3.app_id"]["basis"] == "claimed"


def test_without_collateral_and_network_the_quote_is_not_verified(rtmr3: Run) -> None:
    ran = rtmr3("--quote", PHALA / "quote.json", "--offline")
    assert ran.code == 3
    assert statuses(ran)["rtmr3.quote"] == "unevaluable"
    assert statuses(ran)["rtmr3.replay"] == "pass"


def test_a_quote_verified_elsewhere_is_said_to_be(rtmr3: Run) -> None:
    ran = rtmr3(*TRUSTED, "--app-id", APP)
    assert ran.code == 0
    quote = next(c for c in report(ran)["checks"] if c["id"] == "rtmr3.quote")
    assert quote["status"] == "skipped"
    assert "was not checked here" in quote["summary"]
    assert not any(name.startswith("quote.") for name in statuses(ran))
    assert report(ran)["facts"]["rtmr3.app_id"]["basis"] == "claimed"


@pytest.mark.parametrize("flag", ["--collateral", "--pccs"])
def test_trusting_and_verifying_exclude_each_other(rtmr3: Run, flag: str) -> None:
    ran = rtmr3(*TRUSTED, flag, "x")
    assert ran.code == 2
    assert "--trust-quote" in ran.err


@pytest.mark.parametrize(
    ("flag", "value", "name"),
    [
        ("--app-id", "00" * 20, "app-id"),
        ("--compose-hash", "00" * 32, "compose-hash"),
        ("--os-image-hash", "00" * 32, "os-image-hash"),
        ("--instance-id", "00" * 20, "instance-id"),
        ("--key-provider", "none", "key-provider"),
        ("--key-provider", '{"name": "local-sgx", "id": "' + "00" * 32 + '"}', "key-provider"),
    ],
    ids=["app", "compose", "image", "instance", "no provider", "provider"],
)
def test_each_pin_that_differs_fails_its_own_check(
    rtmr3: Run, flag: str, value: str, name: str
) -> None:
    ran = rtmr3(*TRUSTED, flag, value)
    assert ran.code == 1
    failed = {check for check, status in statuses(ran).items() if status == "fail"}
    assert failed == {f"rtmr3.{name}"}


def test_one_of_several_accepted_compose_hashes_is_enough(rtmr3: Run) -> None:
    ran = rtmr3(*TRUSTED, "--compose-hash", "00" * 32, "--compose-hash", COMPOSE)
    assert ran.code == 0


def test_the_pinned_key_provider_passes(rtmr3: Run) -> None:
    payload = event_logs.named(event_logs.phala().log, "key-provider")["event_payload"]
    provider = json.loads(bytes.fromhex(payload))
    ran = rtmr3(*TRUSTED, "--key-provider", f"kms:{provider['id']}")
    assert statuses(ran)["rtmr3.key-provider"] == "pass"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--app-id", "00"),
        ("--compose-hash", "zz"),
        ("--instance-id", "x"),
        ("--key-provider", "kms:00"),
        ("--key-provider", "{}"),
        ("--key-provider", "nobody"),
        ("--at", "yesterday"),
        ("--event-log", "missing.json"),
        ("--app-compose", "missing.json"),
        ("--policy", "missing.toml"),
    ],
    ids=" ".join,
)
def test_what_is_mistyped_is_a_usage_error(rtmr3: Run, arguments: tuple[str, str]) -> None:
    ran = rtmr3(*TRUSTED, *arguments)
    assert ran.code == 2
    assert ran.out == ""


def test_a_missing_quote_is_a_usage_error(rtmr3: Run) -> None:
    assert rtmr3("--quote", "missing.json", "--trust-quote").code == 2


def _near(*arguments: object) -> tuple[object, ...]:
    return ("--quote", NEAR / "quote.hex", "--trust-quote", *arguments)


def test_events_of_the_application_are_refused_until_they_are_allowed(rtmr3: Run) -> None:
    log = ("--event-log", NEAR / "tcb_info.json")
    assert rtmr3(*_near(*log)).code == 4
    assert rtmr3(*_near(*log, "--allow-event", "mpc-image-digest")).code == 0


def test_a_flag_adds_to_the_events_that_the_policy_allows(rtmr3: Run, tmp_path: Path) -> None:
    boot = event_logs.phala()
    made = event_logs.made("b")
    log = tmp_path / "log.json"
    log.write_text(json.dumps([*boot.log, event_logs.made("a"), made]))
    policy = tmp_path / "policy.toml"
    policy.write_text('schema = "sp1tee.policy.v1"\n[rtmr3]\nallow_events = ["a"]\n')
    ran = rtmr3(*TRUSTED, "--event-log", log, "--policy", policy, "--allow-event", "b")
    assert statuses(ran)["rtmr3.extra-events"] == "unevaluable"  # allowed, but does not replay
    ran = rtmr3(*TRUSTED, "--event-log", log, "--policy", policy)
    assert statuses(ran)["rtmr3.extra-events"] == "refused"


def test_a_flag_replaces_the_pin_of_the_policy(rtmr3: Run, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(f'schema = "sp1tee.policy.v1"\n[rtmr3]\napp_id = "{"00" * 20}"\n')
    assert rtmr3(*TRUSTED, "--policy", policy).code == 1
    assert rtmr3(*TRUSTED, "--policy", policy, "--app-id", APP).code == 0


@pytest.mark.parametrize("shape", ["list", "string", "tcb_info", "info", "quote"])
def test_the_log_comes_in_any_shape(rtmr3: Run, tmp_path: Path, shape: str) -> None:
    log = event_logs.near_2026().log
    shapes: dict[str, Any] = {
        "list": log,
        "string": json.dumps(log),
        "tcb_info": {"event_log": log},
        "info": {"tcb_info": json.dumps({"event_log": log})},
        "quote": {"quote": "00", "event_log": json.dumps(log)},
    }
    file = tmp_path / "log.json"
    file.write_text(json.dumps(shapes[shape]))
    ran = rtmr3(*_near("--event-log", file, "--allow-event", "mpc-image-digest"))
    assert ran.code == 0


def test_a_quote_without_a_log_says_what_to_give(rtmr3: Run) -> None:
    ran = rtmr3(*_near())
    assert ran.code == 3
    log = next(c for c in report(ran)["checks"] if c["id"] == "rtmr3.log")
    assert log["status"] == "unevaluable"
    assert "--event-log" in log["remedy"]


RUBBISH = {
    "empty": b"",
    "truncated": b'[{"imr": 3, "event_type"',
    "not JSON": b"hello",
    "a number": b"3",
    "an object": b"{}",
    "bytes": b"\xff\xfe\x00",
    "NaN": b"[NaN]",
    "a key twice": b'[{"imr": 0, "imr": 3}]',
    "deep": b"[" * 5000,
    "an imr of text": b'[{"imr": "3", "event_type": 134217729, "digest": "", "event": "", "event_payload": ""}]',
    "huge": b"[" + b" " * (1024 * 1024) + b"]",
}


@pytest.mark.parametrize("name", RUBBISH)
def test_rubbish_for_a_log_cannot_be_evaluated(rtmr3: Run, tmp_path: Path, name: str) -> None:
    file = tmp_path / "log.json"
    file.write_bytes(RUBBISH[name])
    ran = rtmr3(*TRUSTED, "--event-log", file)
    assert ran.code == 3
    log = next(c for c in report(ran)["checks"] if c["id"] == "rtmr3.log")
    assert (log["status"], log["reason"][:8]) == ("unevaluable", "SP1TEE-V")


@pytest.mark.parametrize("name", RUBBISH)
def test_rubbish_for_a_quote_is_never_a_pass(rtmr3: Run, tmp_path: Path, name: str) -> None:
    file = tmp_path / "quote.json"
    file.write_bytes(RUBBISH[name])
    for trust in (["--trust-quote"], ["--offline"]):
        ran = rtmr3("--quote", file, "--event-log", NEAR / "tcb_info.json", *trust)
        assert ran.code == 3
        assert ran.out


def test_an_sgx_quote_has_no_rtmr3(rtmr3: Run) -> None:
    quote = DATA / "dcap-qvl-samples/sgx_quote"
    ran = rtmr3("--quote", quote, "--event-log", NEAR / "tcb_info.json", "--trust-quote")
    assert ran.code == 3
    assert statuses(ran)["rtmr3.log"] == "unevaluable"


def test_a_huge_app_compose_cannot_be_evaluated(rtmr3: Run, tmp_path: Path) -> None:
    file = tmp_path / "app-compose.json"
    file.write_bytes(b"x" * (512 * 1024 + 1))
    ran = rtmr3(*TRUSTED, "--app-compose", file)
    assert ran.code == 3
    assert statuses(ran)["rtmr3.app-compose"] == "unevaluable"


def test_attack_31_the_log_of_another_quote_fails(rtmr3: Run) -> None:
    ran = rtmr3(*TRUSTED, "--event-log", NEAR / "tcb_info.json")
    assert ran.code == 1
    replay = next(c for c in report(ran)["checks"] if c["id"] == "rtmr3.replay")
    assert replay["status"] == "fail"
    assert "another boot or machine" in replay["details"][0]


def test_quiet_leaves_the_exit_code(sp1tee: Run) -> None:
    ran = sp1tee("verify", "rtmr3", *TRUSTED, "--quiet", "--app-id", "00" * 20)
    assert (ran.code, ran.out) == (1, "")


def test_its_help_says_what_it_does_not_show(sp1tee: Run) -> None:
    text = " ".join(sp1tee("verify", "rtmr3", "--help").out.split())
    assert "A guest of somebody else's making can measure the same" in text
