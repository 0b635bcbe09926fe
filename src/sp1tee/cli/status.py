"""`sp1tee status`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from sp1tee.cli.assembled import assembled
from sp1tee.cli.contact import Contact, contact
from sp1tee.cli.examples import examples
from sp1tee.cli.handover import Format
from sp1tee.cli.live import Live
from sp1tee.cli.render import result
from sp1tee.client import Session
from sp1tee.wire.hexes import from_hex

app = typer.Typer(add_completion=False, rich_markup_mode="rich")

RequestId = Annotated[
    str, typer.Argument(metavar="ID", help="The request's id, 64 hex digits, as prove printed it.")
]


def request_id(*, id_: RequestId) -> bytes:
    """Read a request's id; raises `HexError`."""
    return from_hex(id_, 32, "request id")


@app.command(
    epilog=examples(
        "sp1tee status 0f3c… --server https://prover.example.org",
        "sp1tee status 0f3c… --format json | jq -r .state",
    )
)
@assembled
def status(
    request_id: Annotated[bytes, request_id],
    contact: Annotated[Contact, contact],
    format_: Format = "text",
) -> None:
    """Show how far a request is.

    Needs no key. The state is what the network calls it: requested, assigned, fulfilled,
    unfulfillable, reverted or expired; where it failed, the server's reason is shown too. The
    exit code tells whether the question was answered, not what the answer is.
    """
    with (
        Live() as live,
        Session.open(contact.endpoint, patience=contact.patience, progress=live) as session,
    ):
        found = session.repeat(lambda: session.calls.status(request_id))
    facts = {
        "request_id": request_id.hex(),
        "state": str(found.fulfillment),
        "execution": str(found.execution),
        "deadline": _moment(found.deadline),
        "reason": found.reason or None,
        "code": found.code or None,
    }
    result(facts, as_json=format_ == "json")


def _moment(seconds: int) -> str:
    """Write a time; a server may name one that is beyond any calendar."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    except (OverflowError, ValueError, OSError):
        return f"{seconds} seconds after 1970"
