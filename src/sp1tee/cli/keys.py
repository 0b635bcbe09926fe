"""`sp1tee keys`."""

from pathlib import Path
from typing import Annotated

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.materials import signer
from sp1tee.client.keyfile import new_key
from sp1tee.wire.signing import Signer, checksum_address

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)


@app.callback()
def keys() -> None:
    """Make and show the key that signs requests.

    A requester is known by an Ethereum address: the server's operator admits addresses, and the
    network bills them. The key to one is a file with 64 hex digits, readable by its owner only.
    """


@app.command(
    epilog=examples("sp1tee keys new --out key", "export SP1TEE_KEY_FILE=$PWD/key"),
)
def new(
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="The key's file, which must not exist yet.")
    ],
) -> None:
    """Make a key and print its address."""
    typer.echo(checksum_address(new_key(out).address))


@app.command(epilog=examples("sp1tee keys show --key-file key"))
@assembled
def show(signer: Annotated[Signer, signer]) -> None:
    """Print the address of a key."""
    typer.echo(checksum_address(signer.address))
