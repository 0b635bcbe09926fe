"""`sp1tee prove`."""

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.checking import Check, check, checked
from sp1tee.cli.contact import Contact, contact, seconds
from sp1tee.cli.examples import examples
from sp1tee.cli.handover import RESULT_PANEL, Format, Output, hand_over, output
from sp1tee.cli.judging import ProverProgram, judging
from sp1tee.cli.live import Live
from sp1tee.cli.materials import program, signer, source
from sp1tee.cli.render import note
from sp1tee.cli.verify.sources import Asked, asked
from sp1tee.client import (
    Mode,
    Order,
    Program,
    Requester,
    SdkDialect,
    Source,
    Strategy,
)
from sp1tee.errors import ConfigError
from sp1tee.wire.signing import Signer

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

_LEAVES: Final = "--detach leaves before there is a proof."


def order(
    *,
    mode: Annotated[
        Literal["core", "compressed", "plonk", "groth16"],
        typer.Option(help="The kind of proof. Contracts verify plonk and groth16."),
    ] = "core",
    timeout: Annotated[
        int,
        typer.Option(
            metavar="TIME",
            parser=seconds,
            help="The request's deadline from now, such as 90, 15m or 4h.",
        ),
    ] = "4h",  # type: ignore[assignment] # Typer parses a default like what is typed
    strategy: Annotated[
        Literal["reserved", "hosted"],
        typer.Option(
            help="Who proves: a prover reserved for you, such as a private one, or any hosted one."
        ),
    ] = "reserved",
    cycle_limit: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="At most so many cycles. \\[default: reserved 100 million, hosted no limit]",
        ),
    ] = None,
    gas_limit: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="At most so much prover gas. \\[default: reserved 1 billion, hosted no limit]",
        ),
    ] = None,
    dialect: Annotated[
        Literal["auto", "5", "6", "6-mainnet"],
        typer.Option(
            help="Which SDK's messages to send. auto: 5 or 6, as the program's format says; "
            "6-mainnet only where a network refuses 6 and runs an auction."
        ),
    ] = "auto",
    private_stdin: Annotated[
        bool,
        typer.Option(
            "--private-stdin",
            help="Set the SDK's private_stdin switch too. A private server needs no such request.",
        ),
    ] = False,
) -> Order:
    """Say what is asked for; raises `ConfigError`."""
    return Order(
        mode=Mode.parse(mode),
        dialect=SdkDialect(dialect),
        strategy=Strategy(strategy),
        cycle_limit=cycle_limit,
        gas_limit=gas_limit,
        timeout_s=timeout,
        private_stdin=private_stdin,
    )


def target(
    *,
    output_: Output = None,
    detach: Annotated[
        bool,
        typer.Option(
            "--detach",
            help="Print the request's id, and nothing else, once the server has the request; "
            "`sp1tee wait` fetches the proof later, from any machine.",
            rich_help_panel=RESULT_PANEL,
        ),
    ] = False,
) -> Path | None:
    """Choose where the proof goes; None to leave it at the server.

    Raises:
        ConfigError: both were asked for.
        OutputFileError: it cannot be written there.
    """
    if not detach:
        return output(output=output_)
    if output_ is not None:
        raise ConfigError(_LEAVES, advice="Leave --output out.")
    return None


@app.command(
    epilog=examples(
        "# prove that private balances cover a public amount, verifiable on chain",
        "sp1tee prove solvency.elf --input @amount.bin --input @balances.bin --mode groth16 \\",
        "    --server https://prover.example.org --key-file key",
        "# see first that it is the enclave which the policy describes",
        "sp1tee prove app.elf --input @private.bin --server https://prover.example.org \\",
        "    --key-file key --policy policy.toml",
        "# ask today, fetch tomorrow",
        "id=$(sp1tee prove app.elf --stdin app.stdin --key-file key --timeout 24h --detach)",
        "sp1tee wait $id --program app.elf",
    )
)
@assembled
def prove(
    *,
    program: Annotated[Program, program],
    source: Annotated[Source, source],
    order: Annotated[Order, order],
    signer: Annotated[Signer, signer],
    contact: Annotated[Contact, contact],
    check: Annotated[Check | None, check],
    asked: Annotated[Asked, asked],
    target: Annotated[Path | None, target],
    prover_program: ProverProgram = None,
    format_: Format = "text",
) -> None:
    """Get a proof of a program on a private input.

    Registers the program where it is new, uploads the input, requests the proof, waits for it,
    checks what it claims (program, public values, exit code), has it verified and saves it for
    the Rust SDK to load. SP1's own verifier is in sp1tee-prover; where that is not, the result
    says "not verified", and `sp1tee verify proof` can make up for it. A proof that the verifier
    refutes is not saved.

    The input streams from where it is to the server: it is not copied to disk, and a large file
    is not loaded into memory (a pipe is, up to 1 GiB). For SP1 v6 it is read twice, because its
    compressed length must be known before it is sent.

    With --policy nothing is sent before the server's evidence is judged: certificate, quote, event
    log, OS image, configuration, CAA and images, as `sp1tee verify all` does. Unless all of it
    passes, the report is shown, and the exit code is the verdict's.
    """
    if target is None and prover_program is not None:
        raise ConfigError(_LEAVES, advice="Leave --prover-program out.")
    server = checked(contact.endpoint, check, asked)
    with (
        judging(prover_program) as judge,
        Live() as live,
        Requester.at(
            server, signer, patience=contact.patience, progress=live, judge=judge
        ) as asker,
    ):
        ticket = asker.request(program, source, order)
        if target is None:
            typer.echo(ticket.request_id.hex())
            return
        note(f"request {ticket.request_id.hex()} (`sp1tee wait` can fetch its proof too)")
        received = asker.wait(ticket)
    hand_over(received, target, as_json=format_ == "json")
