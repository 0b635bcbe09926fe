"""`sp1tee doctor`."""

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.extras import extra
from sp1tee.cli.from_settings import from_settings
from sp1tee.cli.handover import Format
from sp1tee.cli.render import table, write_json

with extra("fulfill", "doctor"):
    from sp1tee.fulfill.doctor import Check, check_up
    from sp1tee.fulfill.settings import FulfillSettings

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

settings = from_settings(FulfillSettings, "fulfill")


@app.command(epilog=examples("sp1tee doctor --token-file sp1tee-data/worker.token"))
@assembled
def doctor(
    settings: Annotated[FulfillSettings, settings],
    format_: Format = "text",
) -> None:
    """Check whether this machine can fulfil requests.

    Looks at what `sp1tee fulfill` with the same settings would need: that programs run here, what
    can be proved, memory, swap, open files, that the server answers and takes the token, and which
    part of the server is ill, if one is: its database, bucket, disk or network. Exit code 1 means
    that something needed is missing.
    """
    checks = asyncio.run(check_up(settings))
    if format_ == "json":
        write_json({"ok": _fit(checks), "checks": [asdict(check) for check in checks]})
    else:
        table([(_mark(check), check.name, _words(check)) for check in checks])
    if not _fit(checks):
        raise typer.Exit(1)


def _fit(checks: list[Check]) -> bool:
    return all(check.ok for check in checks if check.needed)


def _mark(check: Check) -> str:
    if check.ok:
        return "ok"
    return "FAIL" if check.needed else "warn"


def _words(check: Check) -> str:
    return check.text if check.ok or not check.advice else f"{check.text} {check.advice}"
