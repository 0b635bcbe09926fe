"""The parts of a requester's command: the server, the key, the program, the input."""

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from sp1tee.cli.render import warn
from sp1tee.client import (
    Endpoint,
    Patience,
    Program,
    Source,
    piped_stdin,
    raw_buffers,
    read_key,
    saved_stdin,
)
from sp1tee.client.keyfile import is_exposed
from sp1tee.errors import ConfigError
from sp1tee.wire.hexes import from_hex
from sp1tee.wire.signing import Signer

SERVER_PANEL: Final = "Server"
RESULT_PANEL: Final = "Result"
KEY_VARIABLE: Final = "NETWORK_PRIVATE_KEY"
"""Where the SDK looks for the key itself."""

_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3600}
_PIPE: Final = Path("-")


def seconds(text: str) -> int:
    """Read a duration such as ``90``, ``90s``, ``15m`` or ``4h``."""
    match = re.fullmatch(r"(\d{1,9})([smh]?)", text)
    if match is None:
        raise typer.BadParameter("Write it as seconds, or as 15m or 4h.")
    return int(match[1]) * _UNITS[match[2]]


Duration = Annotated[int, typer.Option(metavar="TIME", parser=seconds)]


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


def signer(
    *,
    key_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="SP1TEE_KEY_FILE",
            help="The key that signs; `sp1tee keys new` makes one. Without it the key itself is "
            f"taken from {KEY_VARIABLE}, as by the SDK.",
        ),
    ] = None,
) -> Signer:
    """Read the key that signs; raises `ConfigError` and `SigningKeyError`."""
    if key_file is not None:
        made = read_key(key_file)
        if is_exposed(key_file):
            warn(f"others can read the key in {key_file}; `chmod 600` keeps it yours.")
        return made
    if key := os.environ.get(KEY_VARIABLE):
        return Signer.from_hex(key)
    raise ConfigError(
        "There is no key to sign with.",
        advice="Make one with `sp1tee keys new --out FILE` and give --key-file FILE.",
    )


Elf = Annotated[
    Path, typer.Argument(metavar="PROGRAM", help="The program: a RISC-V ELF built for SP1.")
]
Vk = Annotated[
    Path | None,
    typer.Option(
        "--vk",
        metavar="FILE",
        help="The program's verifying key (bincode); by default PROGRAM.vk if there is one.",
    ),
]
VkHash = Annotated[
    str | None,
    typer.Option(
        metavar="HEX",
        help="The key's hash_bytes(). Needed for SP1 v5; for v6 it is computed from the key.",
    ),
]


def program(*, elf: Elf, vk: Vk = None, vk_hash: VkHash = None) -> Program:
    """Read the program and its key; raises as `Program.read`."""
    return Program.read(elf, vk_file=vk, vk_hash=hash_of(vk_hash, "vk hash"))


def source(
    *,
    stdin: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The input as the Rust SDK serialises it (bincode of SP1Stdin); - is a pipe.",
        ),
    ] = None,
    buffers: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="HEX|@FILE",
            help="Instead of --stdin: a buffer that the program reads, as hex digits or as a "
            "file's bytes. Repeat it for more, in order.",
        ),
    ] = None,
) -> Source:
    """Take the input from wherever it is; with neither option the program reads nothing.

    Raises:
        ConfigError: it is given in both ways.
        HexError: a buffer is neither hex digits nor a file's name behind ``@``.
        InputFileError: it cannot be read, or is no ``SP1Stdin``.
    """
    if stdin is not None and buffers:
        raise ConfigError("--stdin and --input are two ways to give the input.", advice="Use one.")
    if stdin == _PIPE:
        return piped_stdin(sys.stdin.buffer)
    if stdin is not None:
        return saved_stdin(stdin)
    return raw_buffers(_buffer(text) for text in buffers or [])


def hash_of(text: str | None, what: str) -> bytes | None:
    """Read 32 bytes of hex; None without any. Raises `HexError`."""
    return None if text is None else from_hex(text, 32, what)


def _buffer(text: str) -> bytes | Path:
    return Path(text[1:]) if text.startswith("@") else from_hex(text, what="input")


def _secret(path: Path | None, flag: str) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise ConfigError(f"The file given with {flag} cannot be read as text.") from None
