"""Looking at what a room found."""

from sp1tee.verify.checks import Check, Findings, Status

FINE = (Status.PASS, Status.SKIPPED)


def check_of(room: str, findings: Findings, name: str) -> Check:
    """Return the first check of a rule."""
    return next(check for check in findings.checks if check.id == f"{room}.{name}")


def wrong_in(room: str, findings: Findings) -> dict[str, Status]:
    """Name what neither passed nor was left out."""
    return {
        c.id.removeprefix(f"{room}."): c.status for c in findings.checks if c.status not in FINE
    }
