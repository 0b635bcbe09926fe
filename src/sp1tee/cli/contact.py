"""The server, as a part of a requester's command (see `assembled`)."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from sp1tee.client import Endpoint, Patience

SERVER_PANEL: Final = "Server"

_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600}


def seconds(text: str) -> int:
    """Read a duration such as ``90``, ``90s``, ``15m`` or ``4h``."""
    match = re.fullmatch(r"(\d{1,9})([smh]?)", text)
    if match is None:
        raise typer.BadParameter("Write it as seconds, or as 15m or 4h.")
    return int(match[1]) * _UNITS[match[2]]


@dataclass(frozen=True, slots=True)
class Contact:
    """A server, and how long to try to reach it."""

    endpoint: Endpoint
    patience: Patience


def contact(
    *,
    server: Annotated[
        str,
        typer.Option(
            metavar="URL",
            envvar=["SP1TEE_SERVER", "NETWORK_RPC_URL"],
            help="The server's address, such as https://prover.example.org.",
            rich_help_panel=SERVER_PANEL,
        ),
    ],
    bearer_token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="SP1TEE_BEARER_TOKEN_FILE",
            help="Holds the token that the server asks for.",
            rich_help_panel=SERVER_PANEL,
        ),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Certificates (PEM) to trust for this server instead of the public ones.",
            rich_help_panel=SERVER_PANEL,
        ),
    ] = None,
    client_cert: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Certificate (PEM) to show to this server.",
            rich_help_panel=SERVER_PANEL,
        ),
    ] = None,
    client_key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The certificate's key (PEM).", rich_help_panel=SERVER_PANEL
        ),
    ] = None,
    allow_cleartext: Annotated[
        bool,
        typer.Option(
            "--allow-cleartext",
            help="Allow http:// beyond this machine: on a network that you trust.",
            rich_help_panel=SERVER_PANEL,
        ),
    ] = False,
    retry_for: Annotated[
        int,
        typer.Option(
            metavar="TIME",
            parser=seconds,
            help="How long to repeat a call while the server does not answer.",
            rich_help_panel=SERVER_PANEL,
        ),
    ] = "2m",  # type: ignore[assignment] # Typer parses a default like what is typed
) -> Contact:
    """Choose the server; raises `ConfigError` and `CleartextRefused`."""
    endpoint = Endpoint.parse(
        server,
        bearer_token=_secret(bearer_token_file, "--bearer-token-file"),
        ca_file=ca_file,
        client_cert=client_cert,
        client_key=client_key,
        allow_cleartext=allow_cleartext,
    )
    return Contact(endpoint, Patience(give_up_s=retry_for))


def _secret(path: Path | None, flag: str) -> str | None:
    if path is None:
        return None
    from sp1tee.settings import read_secret

    return read_secret(flag, path).get_secret_value()
