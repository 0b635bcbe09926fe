"""`sp1tee workers`."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from sp1tee.certificates import read_file
from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.handover import Format
from sp1tee.cli.operator import operator
from sp1tee.cli.render import note, table, write_json
from sp1tee.client.operator import Operator
from sp1tee.errors import ConfigError

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)

_COLUMNS: Final = ("name", "state", "seen", "tokens", "reason")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The worker's name.")]


@app.callback()
def workers() -> None:
    """Give workers tokens of their own, and stop bad ones.

    For operators: asks the worker listener, with the admin token that the server wrote into its
    data directory. Everything takes effect at once, without a restart.
    """


@app.command(
    epilog=examples(
        "sp1tee workers add gpu-1 --out gpu-1.token",
        "# a worker that shows a certificate",
        "sp1tee workers add gpu-1 --certificate gpu-1.pem",
    )
)
@assembled
def add(
    name: Name,
    operator: Annotated[Operator, operator],
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write the token; it must not exist yet."),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Make this certificate (PEM) of the worker's good, instead of a token.",
        ),
    ] = None,
) -> None:
    """Make a token for one worker; for a worker that has one, another beside it.

    The server keeps its sha256 alone, so it is shown this once: give it to the fulfiller as
    token_file. To replace a token, add one, give it to the worker, then revoke the old one.

    A certificate that a worker shows can be its token: `sp1tee keys worker` makes one.
    """
    if certificate is not None:
        _admit(operator, name, certificate, out)
        return
    descriptor = None if out is None else _reserve(out)
    try:
        with operator:
            made = operator.post(f"{_path(name)}/add", "make a token")
    except BaseException:
        if out is not None:
            out.unlink(missing_ok=True)
        raise
    if descriptor is None:
        typer.echo(made["token"])
    else:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{made['token']}\n")
    note(f"This is token {made['token_id']} of {made['name']}.")


def _admit(operator: Operator, name: str, certificate: Path, out: Path | None) -> None:
    """Make a certificate good for the worker that it names."""
    if out is not None:
        raise ConfigError("With --certificate no token is made.", advice="Leave --out away.")
    shown = read_file(certificate)
    if shown.name != name:
        raise ConfigError(
            f"The certificate in {certificate} is not one of {name}.",
            advice="Give the one that `sp1tee keys worker` made for this name.",
        )
    with operator:
        path = f"{_path(name)}/add?certificate={shown.fingerprint.hex()}"
        made = operator.post(path, "make a certificate good")
    note(f"This is certificate {made['token_id']} of {made['name']}.")


@app.command(epilog=examples("sp1tee workers ls"))
@assembled
def ls(operator: Annotated[Operator, operator], format_: Format = "text") -> None:
    """List workers: their states, when they were seen, and the ids of their tokens."""
    with operator:
        found = operator.get("workers", "list workers")
    if format_ == "json":
        write_json(found)
    elif found["workers"]:
        table([_COLUMNS, *map(_row, found["workers"])])


@app.command(epilog=examples("sp1tee workers drain gpu-1"))
@assembled
def drain(name: Name, operator: Annotated[Operator, operator]) -> None:
    """Give a worker no more work; what it has it may finish."""
    _post(operator, f"{_path(name)}/drain", "drain the worker")


@app.command(epilog=examples("sp1tee workers resume gpu-1"))
@assembled
def resume(name: Name, operator: Annotated[Operator, operator]) -> None:
    """Give a worker work again: after drain, or after a quarantine.

    It asks again within a minute.
    """
    _post(operator, f"{_path(name)}/resume", "resume the worker")


@app.command(
    epilog=examples("sp1tee workers revoke gpu-1", "sp1tee workers revoke gpu-1 --token wtoken_…")
)
@assembled
def revoke(
    name: Name,
    operator: Annotated[Operator, operator],
    token: Annotated[
        str | None, typer.Option(metavar="ID", help="One token, as ls shows it; by default all.")
    ] = None,
) -> None:
    """Make a worker's tokens good for nothing.

    With its last token its leases are taken back: others get those requests at once.
    """
    chosen = f"?token={quote(token, safe='')}" if token is not None else ""
    _post(operator, f"{_path(name)}/revoke{chosen}", "revoke the token")


def _post(operator: Operator, path: str, what: str) -> None:
    with operator:
        found = operator.post(path, what)
    note(f"{found['name']} is {found['state']} and has {len(found['tokens'])} tokens.")


def _path(name: str) -> str:
    return f"workers/{quote(name, safe='')}"


def _row(worker: Mapping[str, Any]) -> Sequence[str]:
    seen = worker["seen_s_ago"]
    tokens = " ".join(token["id"] for token in worker["tokens"])
    shown = (worker["name"], worker["state"], "never" if seen is None else f"{seen:.0f}s ago")
    return (*shown, tokens, worker["reason"] or "")


def _reserve(path: Path) -> int:
    """Open a new file for its owner's eyes only, before there is a token to lose."""
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigError(f"{path} cannot be made: {error.strerror}.") from None
