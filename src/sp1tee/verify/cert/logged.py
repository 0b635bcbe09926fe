"""Judging the timestamps of CT logs."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from sp1tee.verify.cert import rules
from sp1tee.verify.cert.ct_logs import LogList
from sp1tee.verify.cert.examination import Path
from sp1tee.verify.cert.scts import Outcome, Sct, distinct
from sp1tee.verify.checks import Check
from sp1tee.verify.moments import rfc3339
from sp1tee.verify.policy.model import CertPolicy

_WRONG: Final = {Outcome.FORGED, Outcome.FUTURE, Outcome.OUTSIDE}
_UNDECIDED: Final = {Outcome.UNKNOWN_LOG, Outcome.NO_ISSUER}
_ANCHORS: Final = ("CT log list",)


def sct_checks(path: Path, logs: LogList, policy: CertPolicy, *, single: bool) -> Iterator[Check]:
    """Judge each timestamp, and whether there are enough; `single`: this is the only path."""
    for sct in path.scts:
        yield _single(sct, logs, sct.name if single else f"{sct.name}, {path.who}")
    yield _enough(path, logs, policy)


def _single(sct: Sct, logs: LogList, subject: str) -> Check:
    if sct.outcome is Outcome.VALID:
        return rules.SCT.passes(
            f"{sct.name} signed it at {_moment(sct.timestamp)}.", subject=subject, anchors=_ANCHORS
        )
    summary = f"The timestamp of {sct.name} does not count: {sct.outcome.value}."
    if sct.outcome in _WRONG:
        return rules.SCT.fails(summary, subject=subject, actual=_moment(sct.timestamp))
    if sct.outcome is Outcome.NO_ISSUER:
        return rules.SCT.unevaluable(summary, subject=subject)
    return rules.SCT.skips(summary, subject=subject, details=(_of(logs),))


def _enough(path: Path, logs: LogList, policy: CertPolicy) -> Check:
    least = policy.min_scts
    if not least:
        return rules.LOGGED.skips("No timestamps of CT logs are demanded.")
    if path.scts_error is not None:
        return rules.LOGGED.unevaluable(path.scts_error, subject=path.who)
    valid = distinct(path.scts)
    if valid >= least:
        return rules.LOGGED.passes(f"{_count(valid)} to publish the certificate.", subject=path.who)
    unknown = {sct.log_id for sct in path.scts if sct.outcome in _UNDECIDED}
    expected, actual = f"{least} distinct logs", str(valid)
    if valid + len(unknown) >= least:
        return rules.LOGGED.unevaluable(
            f"{len(unknown)} of the certificate's timestamps can't be checked with this log list.",
            subject=path.who,
            expected=expected,
            actual=actual,
            details=(_of(logs),),
            remedy="Take the current list, https://www.gstatic.com/ct/log_list/v3/log_list.json, "
            "and give it with --ct-logs FILE or [anchors] ct_logs in the policy.",
        )
    return rules.LOGGED.refuses(
        f"{_count(valid)} to publish the certificate, {least} are demanded.",
        subject=path.who,
        expected=expected,
        actual=actual,
        details=("Only timestamps inside the certificate are looked at.",),
        remedy=f"If that is meant so: [cert] min_scts = {valid}",
    )


def _count(logs: int) -> str:
    return "One CT log promises" if logs == 1 else f"{logs or 'No'} CT logs promise"


def _of(logs: LogList) -> str:
    return f"The log list is version {logs.version} of {logs.timestamp}."


def _moment(milliseconds: int) -> str:
    """Write a time for people; one beyond the calendar stays a number."""
    try:
        moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    except (ValueError, OverflowError):
        return f"{milliseconds} ms"
    return rfc3339(moment)
