"""Waivers."""

from datetime import date

import pytest
from pydantic import ValidationError
from support.reports import APP, IMAGE, PINNED, SERVES, SIGNED

from sp1tee.verify.checks import Check, Status
from sp1tee.verify.policy import WaiverPolicy
from sp1tee.verify.policy.rulebook import rules
from sp1tee.verify.policy.waivers import apply
from sp1tee.verify.verdict import Verdict, verdict

TODAY = date(2026, 11, 22)


def unwaivable() -> set[str]:
    return {rule.id for rule in rules() if not rule.waivable}


def waiver(check: str = "digests.pinned", subject: str = "*", until: str = "2027-01-31"):
    return WaiverPolicy(
        check=check, subject=subject, reason="no digest yet", expires=date.fromisoformat(until)
    )


def applied(check: Check, *waivers: WaiverPolicy) -> tuple[Check, tuple[str, ...]]:
    (judged,), notes = apply([check], waivers, TODAY)
    return judged, notes


UNPINNED = PINNED.refuses("no digest", subject="moongate", details=("line 31",))


@pytest.mark.parametrize(
    "unmet", [UNPINNED, PINNED.fails("x", subject="moongate"), PINNED.unevaluable("x")]
)
def test_what_was_not_met_is_waived_with_reason_and_expiry(unmet: Check) -> None:
    judged, notes = applied(unmet, waiver())
    assert judged.status is Status.WAIVED
    assert judged.waiver == "no digest yet (expires 2027-01-31)"
    assert judged.summary == unmet.summary
    assert notes == ()


@pytest.mark.parametrize(
    ("check", "subject", "named"),
    [
        ("digests.*", "*", True),
        ("digests.pinned", "moon*", True),
        ("digests.pinned", "server", False),
        ("digests.pinned2", "*", False),
    ],
)
def test_patterns_name_checks_and_subjects(check: str, subject: str, named: bool) -> None:
    judged, notes = applied(UNPINNED, waiver(check, subject))
    assert (judged.status is Status.WAIVED) is named
    assert bool(notes) is not named


@pytest.mark.parametrize(("until", "counts"), [("2026-11-23", True), ("2026-11-22", False)])
def test_a_waiver_counts_until_the_day_it_expires(until: str, counts: bool) -> None:
    judged, notes = applied(UNPINNED, waiver(until=until))
    assert (judged.status is Status.WAIVED) is counts
    if not counts:
        assert judged.details == ("line 31", "A waiver of this expired on 2026-11-22.")
        assert notes == ("The waiver of digests.pinned expired on 2026-11-22 and does not count.",)


def test_one_that_counts_goes_before_one_that_expired() -> None:
    judged, notes = applied(UNPINNED, waiver(until="2026-01-01"), waiver())
    assert judged.status is Status.WAIVED
    assert notes == ("The waiver of digests.pinned expired on 2026-01-01 and does not count.",)


def test_what_everything_rests_on_cannot_be_waived() -> None:
    forged = SIGNED.fails("forged")
    judged, notes = applied(forged, waiver("quote.*"))
    assert judged.status is Status.FAIL
    assert judged.details == (
        "A waiver names this, but it cannot be waived: other checks rest on it.",
    )
    assert notes == ("The waiver of quote.* does not reach quote.signature.",)


@pytest.mark.parametrize(
    "check", ["*", "*.*", "?*", "[a-z]*.*", "*.pinned", "digests", "DIGESTS.PINNED", "q*.*", ""]
)
def test_what_goes_for_more_than_one_room_is_no_waiver(check: str) -> None:
    with pytest.raises(ValidationError):
        waiver(check)


@pytest.mark.parametrize("name", ["os.image", "rtmr3.quote", "evidence.host", "evidence.time"])
def test_a_forged_guest_another_host_and_another_time_cannot_be_waived(name: str) -> None:
    assert name in unwaivable()


def test_without_being_told_it_knows_what_everything_rests_on() -> None:
    firm = next(rule for rule in rules() if rule.id == "quote.signature")
    (judged,), notes = apply([firm.fails("forged")], [waiver("quote.*")], TODAY)
    assert judged.status is Status.FAIL
    assert notes == ("The waiver of quote.* does not reach quote.signature.",)


def test_a_waiver_that_names_nothing_is_told() -> None:
    _, notes = applied(UNPINNED, waiver("quote.tcb-status", "x"))
    assert notes == ("The waiver of quote.tcb-status on x names no check.",)


def test_a_waiver_that_is_not_needed_is_told() -> None:
    judged, notes = applied(SERVES.passes("fine"), waiver("digests.*"))
    assert judged.status is Status.PASS
    assert "is not needed" in notes[0]


@pytest.mark.parametrize("check", [SERVES.passes("x"), APP.skips("x")])
def test_what_passed_or_was_skipped_stays_so(check: Check) -> None:
    assert applied(check, waiver(f"{check.id.partition('.')[0]}.*"))[0] is check


def test_waivers_alone_make_no_pass() -> None:
    both = [waiver("digests.*"), waiver("os.*")]
    checks, _ = apply([UNPINNED, IMAGE.unevaluable("x")], both, TODAY)
    assert {check.status for check in checks} == {Status.WAIVED}
    assert verdict(checks) is Verdict.UNEVALUABLE


def test_the_rulebook_has_every_rule_once() -> None:
    ids = [rule.id for rule in rules()]
    codes = [rule.code for rule in rules()]
    assert len(set(ids)) == len(ids)
    assert len(set(codes)) == len(codes)
    assert {"quote.signature", "quote.report-data", "rtmr3.replay", "cert.leaf"} <= unwaivable()
