"""`sp1tee wait`."""

from pathlib import Path
from typing import Annotated

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.contact import Contact, contact, seconds
from sp1tee.cli.examples import examples
from sp1tee.cli.handover import Format, hand_over, output
from sp1tee.cli.judging import ProverProgram, judging
from sp1tee.cli.live import Live
from sp1tee.cli.materials import Vk, VkHash, hash_of
from sp1tee.cli.status import request_id
from sp1tee.client import Expected, Program, Session
from sp1tee.client import wait as wait_for
from sp1tee.client.program import read_vk
from sp1tee.wire.keys import vk_hash_v6

app = typer.Typer(add_completion=False, rich_markup_mode="rich")


def expected(
    *,
    program: Annotated[
        Path | None,
        typer.Option(
            metavar="PROGRAM",
            help="Check that the proof is of this program, and have it verified; its key must be "
            "known.",
        ),
    ] = None,
    vk: Vk = None,
    vk_hash: VkHash = None,
) -> Expected:
    """Say what the proof should prove; raises as `Program.read`."""
    named = hash_of(vk_hash, "vk hash")
    if program is None and vk is not None:
        key = read_vk(vk)
        return Expected(vk_hash=vk_hash_v6(key) if named is None else named, vk=key)
    if program is None:
        return Expected(vk_hash=named)
    known = Program.read(program, vk_file=vk, vk_hash=named)
    return Expected(vk_hash=known.vk_hash, vk=known.whole_key)


@app.command(
    epilog=examples(
        "sp1tee wait 0f3c… --server https://prover.example.org --program app.elf -o app.proof",
        "# look once, wait no longer",
        "sp1tee wait 0f3c… --timeout 0",
    )
)
@assembled
def wait(
    *,
    request_id: Annotated[bytes, request_id],
    expected: Annotated[Expected, expected],
    contact: Annotated[Contact, contact],
    path: Annotated[Path, output],
    timeout: Annotated[
        int | None,
        typer.Option(
            metavar="TIME",
            parser=seconds,
            help="How long to wait, such as 90, 15m or 4h. \\[default: until its deadline]",
        ),
    ] = None,
    prover_program: ProverProgram = None,
    format_: Format = "text",
) -> None:
    """Wait for a request's proof and fetch it.

    Needs no key of yours, and works from any machine. What the proof claims is checked: that its
    run succeeded, that it commits to the public values it carries, and, given --program, --vk or
    --vk-hash, which program it is of. Given the program or its whole key, SP1's own verifier is
    asked too, in sp1tee-prover; a proof that it refutes is not saved.
    """
    with (
        judging(prover_program) as judge,
        Live() as live,
        Session.open(contact.endpoint, patience=contact.patience, progress=live) as session,
    ):
        received = wait_for(session, request_id, expected=expected, timeout_s=timeout, judge=judge)
    hand_over(received, path, as_json=format_ == "json")
