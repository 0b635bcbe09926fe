"""From findings to a report: waivers first, then the verdict."""

from collections.abc import Sequence
from datetime import UTC, datetime

from sp1tee.verify.checks import Findings
from sp1tee.verify.policy.explain import explain
from sp1tee.verify.policy.reading import LoadedPolicy
from sp1tee.verify.policy.waivers import apply
from sp1tee.verify.report import Input, PolicyRecord, Report, assemble


def report_on(
    target: str,
    findings: Findings,
    *,
    policy: LoadedPolicy | None,
    at: int,
    inputs: Sequence[Input] = (),
    notes: Sequence[str] = (),
) -> Report:
    """Judge findings under a policy, which may waive some of them.

    Args:
        target: what was examined.
        findings: what the rooms found.
        policy: what the reader demands; None: only a command's own defaults.
        at: the time to judge for, Unix seconds; a waiver counts until its day begins.
        inputs: what was read.
        notes: what a reader should know that is no check.
    """
    if policy is None:
        return assemble(target, findings, at=at, inputs=inputs, notes=notes)
    today = datetime.fromtimestamp(at, UTC).date()
    checks, said = apply(findings.checks, policy.policy.waivers, today)
    record = PolicyRecord(
        policy.policy.name or policy.path.name,
        policy.sha256,
        explain(policy.policy, _judged(findings)),
    )
    return assemble(
        target,
        Findings(checks, findings.facts),
        at=at,
        policy=record,
        inputs=inputs,
        notes=(*notes, *said),
    )


def _judged(findings: Findings) -> set[str]:
    """Return the policy's sections that checks were made for; evidence files belong to `cert`."""
    rooms = {check.id.partition(".")[0] for check in findings.checks}
    return rooms | {"cert"} if "ingress" in rooms else rooms
