"""Rows are written as they come: a failure loses nothing that was measured before it."""

import json
import os
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.figures import FIGURES
from bench.lab import Lab, NotHereError, Row
from bench.machine import describe


@dataclass
class Report:
    """What came of a run; `path` always holds all of it so far."""

    path: Path
    console: Console
    machine: dict[str, object] = field(default_factory=describe)
    rows: list[Row] = field(default_factory=list)
    rows_json: list[dict[str, object]] = field(default_factory=list)
    groups: dict[str, dict[str, object]] = field(default_factory=dict)

    def measure(self, name: str, lab: Lab) -> None:
        """Run a group; one that fails, or cannot be run here, does not stop the next one."""
        self.console.print(f"[dim]{name} …[/dim]")
        group = self.groups[name] = {"load_before": os.getloadavg()}
        began = time.monotonic()
        try:
            for row in FIGURES[name](lab):
                self._keep(name, row)
        except NotHereError as reason:
            group["not_measured"] = str(reason)
            self.console.print(f"{name}: not measured: {reason}", markup=False)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the next group may well work
            group["failed"] = f"{type(error).__name__}: {error}"
            self.console.print(traceback.format_exc(), markup=False)
        group |= {"load_after": os.getloadavg(), "seconds": round(time.monotonic() - began, 1)}
        self.save()

    @property
    def failed(self) -> bool:
        return any("failed" in group for group in self.groups.values())

    def _keep(self, group: str, row: Row) -> None:
        self.rows.append(row)
        self.rows_json.append({"group": group, "load": os.getloadavg()[0], **asdict(row)})
        self.save()

    def save(self) -> None:
        found = {"machine": self.machine, "groups": self.groups, "rows": self.rows_json}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(found, indent=1))

    def tell(self) -> None:
        """Print the table, and what it was measured on."""
        self.console.print(self._table())
        for name, value in self.machine.items():
            self.console.print(f"{name}: {value}", markup=False, highlight=False)
        self.console.print(f"written to {self.path}")

    def _table(self) -> Table:
        table = Table(title="sp1tee figures")
        for heading in ("figure", "measured", "bar", "held", "peer in the same run"):
            table.add_column(heading, overflow="fold")
        for row in self.rows:
            held = "–" if row.held is None else ("yes" if row.held else "[red]no[/red]")
            table.add_row(row.figure, row.measured, row.bar, held, row.peer)
        return table
