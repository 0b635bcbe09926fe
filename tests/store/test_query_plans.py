"""Every frequent question is answered from an index, however much there is."""

import pytest
from sqlalchemy import Connection, Select
from sqlalchemy.dialects import sqlite
from support.queries import QUERIES, VALUES
from support.stores import Room

from sp1tee.store.schema import in_states

pytestmark = pytest.mark.anyio
DATABASES = ("sqlite",)


async def plan(room: Room, query: Select) -> list[str]:
    compiled = query.compile(dialect=sqlite.dialect())
    given = tuple({**compiled.params, **VALUES}[name] for name in compiled.positiontup or ())

    def explain(connection: Connection) -> list[str]:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", given)
        return [row.detail for row in rows]

    return await room.store._reader.now(explain)


@pytest.mark.parametrize("name", QUERIES)
async def test_the_plan_uses_its_indexes_and_neither_scans_nor_sorts(room: Room, name: str) -> None:
    query, indexes = QUERIES[name]
    details = await plan(room, query)
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
