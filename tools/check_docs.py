"""Compare what the documents show of the program with the program.

A mark in README.md or docs/*.md says what stands behind it:

    <!-- help: sp1tee prove -->      a fenced block: `sp1tee prove --help`, 100 columns, no colour
    <!-- settings: serve -->         a table: every setting of that section
    <!-- policy: rtmr3 -->           a table: every key of that section of a policy
    <!-- rules: rtmr3 -->            a table: every rule whose id begins with that
    <!-- metrics: serve -->          a table: every metric of that command

`python tools/check_docs.py` fails when one differs; `--write` brings them up to date. What follows
a mark directly, a fenced block or a table, belongs to it; where nothing does, `--write` puts it.
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from sp1tee.cli.from_settings import default_text, descriptions, is_secret
from sp1tee.errors import Sp1teeError
from sp1tee.fulfill import catalogue as worker
from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.monitoring.described import Described
from sp1tee.serve import catalogue as server
from sp1tee.serve.settings import ServeSettings
from sp1tee.settings import Settings, prefix
from sp1tee.verify.policy.reference import sections
from sp1tee.verify.policy.rulebook import rules

ROOT: Final = Path(__file__).resolve().parent.parent
COLUMNS: Final = 100
SECTIONS: Final[dict[str, type[Settings]]] = {"serve": ServeSettings, "fulfill": FulfillSettings}
CATALOGUES: Final[dict[str, tuple[Described, ...]]] = {
    "serve": server.METRICS,
    "fulfill": worker.METRICS,
}

_MARK: Final = re.compile(
    r"^<!-- (?P<kind>help|settings|policy|rules|metrics): (?P<what>[^>]+?) -->\n"
    r"(?P<shown>```[^\n]*\n.*?\n```\n|(?:\|[^\n]*\n)+)?",
    re.MULTILINE | re.DOTALL,
)
# Whatever makes rich and Typer believe in a terminal or in colours.
_COLOURFUL: Final = ("GITHUB_ACTIONS", "FORCE_COLOR", "PY_COLORS", "TERMINAL_WIDTH")


class DocsError(Sp1teeError):
    """A mark asks for something that does not exist."""

    code = "SP1TEE-X020"


def help_block(command: str) -> str:
    """Return a fenced block with what a command's `--help` prints.

    Raises:
        DocsError: there is no such command.
    """
    name, *arguments = shlex.split(command)
    made = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-m", "sp1tee", *arguments, "--help"],
        env=_plain_environment(),
        capture_output=True,
        check=False,
        text=True,
    )
    if name != "sp1tee" or made.returncode != 0:
        raise DocsError(f"`{command} --help` does not work.", advice=made.stderr)
    lines = [line.rstrip().removeprefix(" ") for line in made.stdout.splitlines()]
    return "\n".join(["```text", *"\n".join(lines).strip("\n").splitlines(), "```", ""])


def settings_table(section: str) -> str:
    """Return a table of a section's settings.

    Raises:
        DocsError: there is no such section.
    """
    cls = SECTIONS.get(section)
    if cls is None:
        raise DocsError(f"There is no section {section}.", advice=f"Known: {', '.join(SECTIONS)}.")
    start, texts = prefix(section), descriptions(cls)
    rows = [f"| key in `[{section}]` | variable | default | what for |", "|---|---|---|---|"]
    for name, field in cls.model_fields.items():
        default = "" if is_secret(field) else default_text(field)
        cells = (f"`{name}`", f"`{start}{name.upper()}`", default and f"`{default}`", texts[name])
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def policy_table(section: str) -> str:
    """Return a table of the keys of a policy's section.

    Raises:
        DocsError: there is no such section.
    """
    known = sections()
    if section not in known:
        raise DocsError(f"There is no section {section}.", advice=f"Known: {', '.join(known)}.")
    rows = ["| key | value | default | what for |", "|---|---|---|---|"]
    for row in known[section]:
        cells = (f"`{row.key}`", row.kind, row.default, row.text)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def rules_table(room: str) -> str:
    """Return a table of a room's rules.

    Raises:
        DocsError: there is no such room.
    """
    found = [rule for rule in rules() if rule.id.startswith(f"{room}.")]
    if not found:
        raise DocsError(f"There are no rules of {room}.")
    rows = ["| check | code | what holds if it passes | why it is asked |", "|---|---|---|---|"]
    for rule in sorted(found, key=lambda rule: rule.code):
        title = rule.title if rule.waivable else f"**{rule.title}**"
        cells = (f"`{rule.id}`", f"`{rule.code}`", title, rule.why)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def metrics_table(command: str) -> str:
    """Return a table of a command's metrics.

    Raises:
        DocsError: it has none.
    """
    found = CATALOGUES.get(command)
    if found is None:
        raise DocsError(f"{command} has no metrics.", advice=f"Known: {', '.join(CATALOGUES)}.")
    rows = ["| metric | kind | labels | what it says |", "|---|---|---|---|"]
    for metric in found:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        cells = (f"`{metric.name}`", metric.kind, labels, metric.text)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


RENDERERS: Final[dict[str, Callable[[str], str]]] = {
    "help": help_block,
    "settings": settings_table,
    "policy": policy_table,
    "rules": rules_table,
    "metrics": metrics_table,
}


def refreshed(text: str) -> str:
    """Return a document with everything behind its marks up to date; raises `DocsError`."""

    def renew(mark: re.Match[str]) -> str:
        line = f"<!-- {mark['kind']}: {mark['what']} -->\n"
        return line + RENDERERS[mark["kind"]](mark["what"])

    return _MARK.sub(renew, text)


def documents(root: Path) -> Iterator[Path]:
    """Yield the documents that may have marks."""
    yield root / "README.md"
    yield from sorted((root / "docs").glob("*.md"))


def stale(root: Path, *, write: bool) -> list[str]:
    """Return the names of documents that differ from the program; with `write`, mend them."""
    found = []
    for path in documents(root):
        text = path.read_text("utf-8")
        fresh = refreshed(text)
        if fresh == text:
            continue
        found.append(str(path.relative_to(root)))
        if write:
            path.write_text(fresh, "utf-8")
    return found


def _plain_environment() -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _COLOURFUL and not name.startswith("SP1TEE_")
    }
    return {**kept, "COLUMNS": str(COLUMNS), "NO_COLOR": "1", "TERM": "dumb"}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="bring the documents up to date")
    write = parser.parse_args().write
    found = stale(ROOT, write=write)
    if found and not write:
        sys.exit(f"out of date: {', '.join(found)}; run tools/check_docs.py --write")
    for name in found:
        print(f"updated {name}")


if __name__ == "__main__":
    main()
