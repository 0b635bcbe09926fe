"""PostgreSQL answers every frequent question from an index, however much there is."""

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, LargeBinary, Select, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement, Executable
from support.postgres import Postgres
from support.queries import QUERIES, VALUES
from support.stores import Room, database_name

from sp1tee.store import schema
from sp1tee.store.postgres.feed import CHANGED

pytestmark = pytest.mark.anyio
DATABASES = ("postgres",)

ALL = {name: query for name, (query, _) in QUERIES.items()} | {"what others changed": CHANGED}
COUNT = 20_000
COLUMNS = ", ".join(column.name for column in schema.requests.c)
OPEN = ("accepted", "queued", "leased", "proved")
FILL = f"""
    CREATE TEMP TABLE many AS
    SELECT r.*, n FROM requests r, generate_series(1, {COUNT}) n WHERE r.state = 'settled';
    UPDATE many SET
        seq = seq + n, key = 'req_' || n, fingerprint = sha256(n::text::bytea),
        request_id = sha256(n::text::bytea), requester = sha256((n % 500)::text::bytea),
        proof_blob = CASE WHEN n % 9 = 0 THEN 'blob_' || n END,
        proof_token = CASE WHEN n % 9 = 0 THEN 'token_' || n END,
        state = CASE WHEN n % 10 = 0 THEN ('{{{",".join(OPEN)}}}'::text[])[n / 10 % 4 + 1]
                     ELSE 'settled' END,
        tell_at = CASE WHEN n % 100 = 0 THEN n END, deadline = deadline + n, changed_in = n,
        stdin_artifact = 'artifact_' || n, fulfilled_at = fulfilled_at + n;
    INSERT INTO artifacts (id, kind, requester, uri, state, token_hash, created_at,
        expires_at, size, sha256, blob)
    SELECT 'artifact_' || n, kind, sha256((n % 500)::text::bytea), uri || n,
        CASE WHEN n % 10 = 0 THEN 'uploaded' ELSE 'erased' END, token_hash, created_at,
        expires_at + n, size, sha256, 'blob_' || n
    FROM (SELECT * FROM artifacts LIMIT 1) a, generate_series(1, {COUNT}) n;
    INSERT INTO requests ({COLUMNS}) SELECT {COLUMNS} FROM many;
    INSERT INTO leases (id, request, token_hash, worker, mock, expires_at,
        outcome, reason, began_at, ended_at, identity, refused, proving_at)
    SELECT 'lease_' || n, 'req_' || n, token_hash, worker, mock, expires_at + n,
        CASE WHEN n % 10 > 0 THEN 'ended' END, reason, began_at, ended_at + n,
        'gpu-' || n % 100, refused, proving_at
    FROM (SELECT * FROM leases LIMIT 1) l, generate_series(1, {COUNT}) n;
    INSERT INTO turns (requester, version, mode, turn, waiting)
    SELECT DISTINCT ON (requester) requester, version, mode, seq, n % 10 = 0 FROM many;
"""
"""Many requests of many requesters, one in ten of them open, with their inputs and leases."""


class Explain(Executable, ClauseElement):
    """How a query would be answered."""

    inherit_cache = False

    def __init__(self, query: Select[Any]) -> None:
        self.query = query


@compiles(Explain)
def _explain(element: Explain, compiler: SQLCompiler, **options: Any) -> str:
    return f"EXPLAIN {compiler.process(element.query, **options)}"


def explained(connection: Connection, query: Select[Any]) -> str:
    binds = query.compile().binds
    binary = "value" in binds and isinstance(binds["value"].type, LargeBinary)
    values = {**VALUES, "mark": COUNT - 10} | ({"value": b"v"} if binary else {})
    return "\n".join(row[0] for row in connection.execute(Explain(query), values))


async def test_no_frequent_question_reads_a_whole_table(
    room: Room, postgres_server: Postgres, tmp_path: Path
) -> None:
    await room.settled()
    database = database_name(tmp_path / "data")
    postgres_server.sql(FILL, database)
    postgres_server.sql("VACUUM ANALYZE", database)
    queries = {**ALL, "control": select(schema.requests.c.key).where(schema.requests.c.cycles == 1)}
    async with room.store._database.engine.connect() as connection:
        plans = {n: await connection.run_sync(explained, query) for n, query in queries.items()}
    scans = re.compile(r"Seq Scan on (requests|artifacts|leases|turns)\b")
    assert [name for name, plan in plans.items() if scans.search(plan)] == ["control"], plans
