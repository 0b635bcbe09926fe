"""Reading the books of an epoch from where its processes left them."""

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from chaos.books import Change, Row
from sp1tee.sim import canary
from sp1tee.store.master_key import BLOBS_DIR, DATABASE

_ROWS: Final = """
    SELECT key, lower(hex(request_id)) AS request_id, state, coalesce(text, '') AS text,
        stdin_artifact, proof_blob,
        (SELECT count(*) FROM leases WHERE request = key AND outcome = 'finished') AS finished
    FROM requests ORDER BY seq
"""
_BLOBS: Final = """
    SELECT b.id,
        CASE
            WHEN EXISTS (SELECT 1 FROM programs WHERE blob = b.id) THEN 'a program'
            WHEN EXISTS (SELECT 1 FROM requests WHERE proof_blob = b.id AND state = 'settled')
                THEN 'a proof in its retention'
            WHEN EXISTS (
                SELECT 1 FROM artifacts a WHERE a.blob = b.id AND a.state = 'uploaded'
                AND NOT EXISTS (SELECT 1 FROM requests WHERE stdin_artifact = a.id)
            ) THEN 'an upload that may still be used'
            ELSE ''
        END AS needed_for
    FROM blobs b
"""
_COMPLAINT: Final = re.compile(
    r"Traceback|never retrieved|never awaited|is a bug|met a bug|intake_failed|unexpected"
    r"|\"level\": \"critical\"|Segmentation|Fatal Python|unhandled",
    re.IGNORECASE,
)
_HANDED_IN: Final = "proof handed in"
_LINE_LIMIT: Final = 300


def rows(data: Path) -> tuple[Row, ...]:
    """Read the requests of a store whose server has ended."""
    return tuple(
        Row(key, request_id or None, state, text, stdin, proof, finished)
        for key, request_id, state, text, stdin, proof, finished in _query(data, _ROWS)
    )


def blobs(data: Path) -> dict[str, str]:
    """Read which blobs a store has keys of, and what they are needed for."""
    return dict(_query(data, _BLOBS))


def files(data: Path) -> frozenset[str]:
    """Name the files of a vault that hold or held blobs."""
    place = data / BLOBS_DIR
    return frozenset(path.name for path in place.rglob("*") if "_" in path.name and path.is_file())


def changes(entries: Sequence[Mapping[str, object]]) -> tuple[Change, ...]:
    """Read the network's ledger."""
    return tuple(
        Change(str(entry["kind"]), str(entry["request_id"]), _text(entry["proof_sha256"]))
        for entry in entries
        if entry["request_id"] is not None
    )


def handed_in(folder: Path) -> tuple[str, ...]:
    """Read from workers' logs for which requests a proof was taken from them."""
    events = (event for event in _events(folder) if event.get("event") == _HANDED_IN)
    return tuple(str(event["request"]) for event in events)


def complaints(folder: Path) -> tuple[str, ...]:
    """Find lines in logs that no fault explains."""
    return tuple(
        f"{log.name}: {line[:_LINE_LIMIT]}"
        for log in sorted(folder.glob("*.log"))
        for line in log.read_text(errors="replace").splitlines()
        if _COMPLAINT.search(line)
    )


def leaks(folder: Path, marker: bytes) -> tuple[str, ...]:
    """Look for what stands in every input of an epoch; also for what must be found."""
    # Ids of upload places stand in the database, and so does the load's own ledger here.
    report = canary.search([folder], [marker], controls=[b"artifact_", b'"amount"'])
    return (
        *report.hits,
        *(f"(nothing, as not even {c} was found)" for c in report.missed_controls),
    )


def _query(data: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{data / DATABASE}?mode=ro", uri=True)) as connection:
        found: list[tuple[Any, ...]] = connection.execute(query).fetchall()
        return found


def _events(folder: Path) -> Iterator[dict[str, object]]:
    for log in sorted(folder.glob("*.log")):
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("{"):
                yield json.loads(line)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
