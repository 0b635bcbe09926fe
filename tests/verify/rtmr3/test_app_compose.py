"""An app-compose.json against the measured one."""

import json

import pytest
from support import event_logs
from support.event_logs import DATA

from sp1tee.verify.checks import Status
from sp1tee.verify.rtmr3 import judge_app_compose

FOLDERS = {
    "near 2026": "dstack-near-mpc-2026-08",
    "near 2025": "dstack-near-mpc-2025-10",
    "phala": "dstack-phala-prod8-2025-10",
}


@pytest.mark.parametrize("name", FOLDERS)
def test_the_real_bytes_are_the_measured_ones(name: str) -> None:
    raw = (DATA / FOLDERS[name] / "app_compose.raw.json").read_bytes()
    assert judge_app_compose(event_logs.REAL[name]().examined(), raw).status is Status.PASS


def test_a_newline_added_by_a_shell_is_named() -> None:
    raw = (DATA / FOLDERS["phala"] / "app_compose.raw.json").read_bytes() + b"\n"
    check = judge_app_compose(event_logs.phala().examined(), raw)
    assert check.status is Status.FAIL
    assert "Without its last newline" in (check.remedy or "")


def test_a_pretty_printed_copy_of_compact_bytes_is_named() -> None:
    raw = (DATA / "dstack-simulator-v0.5.0/app-compose.json").read_bytes()
    check = judge_app_compose(event_logs.simulator().examined(), raw)
    assert check.status is Status.FAIL
    assert "Written without spaces" in (check.remedy or "")


def test_attack_33_the_same_settings_written_anew_are_not_the_measured_file() -> None:
    raw = (DATA / FOLDERS["phala"] / "app_compose.raw.json").read_bytes()
    anew = json.dumps(json.loads(raw)).encode()
    check = judge_app_compose(event_logs.phala().examined(), anew)
    assert check.status is Status.FAIL
    assert "byte for byte" in (check.remedy or "")


def test_a_real_file_of_another_build_is_not_the_measured_one() -> None:
    raw = (DATA / "dstack-simulator-head/app-compose.json").read_bytes()
    assert judge_app_compose(event_logs.simulator_head().examined(), raw).status is Status.FAIL


def test_a_log_that_does_not_replay_measures_no_file() -> None:
    boot = event_logs.phala()
    raw = (DATA / FOLDERS["phala"] / "app_compose.raw.json").read_bytes()
    facts = boot.examined([*boot.own_log(), event_logs.made("x")])
    assert judge_app_compose(facts, raw).status is Status.UNEVALUABLE


@pytest.mark.parametrize("raw", [b"", b"\xff", b"[" * 1000, b"{" * 1000], ids=range(4))
def test_any_bytes_can_be_compared(raw: bytes) -> None:
    assert judge_app_compose(event_logs.phala().examined(), raw).status is Status.FAIL


def test_no_file_is_the_measured_one_of_a_quote_that_is_not_known_to_be_genuine() -> None:
    facts = event_logs.phala().examined()
    raw = (DATA / FOLDERS["phala"] / "app_compose.raw.json").read_bytes()
    assert judge_app_compose(facts, raw, believed=False).status is Status.UNEVALUABLE
    assert judge_app_compose(facts, b"{}", believed=False).status is Status.FAIL
