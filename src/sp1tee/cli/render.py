"""What people see. stdout carries results and nothing else; talk goes to stderr."""

import json
from collections.abc import Mapping, Sequence
from functools import cache

import typer
from rich.console import Console
from rich.panel import Panel
from rich.text import Text


@cache
def talk() -> Console:
    """Return the console on stderr."""
    return Console(stderr=True, highlight=False)


def show_error(code: str, message: str, advice: str) -> None:
    """Say what went wrong and what to do: a panel on a terminal, plain lines elsewhere."""
    message, advice = harmless(message), harmless(advice)
    console = talk()
    if not console.is_terminal:
        typer.echo(f"error {code}: {message}", err=True)
        if advice:
            typer.echo(f"  {advice}", err=True)
        return
    text = Text(message)
    if advice:
        text.append(f"\n{advice}", style="dim")
    console.print(Panel(text, title=f"error {code}", title_align="left", border_style="red"))


def warn(text: str) -> None:
    """Say something that matters but stops nothing."""
    talk().print(Text("warning: ", style="bold yellow") + Text(harmless(text)), soft_wrap=True)


def note(text: str) -> None:
    """Say something in passing."""
    talk().print(Text(harmless(text), style="dim"), soft_wrap=True)


def shout(text: str) -> None:
    """Say something that nobody may overlook."""
    console = talk()
    if console.is_terminal:
        console.print(Panel(Text(text, style="bold"), border_style="yellow"))
    else:
        typer.echo(text, err=True)


def result(facts: Mapping[str, object], *, as_json: bool) -> None:
    """Write a result to stdout: a JSON object, or one fact a line for people.

    Keys are the JSON's; for people their underscores are spaces. None is left out there.
    """
    if as_json:
        write_json(facts)
        return
    shown = {
        key.replace("_", " "): _plain(value) for key, value in facts.items() if value is not None
    }
    width = max(map(len, shown))
    for key, value in shown.items():
        typer.echo(f"{key:<{width}}  {value}")


def write_json(value: object) -> None:
    """Write a result for machines."""
    typer.echo(json.dumps(value, indent=2))


def table(rows: Sequence[Sequence[str]]) -> None:
    """Write a result of rows: columns as wide as needed, the last one wrapped by nobody."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def harmless(text: str) -> str:
    """Escape what could move a cursor or reorder a line: texts may quote what strangers wrote."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
