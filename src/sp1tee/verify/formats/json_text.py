"""JSON: the norm that every other form renders a part of."""

import json

from sp1tee.verify.report import Report


def render(report: Report) -> str:
    """Write a report as `schemas/report.v1.json` describes it.

    All of it is ASCII without control characters: what evidence says arrives as escapes.
    """
    text = json.dumps(report.to_dict(), indent=2, allow_nan=False)
    return text.replace("\x7f", "\\u007f") + "\n"
