"""`sp1tee queue`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.handover import Format
from sp1tee.cli.operator import operator
from sp1tee.cli.render import note, result, table, write_json
from sp1tee.client.operator import Operator

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)

_COLUMNS: Final = ("id", "state", "age", "tries", "mode", "requester", "worker", "reason")
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "m"))

RequestId = Annotated[
    str,
    typer.Argument(metavar="ID", help="The request: req_… as ls shows it, or the network's id."),
]


@app.callback()
def queue() -> None:
    """Look at a server's requests, try them again, drop them.

    For operators: asks the worker listener, with the admin token that the server wrote into its
    data directory. Nothing here shows a byte of an input, or an address that opens one.
    """


@app.command(
    epilog=examples("sp1tee queue ls", "sp1tee queue ls --state held,failed --format json")
)
@assembled
def ls(
    operator: Annotated[Operator, operator],
    state: Annotated[
        str | None,
        typer.Option(metavar="A,B,…", help="States to list; by default what has not ended."),
    ] = None,
    requester: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Whose requests to list.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 100,
    format_: Format = "text",
) -> None:
    """List requests, oldest first."""
    with operator:
        found = operator.get(
            "requests", "list requests", state=state, requester=requester, limit=str(limit)
        )
    if format_ == "json":
        write_json(found)
        return
    rows = [_row(request) for request in found["requests"]]
    if rows:
        table([_COLUMNS, *rows])
    note(", ".join(f"{number} {name}" for name, number in found["counts"].items() if number))


@app.command(epilog=examples("sp1tee queue show req_01m82nj8b5e1jtrkxb6hrjjypd"))
@assembled
def show(
    request: RequestId, operator: Annotated[Operator, operator], format_: Format = "text"
) -> None:
    """Show a request and every worker's try at it."""
    with operator:
        found = operator.get(_path(request), "show the request")
    _show(found, format_)


@app.command(epilog=examples("sp1tee queue retry req_01m82nj8b5e1jtrkxb6hrjjypd"))
@assembled
def retry(
    request: RequestId, operator: Annotated[Operator, operator], format_: Format = "text"
) -> None:
    """Queue a held request again, with all its attempts before it.

    A server holds requests that used up their attempts if its setting poisoned is hold.
    """
    with operator:
        found = operator.post(f"{_path(request)}/retry", "try the request again")
    _show(found, format_)


@app.command(epilog=examples("sp1tee queue drop req_01m82nj8b5e1jtrkxb6hrjjypd"))
@assembled
def drop(
    request: RequestId, operator: Annotated[Operator, operator], format_: Format = "text"
) -> None:
    """End a request that has no proof, and erase its input.

    Its requester is told that the operator dropped it.
    """
    with operator:
        found = operator.post(f"{_path(request)}/drop", "drop the request")
    _show(found, format_)


def _path(request: str) -> str:
    return f"requests/{quote(request, safe='')}"


def _row(request: Mapping[str, Any]) -> Sequence[str]:
    worker, reason = request["worker"] or "", request["reason"] or ""
    shown = (request["id"], request["state"], _age(request["age_s"]), str(request["attempts"]))
    return (*shown, request["mode"], request["requester"], worker, reason)


def _age(seconds: int) -> str:
    for unit, letter in _UNITS:
        if seconds >= unit:
            return f"{seconds // unit}{letter}"
    return f"{seconds}s"


def _show(found: Mapping[str, Any], format_: str) -> None:
    if format_ == "json":
        write_json(found)
        return
    result({key: value for key, value in found.items() if key != "tries"}, as_json=False)
    for number, made in enumerate(found["tries"], 1):
        spans = f"{made['began_at'] or '?'} to {made['ended_at'] or 'now'}"
        reason = f": {made['reason']}" if made["reason"] else ""
        typer.echo(f"try {number}  {made['worker']}, {spans}, {made['outcome']}{reason}")
