"""`sp1tee verify quote`."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.commands import Ran, Run, Start
from support.quotes import AT, INTEL, REPORT_DATA, quoted
from support.quotes_pccs import pccs
from support.quotes_real import DEBUG, NEAR_2026, OUT_OF_DATE, PHALA, SGX, RealSet

from sp1tee.sim.pki import Offer


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def arguments(real: RealSet, *more: object) -> list[object]:
    files = [real.quote_file, "--collateral", real.collateral_file]
    return ["verify", "quote", *files, "--at", real.middle, *more]


def report(ran: Ran) -> dict[str, Any]:
    return json.loads(ran.out)


def checks(ran: Ran) -> dict[str, dict[str, Any]]:
    return {check["id"]: check for check in report(ran)["checks"]}


def test_a_genuine_quote_passes_and_says_what_was_not_asked(sp1tee: Run):
    ran = sp1tee(*arguments(PHALA, "--format", "json"))
    assert ran.code == 0
    assert ran.err == ""
    assert report(ran)["verdict"] == "pass"
    assert checks(ran)["quote.report-data"]["status"] == "skipped"
    assert "not known to be about anything" in checks(ran)["quote.report-data"]["summary"]


def test_the_table_is_the_same_for_people(sp1tee: Run):
    ran = sp1tee(*arguments(PHALA))
    assert ran.code == 0
    assert "PASS" in ran.out
    assert "A quote has no date" in ran.out


def test_its_report_data_can_be_demanded(sp1tee: Run):
    right = sp1tee(*arguments(PHALA, "--report-data", "0x" + "01" * 64, "--format", "json"))
    assert (right.code, checks(right)["quote.report-data"]["status"]) == (0, "pass")
    wrong = sp1tee(*arguments(PHALA, "--report-data", "02" * 64, "--format", "json"))
    assert (wrong.code, checks(wrong)["quote.report-data"]["expected"]) == (1, "02" * 64)


@pytest.mark.parametrize("text", ["01" * 32, "01" * 65, "", "zz", "0X" + "01" * 64])
def test_report_data_has_64_bytes(sp1tee: Run, text: str):
    ran = sp1tee(*arguments(PHALA, "--report-data", text))
    assert (ran.code, ran.out) == (2, "")


def test_a_time_may_be_written_for_people(sp1tee: Run):
    files = [PHALA.quote_file, "--collateral", PHALA.collateral_file]
    at = "2025-09-15T12:00:00+02:00"
    ran = sp1tee("verify", "quote", *files, "--at", at, "--format", "json")
    assert (ran.code, report(ran)["at"]) == (0, "2025-09-15T10:00:00Z")


@pytest.mark.parametrize(
    ("at", "rule"),
    [(PHALA.first - 1, "quote.collateral-future"), (PHALA.last + 1, "quote.collateral-expired")],
)
def test_outside_its_window_a_quote_fails(sp1tee: Run, at: int, rule: str):
    files = [PHALA.quote_file, "--collateral", PHALA.collateral_file]
    ran = sp1tee("verify", "quote", *files, "--at", at, "--format", "json")
    assert (ran.code, checks(ran)[rule]["status"]) == (1, "fail")


def test_an_outdated_platform_is_refused_unless_that_is_accepted(sp1tee: Run):
    refused = sp1tee(*arguments(OUT_OF_DATE, "--format", "json"))
    assert (refused.code, report(refused)["verdict"]) == (4, "refused")
    accepted = sp1tee(*arguments(OUT_OF_DATE, "--accept-tcb", "OutOfDate", "--format", "json"))
    assert accepted.code == 0
    assert checks(accepted)["quote.tcb-status"]["expected"] == "UpToDate or OutOfDate"


def test_a_status_that_there_is_not_is_a_usage_error(sp1tee: Run):
    ran = sp1tee(*arguments(OUT_OF_DATE, "--accept-tcb", "Revoked"))
    assert (ran.code, ran.out) == (2, "")


@pytest.mark.parametrize(
    ("real", "rule"), [(DEBUG, "quote.debug"), (SGX, "quote.type")], ids=["debug", "sgx"]
)
def test_quotes_that_must_not_pass_end_with_1(sp1tee: Run, real: RealSet, rule: str):
    ran = sp1tee(*arguments(real, "--format", "json"))
    assert (ran.code, checks(ran)[rule]["status"]) == (1, "fail")


@pytest.mark.parametrize(
    "data",
    [b"", b"not a quote", b"{}", b'{"error": "x"}', b"[1, 2", b"0x00ff", bytes(2_000_000)],
    ids=range(7),
)
@pytest.mark.parametrize("quoting", [True, False], ids=["quote", "collateral"])
def test_rubbish_in_a_file_cannot_be_evaluated(
    sp1tee: Run, tmp_path: Path, data: bytes, quoting: bool
):
    rubbish = tmp_path / "rubbish"
    rubbish.write_bytes(data)
    files = (
        [rubbish, "--collateral", PHALA.collateral_file]
        if quoting
        else [PHALA.quote_file, "--collateral", rubbish]
    )
    ran = sp1tee("verify", "quote", *files, "--at", PHALA.middle, "--format", "json")
    assert (ran.code, report(ran)["verdict"]) == (3, "unevaluable")
    check = checks(ran)["quote.format" if quoting else "quote.collateral"]
    assert check["status"] == "unevaluable"
    assert check["reason"].startswith("SP1TEE-V")


@pytest.mark.parametrize("what", ["nothing-there", "."])
def test_a_file_that_cannot_be_read_is_a_usage_error(sp1tee: Run, what: str):
    assert sp1tee("verify", "quote", what, "--offline").code == 2
    assert sp1tee("verify", "quote", PHALA.quote_file, "--collateral", what).code == 2


def test_offline_and_without_collateral_nothing_is_known(sp1tee: Run):
    ran = sp1tee("verify", "quote", PHALA.quote_file, "--offline", "--format", "json")
    assert ran.code == 3
    assert checks(ran)["quote.collateral"]["status"] == "unevaluable"


def test_collateral_is_fetched_and_of_this_machine_not_kept(sp1tee: Run, tmp_path: Path):
    with pccs(PHALA.collateral) as service:
        command = ["verify", "quote", PHALA.quote_file, "--pccs", service.url]
        command += ["--at", PHALA.middle, "--format", "json"]
        first, second = sp1tee(*command), sp1tee(*command)
        assert (first.code, second.code) == (0, 0)
        assert len(service.asked) == 8
    assert not (tmp_path / "cache").exists()
    assert report(first)["digest"] == report(second)["digest"]
    assert [entry["name"] for entry in report(first)["inputs"]] == ["quote", "collateral"]


def test_a_service_that_is_not_there_is_part_of_the_verdict(sp1tee: Run):
    command = ["verify", "quote", PHALA.quote_file, "--pccs", "http://127.0.0.1:1"]
    ran = sp1tee(*command, "--format", "json")
    assert ran.code == 3
    assert checks(ran)["quote.collateral"]["reason"] == "SP1TEE-V005"


@pytest.fixture
def rehearsal(tmp_path: Path) -> list[object]:
    """A synthetic quote with its collateral and its root."""
    (tmp_path / "quote").write_bytes(quoted())
    (tmp_path / "collateral").write_bytes(INTEL.collateral(Offer(at=AT)))
    (tmp_path / "root").write_bytes(INTEL.root_der)
    (tmp_path / "root.pem").write_text(INTEL.root.pem)
    return ["verify", "quote", "quote", "--collateral", "collateral", "--at", AT]


@pytest.mark.parametrize("root", ["root", "root.pem"])
def test_another_root_can_be_rehearsed_with_and_is_named(
    sp1tee: Run, rehearsal: list[object], root: str
):
    demanded = ["--report-data", REPORT_DATA.hex(), "--format", "json"]
    ran = sp1tee(*rehearsal, "--root", root, *demanded)
    assert ran.code == 0
    assert report(ran)["facts"]["quote.rtmr3"]["anchor"].startswith("a given root, sha256 ")
    assert any("nothing about Intel" in note for note in report(ran)["notes"])
    assert sp1tee(*rehearsal, *demanded).code == 1


@pytest.mark.parametrize("root", ["quote", "nothing-there"])
def test_a_root_that_is_no_certificate_is_a_usage_error(
    sp1tee: Run, rehearsal: list[object], root: str
):
    assert sp1tee(*rehearsal, "--root", root).code == 2


def test_a_policy_decides_and_flags_add_to_it(sp1tee: Run, tmp_path: Path):
    policy = tmp_path / "policy.toml"
    policy.write_text(
        'schema = "sp1tee.policy.v1"\n[quote]\ntcb_status = ["SWHardeningNeeded", "OutOfDate"]\n'
        'deny_advisories = ["INTEL-SA-00960"]\n'
    )
    ran = sp1tee(*arguments(OUT_OF_DATE, "--policy", policy, "--format", "json"))
    assert (ran.code, checks(ran)["quote.tcb-status"]["status"]) == (4, "pass")
    assert checks(ran)["quote.advisories"]["status"] == "refused"
    up_to_date = arguments(PHALA, "--policy", policy, "--accept-tcb", "UpToDate")
    assert sp1tee(*up_to_date).code == 0


def test_a_report_says_what_flags_made_of_the_policy(sp1tee: Run, tmp_path: Path):
    policy = tmp_path / "policy.toml"
    policy.write_text('schema = "sp1tee.policy.v1"\nname = "ours"\n[quote]\n')
    command = arguments(OUT_OF_DATE, "--policy", policy, "--format", "json")
    plain = report(sp1tee(*command))["policy"]
    changed = report(sp1tee(*command, "--accept-tcb", "OutOfDate"))["policy"]
    assert plain["name"] == "ours"
    assert "The quote's TCB status must be UpToDate." in plain["lines"]
    assert changed["name"] == "ours, changed by flags"
    assert "The quote's TCB status must be UpToDate or OutOfDate." in changed["lines"]


def test_a_quote_can_come_from_stdin_in_its_own_process(process: Start, tmp_path: Path):
    """Nothing is left on stderr, and stdin is a pipe as any other."""
    (tmp_path / "quote").write_bytes(NEAR_2026.quote_file.read_bytes())
    files = ["/dev/stdin", "--collateral", NEAR_2026.collateral_file]
    started = process("verify", "quote", *files, "--at", NEAR_2026.middle, "--quiet")
    out, err = started.communicate(timeout=60)
    # The process's stdin is empty here.
    assert (started.returncode, out, err) == (3, "", "")


def test_quiet_says_nothing_but_its_exit_code(sp1tee: Run):
    ran = sp1tee(*arguments(OUT_OF_DATE, "--quiet"))
    assert (ran.code, ran.out, ran.err) == (4, "", "")


def test_its_help_shows_every_option(sp1tee: Run):
    ran = sp1tee("verify", "quote", "--help")
    assert ran.code == 0
    for option in ("--collateral", "--report-data", "--accept-tcb", "--pccs", "--offline"):
        assert option in ran.out
