"""The auditor: evidence becomes facts, a policy judges them, and a verdict says why.

    policy = load_policy(Path("policy.toml"))
    bundle = load_bundle(Path("evidence.tar"))
    report = verify_bundle(bundle, policy, at=1_790_000_000)

Nothing here opens a connection: `sp1tee.verify.fetch` is where evidence is collected. Each room
stands alone too, e.g. `sp1tee.verify.quote`; names are imported when they are asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sp1tee.verify.appraisal import Appraisal, Trust, verify_bundle
    from sp1tee.verify.checks import Check, Findings, Location, Rule, Status
    from sp1tee.verify.conclusion import report_on
    from sp1tee.verify.evidence import Bundle, load_bundle, save_bundle
    from sp1tee.verify.facts import Basis, Fact
    from sp1tee.verify.formats import render
    from sp1tee.verify.policy import Policy
    from sp1tee.verify.policy.reading import LoadedPolicy, load_policy, parse_policy
    from sp1tee.verify.report import Report
    from sp1tee.verify.verdict import Verdict

__all__ = [
    "Appraisal",
    "Basis",
    "Bundle",
    "Check",
    "Fact",
    "Findings",
    "LoadedPolicy",
    "Location",
    "Policy",
    "Report",
    "Rule",
    "Status",
    "Trust",
    "Verdict",
    "load_bundle",
    "load_policy",
    "parse_policy",
    "render",
    "report_on",
    "save_bundle",
    "verify_bundle",
]

# Where each name is: importing all of it would cost every command what only some of them need.
_HOMES: Final = {
    "Appraisal": "appraisal",
    "Basis": "facts",
    "Bundle": "evidence",
    "Check": "checks",
    "Fact": "facts",
    "Findings": "checks",
    "LoadedPolicy": "policy.reading",
    "Location": "checks",
    "Policy": "policy",
    "Report": "report",
    "Rule": "checks",
    "Status": "checks",
    "Trust": "appraisal",
    "Verdict": "verdict",
    "load_bundle": "evidence",
    "load_policy": "policy.reading",
    "parse_policy": "policy.reading",
    "render": "formats",
    "report_on": "conclusion",
    "save_bundle": "evidence",
    "verify_bundle": "appraisal",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
