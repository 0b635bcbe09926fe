"""The table."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from rich.cells import cell_len
from support.reports import APP, CHECKS, DATA, FACTS, HOSTILE, TCB, report, reports, with_text

from sp1tee.verify.checks import Status
from sp1tee.verify.formats import render
from sp1tee.verify.formats.words import SYMBOLS
from sp1tee.verify.report import Report

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def lines_of(made: Report, **how: int) -> list[str]:
    return render(made, **how).split("\n")


def test_the_policy_comes_first_and_the_verdict_last() -> None:
    lines = render(report()).splitlines()
    assert lines[0] == "tee.example.org, judged for 2026-11-22T12:00:00Z"
    assert lines[2].startswith("Policy tee.example.org")
    assert lines[3] == "  · The TCB status must be UpToDate."
    assert lines[-1].startswith("✗ FAIL")
    assert lines[-1].endswith("(exit code 1)")


def test_every_status_has_its_symbol() -> None:
    text = render(report())
    for check in CHECKS:
        assert f"  {SYMBOLS[check.status]} {check.title}" in text


def test_a_passing_check_takes_one_line() -> None:
    passing = DATA.passes("a summary", expected="e", actual="a", subject="x" * 200)
    lines = render(report(passing)).splitlines()
    shown = [line for line in lines if line.startswith("  ✓")]
    assert len(shown) == 1
    assert cell_len(shown[0]) <= 80
    assert "a summary" not in "".join(lines)


def test_a_passing_check_shows_what_was_found_as_far_as_its_line_goes() -> None:
    shown = render(report(TCB.passes("fine", actual="UpToDate"), APP.passes("x", actual="ab" * 99)))
    assert "  ✓ The machine's TCB status is accepted: UpToDate\n" in shown
    assert "  ✓ The application is the one that was asked for: ababab" in shown


def test_a_check_that_did_not_pass_is_explained_with_what_to_do_next() -> None:
    text = render(report())
    start = text.index("✗ The application is the one")
    part = text[start : text.index("  - The instance")]
    assert "fail · rtmr3.app-id · SP1TEE-V304" in part
    assert "expected  9b78cf840e16a8274e00474cdac4afdabc5eeb93" in part
    assert "actual    1111cf840e16a8274e00474cdac4afdabc5e1111" in part
    assert "next      Somebody else's application" in part


def test_a_skipped_check_is_visible_and_says_what_is_not_known() -> None:
    text = render(report())
    assert "- The instance is one that was asked for" in text
    assert "any instance of the application is accepted" in text


def test_the_line_of_a_policy_in_a_remedy_stands_on_its_own_line() -> None:
    assert '\n              tcb_status = ["UpToDate", "OutOfDate"]\n' in render(report())


def test_a_long_report_names_what_spoilt_the_verdict_again_at_its_end() -> None:
    lines = lines_of(report(*CHECKS, *(DATA.passes("x") for _ in range(10))), width=100)
    assert lines[-6:-3] == [
        "",
        "! quote.tcb-status: The TCB status is OutOfDate, which the policy does not accept.",
        "✗ rtmr3.app-id: The application id differs from the pinned one.",
    ]
    assert "✗ rtmr3.app-id" not in render(report())


def test_what_could_not_be_evaluated_is_said_again_where_nothing_worse_was_found() -> None:
    made = report(DATA.unevaluable("no network"), *(DATA.passes("x") for _ in range(20)))
    assert "\n? quote.report-data: no network\n" in render(made)


def test_facts_make_a_report_long_too() -> None:
    facts = tuple(replace(FACTS[0], name=f"quote.{number}") for number in range(20))
    made = replace(report(policy=None), facts=facts)
    assert "\n✗ rtmr3.app-id: " in render(made)


def test_a_report_can_be_told_by_its_digest() -> None:
    made = report()
    assert f" · report {made.digest[:16]}\n" in render(made, width=120)


def test_a_refusal_does_not_say_that_what_was_not_checked_is_genuine() -> None:
    refused = APP.refuses("it is too old")
    assert "not acceptable. (exit" in render(report(refused))
    assert "some of it could not be checked. (exit" in render(
        report(refused, DATA.unevaluable("no network")), width=120
    )


def test_a_pass_says_that_what_was_skipped_is_not_known() -> None:
    made = report(DATA.passes("x"), APP.skips("nobody asked"))
    assert "what was skipped is not known to. (exit" in render(made, width=120)


def test_facts_are_shown_where_no_policy_judged_them() -> None:
    with_policy, without = render(report()), render(report(policy=None))
    for fact in FACTS:
        assert f"  {fact.basis.value:<8}  {fact.name}" in without
        assert fact.name not in with_policy
    assert "No policy: what this command demands by itself." in without


def test_a_pass_with_waivers_says_so() -> None:
    waived = next(check for check in CHECKS if check.status is Status.WAIVED)
    assert "Everything that was checked holds. (exit" in render(report(DATA.passes("x")))
    assert "except for what is waived" in render(report(DATA.passes("x"), waived))


def test_nothing_checked_is_no_pass() -> None:
    made = report(APP.skips("nobody asked"))
    assert render(made).splitlines()[-1].startswith("? UNEVALUABLE")


@pytest.mark.parametrize("width", [80, 120, 40, 1])
def test_no_line_is_wider_than_asked(width: int) -> None:
    assert max(map(cell_len, lines_of(report(), width=width))) <= max(width, 40)


def test_without_a_terminal_there_is_no_colour() -> None:
    assert "\x1b" not in render(report())


def test_colour_changes_nothing_but_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "20")
    coloured = render(report(), colour=True)
    assert "\x1b[" in coloured
    plain = "\n".join(line.rstrip() for line in _COLOUR.sub("", coloured).split("\n"))
    assert plain == render(report())


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("colour", [False, True])
def test_hostile_text_reaches_no_terminal(text: str, colour: bool) -> None:
    shown = _COLOUR.sub("", render(with_text(text), colour=colour))
    assert shown.replace("\n", "").isprintable()


def test_rich_markup_in_evidence_is_text() -> None:
    assert "[bold red]markup[/bold red] [link=" in render(with_text(HOSTILE[1]), width=200)


@given(reports)
def test_any_text_is_shown_harmlessly(made: Report) -> None:
    text = render(made)
    assert text.replace("\n", "").isprintable()
    assert text.endswith(")\n")
    assert all(SYMBOLS[status] in text for status in Status)
