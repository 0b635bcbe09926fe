"""The JSON report as types: what `schemas/report.v1.json` is made of.

For programs that read reports in Python; `sp1tee.verify.report.Report.to_dict` makes them.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints
from typing_extensions import TypedDict

from sp1tee.verify.checks import Status
from sp1tee.verify.facts import Basis
from sp1tee.verify.verdict import Verdict

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class LocationObject(TypedDict):
    """A place in a file that a person can edit; lines count from 1."""

    file: str
    line: int


class CheckObject(TypedDict):
    """A rule applied to evidence."""

    id: Annotated[str, Field(description="Room and name, e.g. `quote.report-data`.")]
    code: Annotated[str, Field(description="Stable, e.g. `SP1TEE-V210`.")]
    title: Annotated[str, Field(description="What holds if it passes.")]
    status: Status
    summary: Annotated[str, Field(description="One sentence saying what was found.")]
    subject: Annotated[str, Field(description="Which one of several; may be empty.")]
    expected: str | None
    actual: str | None
    remedy: Annotated[str | None, Field(description="What to do next.")]
    details: Annotated[list[str], Field(description="The explanation, line by line.")]
    anchors: Annotated[list[str], Field(description="What the result rests on.")]
    location: LocationObject | None
    reason: Annotated[str | None, Field(description="Why it could not be checked: a code.")]
    waiver: Annotated[str | None, Field(description="Why its failing is put up with.")]


class FactObject(TypedDict):
    """A value, and how far it can be believed."""

    value: Annotated[Any, Field(description="Integers beyond 2^53 - 1 are text.")]
    basis: Basis
    anchor: Annotated[str, Field(description="What it rests on, in words.")]


class InputObject(TypedDict):
    """What identifies something that was read."""

    name: str
    sha256: Sha256
    size: Annotated[int, Field(ge=0)]


class PolicyObject(TypedDict):
    """The policy that was enforced."""

    name: str
    sha256: Annotated[Sha256 | None, Field(description="Of the policy's file.")]
    lines: Annotated[list[str], Field(description="What it demands, in words.")]


class ReportObject(TypedDict):
    """A verdict with its reasons."""

    schema: Literal["sp1tee.report.v1"]
    tool: Annotated[str, Field(description="Name and version of what made the report.")]
    target: Annotated[str, Field(description="What was examined.")]
    at: Annotated[str, Field(description="The time it was judged for, RFC 3339 in UTC.")]
    policy: PolicyObject | None
    verdict: Verdict
    exit_code: Annotated[int, Field(description="The verdict for a shell.")]
    checks: list[CheckObject]
    facts: Annotated[dict[str, FactObject], Field(description="By name, its room first.")]
    inputs: list[InputObject]
    notes: Annotated[list[str], Field(description="What a reader should know that is no check.")]
    digest: Annotated[
        Sha256, Field(description="SHA-256 of the RFC 8785 form of all but `tool` and `digest`.")
    ]
