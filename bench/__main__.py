"""`python -m bench`: measure, print a table, write JSON.

Nothing here is a test: times are reported, also when they are bad, and never asserted.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.figures import FIGURES
from bench.lab import Lab, Row

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--only", help=f"comma-separated, of: {', '.join(FIGURES)}")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder for the JSON file")
    parser.add_argument("--quick", action="store_true", help="shorter runs, noisier figures")
    arguments = parser.parse_args()
    names = arguments.only.split(",") if arguments.only else list(FIGURES)
    rows: list[Row] = []
    console = Console(width=130)
    for name in names:
        with tempfile.TemporaryDirectory(prefix="sp1tee-bench-") as folder:
            console.print(f"[dim]{name} …[/dim]")
            rows += FIGURES[name](Lab(Path(folder), quick=arguments.quick))
    console.print(_table(rows))
    arguments.out.mkdir(parents=True, exist_ok=True)
    path = arguments.out / f"{time.strftime('%Y-%m-%dT%H%M%S')}.json"
    path.write_text(
        json.dumps({"machine": _machine(), "rows": [asdict(r) for r in rows]}, indent=1)
    )
    console.print(f"written to {path}")


def _table(rows: list[Row]) -> Table:
    table = Table(title="sp1tee figures")
    for heading in ("figure", "measured", "bar", "held", "peer in the same run"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        held = "–" if row.held is None else ("yes" if row.held else "[red]no[/red]")
        table.add_row(row.figure, row.measured, row.bar, held, row.peer)
    return table


def _machine() -> dict[str, object]:
    return {
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "load": os.getloadavg(),
    }


if __name__ == "__main__":
    main()
