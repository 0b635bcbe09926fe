"""`sp1tee verify proof`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.verify import common
from sp1tee.errors import ConfigError, EvidenceMalformed, EvidenceTooLarge
from sp1tee.verify.report import Input

if TYPE_CHECKING:
    from sp1tee.verify.proof import ProgramKey

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

_FILE_MARK: Final = "@"


@app.command(
    epilog=examples(
        "sp1tee verify proof proof.bin --vkey 0x00562c19… --public-values e80300000000000001",
        "sp1tee verify proof proof.bin --vkey 0x00562c19… --public-values @values.bin",
        "sp1tee verify proof proof.bin --vkey 0x00562c19… --format json | jq .facts",
    )
)
@assembled
def proof(
    *,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="The proof, as SP1's SDK saves it; - for stdin."),
    ],
    vkey: Annotated[
        str,
        typer.Option(
            metavar="HEX",
            help="The program: bytes32 as `cargo prove vkey` prints it, the network's vk_hash, "
            "or a whole key of SP1 v6.",
        ),
    ],
    options: Annotated[common.Options, common.options],
    public_values: Annotated[
        str | None,
        typer.Option(
            metavar="HEX|@FILE", help="What the program must have revealed, in hex or in a file."
        ),
    ] = None,
) -> None:
    """Check that a proof proves this program and these public values.

    What the proof claims is compared with what you expect, and Groth16 proofs of SP1 v6.1.0 are
    verified, which needs the extra sp1tee[groth16]. Other kinds take SP1's own verifier: for them
    the claims are compared and the verdict stays open, with exit code 3.
    """
    from sp1tee.verify.proof import SIZE, examine, unreadable

    key, values = _key(vkey), _values(public_values)
    inputs = [] if values is None else [Input("public-values", values)]
    try:
        data = common.read(file, SIZE)
    except EvidenceTooLarge as error:
        common.conclude(options, str(file), unreadable(error), inputs)
    inputs.insert(0, Input("proof", data))
    common.conclude(options, str(file), examine(data, key, values), inputs)


def _key(text: str) -> "ProgramKey":
    from sp1tee.verify.proof import read_program_key

    try:
        return read_program_key(text)
    except EvidenceMalformed as error:
        raise ConfigError(f"--vkey: {error}", advice=error.advice) from None


def _values(text: str | None) -> bytes | None:
    from sp1tee.verify.reading import from_hex
    from sp1tee.wire.stark_tail import MAX_PUBLIC_VALUES

    if text is None:
        return None
    try:
        if text.startswith(_FILE_MARK):
            return common.read(Path(text.removeprefix(_FILE_MARK)), MAX_PUBLIC_VALUES)
        return from_hex(text, "--public-values")
    except EvidenceTooLarge as error:
        raise ConfigError(str(error), advice="No proof has as many.") from None
    except EvidenceMalformed as error:
        raise ConfigError(str(error), advice="For a file, write @ before its path.") from None
