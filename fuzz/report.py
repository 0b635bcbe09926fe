"""The table at the end."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fuzz.campaign import Outcome, Plan

_COLUMNS = ("inputs", "taken", "per second", "edges", "corpus", "slowest", "MB", "findings")


def tell(console: Console, outcomes: Sequence[Outcome], plan: Plan, seconds: float) -> None:
    """Print what was done and found."""
    table = Table("target", *_COLUMNS)
    for column in table.columns[1:]:
        column.justify = "right"
    for outcome in sorted(outcomes, key=lambda outcome: outcome.name):
        table.add_row(outcome.name, *_figures(outcome))
    console.print(table)
    total = sum(outcome.inputs for outcome in outcomes)
    console.print(f"{total:,} inputs in {seconds:.0f} s, seed {plan.seed}.")
    for outcome in outcomes:
        for path in outcome.findings:
            _advise(console, outcome, path)


def _figures(outcome: Outcome) -> tuple[str, ...]:
    return (
        f"{outcome.inputs:,}",
        f"{outcome.taken:,}",
        f"{outcome.rate:,.0f}",
        f"{outcome.edges:,}",
        f"{outcome.corpus:,}",
        f"{outcome.slowest * 1000:,.1f} ms",
        f"{outcome.memory_mb:,}",
        str(len(outcome.findings)),
    )


def _advise(console: Console, outcome: Outcome, path: Path) -> None:
    if path.suffix == ".log":
        console.print(f"{outcome.name} ended without an input to blame: see {path}", soft_wrap=True)
        return
    replay = f"python -m fuzz {outcome.name} --replay {path}"
    console.print(f"Again: {replay}", soft_wrap=True, highlight=False)
