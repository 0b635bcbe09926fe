"""The operator's way to a server, as a part of a command (see `assembled`)."""

from pathlib import Path
from typing import Annotated

import typer

from sp1tee.cli.contact import SERVER_PANEL
from sp1tee.client.endpoint import Endpoint
from sp1tee.client.operator import Operator
from sp1tee.settings import read_secret


def operator(
    *,
    server: Annotated[
        str,
        typer.Option(
            metavar="URL",
            envvar="SP1TEE_ADMIN_SERVER",
            help="The server's worker listener.",
            rich_help_panel=SERVER_PANEL,
        ),
    ] = "http://127.0.0.1:8081",
    token_file: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            envvar="SP1TEE_ADMIN_TOKEN_FILE",
            help="Holds the admin token, which the server wrote into its data directory.",
            rich_help_panel=SERVER_PANEL,
        ),
    ] = Path("sp1tee-data/admin.token"),
    ca_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="SP1TEE_ADMIN_CA_FILE",
            help="Certificates (PEM) to trust for this server instead of the public ones.",
            rich_help_panel=SERVER_PANEL,
        ),
    ] = None,
    client_cert: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="SP1TEE_ADMIN_CLIENT_CERT",
            help="Certificate (PEM) to show to a server that asks for one.",
            rich_help_panel=SERVER_PANEL,
        ),
    ] = None,
    client_key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="SP1TEE_ADMIN_CLIENT_KEY",
            help="The certificate's key (PEM).",
            rich_help_panel=SERVER_PANEL,
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
) -> Operator:
    """Choose the server; raises `ConfigError` and `CleartextRefused`."""
    token = read_secret("token_file", token_file).get_secret_value()
    return Operator(
        Endpoint.parse(
            server,
            bearer_token=token,
            ca_file=ca_file,
            client_cert=client_cert,
            client_key=client_key,
            allow_cleartext=allow_cleartext,
        )
    )
