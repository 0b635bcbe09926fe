"""`sp1tee verify proof`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.examples import examples
from sp1tee.cli.judging import ProverProgram, judging
from sp1tee.cli.verify import common
from sp1tee.errors import ConfigError, EvidenceMalformed, EvidenceTooLarge, NativeFailed
from sp1tee.verify.report import Input

if TYPE_CHECKING:
    from sp1tee.native.judge import Judge
    from sp1tee.verify.proof import ProgramKey

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

_FILE_MARK: Final = "@"


@app.command(
    epilog=examples(
        "# the program's key is computed; nothing is taken at anybody's word",
        "sp1tee verify proof proof.bin --program app.elf --public-values @values.bin",
        "sp1tee verify proof proof.bin --vkey @app.elf.vk --public-values e80300000000000001",
        "# of a Groth16 proof the key's hash is enough, as contracts have it",
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
    options: Annotated[common.Options, common.options],
    vkey: Annotated[
        str | None,
        typer.Option(
            metavar="HEX|@FILE",
            help="The program: a whole key of SP1 v6, such as the file PROGRAM.vk, or its hash: "
            "bytes32 as `cargo prove vkey` prints it, or the network's vk_hash.",
        ),
    ] = None,
    program: Annotated[
        Path | None,
        typer.Option(
            metavar="ELF",
            help="The program itself, instead of --vkey: SP1's setup computes its key.",
        ),
    ] = None,
    public_values: Annotated[
        str | None,
        typer.Option(
            metavar="HEX|@FILE", help="What the program must have revealed, in hex or in a file."
        ),
    ] = None,
    prover_program: ProverProgram = None,
) -> None:
    """Check that a proof proves this program and these public values.

    What the proof claims is compared with what you expect. Then SP1's own verifier is asked, in
    sp1tee-prover, which takes proofs of SP1 v6.1.0 of every kind, and the program itself or its
    whole key. Without it, Groth16 proofs are verified here (needs the extra sp1tee[groth16]; the
    key's hash is enough); of others the verdict stays open, with exit code 3. A proof by SP1 v5
    takes the SDK of v5. Nothing is sent to anybody.
    """
    from sp1tee.verify.proof import examine, size_limit, unreadable

    values = _values(public_values)
    inputs = [] if values is None else [Input("public-values", values)]
    with judging(prover_program) as judge:
        key = _key(vkey, program, judge, inputs)
        limit = size_limit(key, judge)
        try:
            data = common.read(file, limit)
        except EvidenceTooLarge as error:
            common.conclude(options, str(file), unreadable(error, limit), inputs)
        inputs.insert(0, Input("proof", data))
        findings = examine(data, key, values, judge)
    common.conclude(options, str(file), findings, inputs)


def _key(
    vkey: str | None, program: Path | None, judge: "Judge | None", inputs: list[Input]
) -> "ProgramKey":
    if vkey is not None and program is None:
        return _named(vkey, inputs)
    if program is not None and vkey is None:
        return _computed(program, judge, inputs)
    raise ConfigError(
        "Name the program with --vkey or with --program: one of them.",
        advice="`--help` shows examples.",
    )


def _named(text: str, inputs: list[Input]) -> "ProgramKey":
    from sp1tee.verify.proof import KEY_FILE_SIZE, read_key_file, read_program_key

    try:
        if not text.startswith(_FILE_MARK):
            return read_program_key(text)
        data = common.read(Path(text.removeprefix(_FILE_MARK)), KEY_FILE_SIZE)
        inputs.append(Input("verifying-key", data))
        return read_key_file(data)
    except (EvidenceMalformed, EvidenceTooLarge) as error:
        raise ConfigError(f"--vkey: {error}", advice=error.advice) from None


def _computed(path: Path, judge: "Judge | None", inputs: list[Input]) -> "ProgramKey":
    from sp1tee.client.program import read_elf
    from sp1tee.verify.proof import program_key
    from sp1tee.wire.versions import Family

    if judge is None:
        raise ConfigError(
            "Only SP1 computes a program's key, in sp1tee-prover, which is not here.",
            advice="Name it with --prover-program (`just native` builds it), or give the "
            "program's key with --vkey.",
        )
    elf, family = read_elf(path)
    if family is not Family.V6:
        raise ConfigError(
            "The program is built for SP1 v5, whose keys SP1 v6 does not compute.",
            advice="Give hex of its verifying key's hash_bytes() with --vkey.",
        )
    inputs.append(Input("program", elf))
    try:
        return program_key(judge.key_of(elf))
    except NativeFailed as error:
        raise ConfigError(f"SP1 cannot set up this program: {error.text}") from None


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
