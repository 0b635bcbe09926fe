"""Key, program and input, as parts of a requester's command (see `assembled`)."""

import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from sp1tee.client import Program, Source, piped_stdin, raw_buffers, read_key, saved_stdin
from sp1tee.errors import ConfigError
from sp1tee.wire.hexes import from_hex
from sp1tee.wire.signing import Signer

KEY_VARIABLE: Final = "NETWORK_PRIVATE_KEY"
"""Where the SDK looks for the key itself."""

_PIPE: Final = Path("-")


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
        return read_key(key_file)
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
            metavar="@FILE|HEX",
            help="Instead of --stdin: a buffer that the program reads, as a file's bytes or as hex "
            "digits, which show in this machine's list of processes. Repeat it for more, in order.",
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
