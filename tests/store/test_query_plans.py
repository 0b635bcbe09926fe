"""Every frequent question is answered from an index, however much there is."""

import pytest
from sqlalchemy import Connection, Select
from sqlalchemy.dialects import sqlite
from support.stores import GROTH16, V6, Room

from sp1tee.store import leasing, lookup, outbox, sweeping
from sp1tee.store.schema import in_states

pytestmark = pytest.mark.anyio

VALUES = {
    "now": 1.0,
    "before": 1.0,
    "batch": 10,
    "limit": 10,
    "requester": b"r",
    "value": "v",
    "vk_hash": b"v",
}
PLANS: dict[str, tuple[Select, set[str]]] = {
    "lease": (leasing.oldest_of(8), {"requests_queue"}),
    "outbox": (outbox.DUE, {"requests_to_tell"}),
    "lost leases": (sweeping.LOST, {"leases_by_expiry"}),
    "overdue": (sweeping.OVERDUE, {"requests_by_state"}),
    "undelivered": (sweeping.UNDELIVERED, {"requests_by_state"}),
    "never uploaded": (sweeping.NEVER_UPLOADED, {"artifacts_by_expiry"}),
    "unused uploads": (
        sweeping.UPLOADED,
        {"artifacts_by_expiry", "requests_by_stdin_artifact"},
    ),
    "old proofs": (sweeping.OLD_PROOFS, {"requests_with_proof"}),
    "old rows": (sweeping.OLD_REQUESTS, {"requests_by_state"}),
    "old places": (
        sweeping.OLD_ARTIFACTS,
        {"artifacts_by_expiry", "requests_by_stdin_artifact"},
    ),
    "usage": (
        lookup.USAGE,
        {"artifacts_by_requester", "requests_by_requester", "programs_by_owner"},
    ),
    "oldest program": (lookup.OLDEST_PROGRAM, {"programs_by_age"}),
    "open requests of one": (lookup.OPEN_COUNT, {"requests_by_requester"}),
    "upload place by uri": (lookup.ARTIFACT_BY_URI, {"sqlite_autoindex_artifacts_2"}),
    "by request id": (lookup.BY_REQUEST_ID, {"sqlite_autoindex_requests_3"}),
    "by proof token": (lookup.BY_PROOF_TOKEN, {"requests_by_proof_token"}),
    "counts": (lookup.COUNTS, {"requests_by_state"}),
}


def plan(room: Room, query: Select) -> list[str]:
    compiled = query.compile(dialect=sqlite.dialect())
    values = (
        VALUES | {f"version_{n}": V6 for n in range(8)} | {f"mode_{n}": GROTH16 for n in range(8)}
    )
    given = tuple({**compiled.params, **values}[name] for name in compiled.positiontup or ())

    def explain(connection: Connection) -> list[str]:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", given)
        return [row.detail for row in rows]

    return room.store._reader.now(explain)


@pytest.mark.parametrize("name", PLANS)
async def test_the_plan_uses_its_indexes_and_neither_scans_nor_sorts(room: Room, name: str) -> None:
    query, indexes = PLANS[name]
    details = plan(room, query)
    if name in {"overdue", "undelivered", "old rows"}:
        assert any("(state=? AND deadline<?)" in detail for detail in details), details
    for index in indexes:
        assert any(f"INDEX {index}" in detail for detail in details), details
    assert not any("TEMP B-TREE" in detail for detail in details), details
    allowed = ("SCAN requests USING COVERING INDEX requests_by_state", "SCAN anon", "SCAN CONSTANT")
    scans = [detail for detail in details if detail.startswith("SCAN")]
    assert all(scan.startswith(allowed) for scan in scans), details


async def test_states_are_spelled_out_as_the_partial_indexes_spell_them() -> None:
    assert "IN ('queued')" in str(in_states(["queued"]))
