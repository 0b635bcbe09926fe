"""`sp1tee keys`."""

from pathlib import Path
from typing import Annotated

import typer

from sp1tee.authority import CA_CERT, CA_KEY, Authority, Issued
from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.materials import signer
from sp1tee.cli.render import note
from sp1tee.client.keyfile import new_key
from sp1tee.errors import ConfigError
from sp1tee.wire.signing import Signer, checksum_address

app = typer.Typer(add_completion=False, rich_markup_mode="rich", no_args_is_help=True)


Days = Annotated[int, typer.Option(min=1, max=7300, help="How long it is good.")]
Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The worker's name, as in `sp1tee workers`.")
]
Folder = Annotated[
    Path, typer.Option("--ca", metavar="FOLDER", help="What `sp1tee keys ca` has made.")
]
Out = Annotated[
    Path,
    typer.Option(
        metavar="FOLDER", file_okay=False, help="Where to write certificate and key; new names."
    ),
]


@app.callback()
def keys() -> None:
    """Make keys of requesters, and certificates of workers.

    A requester is known by an Ethereum address: the server's operator admits addresses, and the
    network bills them. The key to one is a file with 64 hex digits, readable by its owner only.

    An operator whose workers are on other machines makes a certificate authority of their own
    for them: its key stays with the operator, off the server.
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


@app.command(
    epilog=examples(
        "sp1tee keys ca --out ca --host workers.example.org",
        "sp1tee keys ca --out ca --host 10.0.0.5 --host gpu-server.internal",
    )
)
def ca(
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where to write ca.pem and ca.key.")],
    host: Annotated[
        list[str],
        typer.Option(help="A name, or an address, that workers reach the server at; repeatable."),
    ],
    days: Days = 1825,
) -> None:
    """Make a certificate authority for one server and its workers.

    It can vouch for these hosts and for workers, for nobody else, so that trusting it opens nothing
    else; given an address, for other addresses too. ca.pem goes to the server, as its
    worker_client_ca_file, and to the workers, as their server_ca_file. Who has ca.key can make
    workers' certificates: keep it where neither of them runs.
    """
    Authority.new(host, days).write(out)
    note(f"The authority's certificate is {out / CA_CERT}; keep {out / CA_KEY} to yourself.")


@app.command(epilog=examples("sp1tee keys server --ca ca --out server"))
def server(authority: Folder, out: Out, days: Days = 365) -> None:
    """Make the server's certificate for its worker listener: server.pem and server.key.

    It is good for all hosts of the authority. The server takes both as worker_tls_cert_file and
    worker_tls_key_file; renewed ones are taken up when it gets SIGHUP.
    """
    _write(Authority.read(authority).server(days), out, "server")


@app.command(
    epilog=examples(
        "sp1tee keys worker gpu-1 --ca ca --out gpu-1",
        "sp1tee workers add gpu-1 --certificate gpu-1/gpu-1.pem",
    )
)
def worker(name: Name, authority: Folder, out: Out, days: Days = 365) -> None:
    """Make a certificate for one worker: NAME.pem and NAME.key.

    The worker shows it as client_cert_file and client_key_file. It opens a connection; to get work
    with it and without a token, have the server admit it: sp1tee workers add NAME --certificate
    FILE. Operators and monitoring need one, too, of any name.
    """
    _write(Authority.read(authority).worker(name, days), out, name)


def _write(issued: Issued, folder: Path, name: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be made: {error.strerror}.") from None
    issued.write(folder / f"{name}.pem", folder / f"{name}.key")
    note(f"Made {folder / name}.pem and {folder / name}.key.")
