"""A proof that came: saved, summed up, and said aloud if it proves nothing or nobody knows."""

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from sp1tee.cli.render import result, shout
from sp1tee.client import Received
from sp1tee.client.received import check_writable

RESULT_PANEL: Final = "Result"
DEFAULT_OUTPUT: Final = Path("proof.bin")

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Where to save the proof, in the form that the Rust SDK loads. "
        f"\\[default: {DEFAULT_OUTPUT}]",
        rich_help_panel=RESULT_PANEL,
    ),
]
Format = Annotated[
    Literal["text", "json"],
    typer.Option("--format", help="How to write the result.", rich_help_panel=RESULT_PANEL),
]


def output(*, output: Output = None) -> Path:
    """Choose where the proof goes, and see that it can.

    Raises:
        OutputFileError: it cannot be written there.
    """
    path = output or DEFAULT_OUTPUT
    check_writable(path)
    return path


def hand_over(received: Received, path: Path, *, as_json: bool) -> None:
    """Save a proof and write what it is to stdout.

    Raises:
        OutputFileError: it cannot be saved.
    """
    size = received.save(path)
    if received.mock:
        shout("MOCK PROOF: nothing is proved. Its public values are those of a run, no more.")
    elif received.verified is None:
        shout(f"NOT VERIFIED. {received.verification}")
    proof = received.proof
    facts = {
        "request_id": received.request_id.hex(),
        "proof": str(path),
        "bytes": size,
        "mode": str(proof.mode),
        "version": proof.sp1_version,
        "public_values": proof.public_values.hex(),
        "program_checked": received.program_checked,
        "mock": received.mock,
        "verified": received.verified,
        "verification": received.verification,
    }
    result(facts, as_json=as_json)
