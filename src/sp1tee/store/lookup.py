"""Reading. Nothing here changes anything."""

from collections.abc import Collection
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Select,
    String,
    bindparam,
    func,
    literal_column,
    select,
    true,
)

from sp1tee.store.records import (
    OPEN_STATES,
    Artifact,
    Leased,
    Program,
    RequestFilter,
    RequestRecord,
    SealedBlob,
    State,
    Usage,
)
from sp1tee.store.rows import (
    ARTIFACT_COLUMNS,
    BLOB_COLUMNS,
    PROGRAM_COLUMNS,
    REQUEST_COLUMNS,
    artifact_record,
    program_record,
    request_record,
    sealed_blob,
)
from sp1tee.store.schema import LARGEST, artifacts, blobs, in_states, programs, requests
from sp1tee.store.schema_work import leases

Material = tuple[Artifact, Program]
"""What a worker needs: the input and the program, both in the vault."""


def _request_by(column: str) -> Select[Any]:
    return select(*REQUEST_COLUMNS).where(requests.c[column] == bindparam("value"))


BY_REQUEST_ID: Final = _request_by("request_id")
BY_KEY: Final = _request_by("key")
BY_FINGERPRINT: Final = _request_by("fingerprint")
BY_PROOF_TOKEN: Final = _request_by("proof_token").where(requests.c.proof_token.is_not(None))


def one_request(
    connection: Connection, query: Select[Any], value: bytes | str
) -> RequestRecord | None:
    """Run one of the ``BY_…`` queries."""
    row = connection.execute(query, {"value": value}).one_or_none()
    return None if row is None else request_record(row)


def lease_material(connection: Connection, record: RequestRecord) -> Material | None:
    """Find what proving a request takes; None if any of it is missing."""
    stdin = connection.execute(_UPLOADED, {"id": record.stdin_artifact}).one_or_none()
    program = one_program(connection, record.vk_hash, record.program_owner)
    if stdin is None or program is None:
        return None
    return artifact_record(stdin), program


def by_lease(
    connection: Connection, lease_id: str, token: bytes, identity: str | None
) -> Leased | None:
    """See `Requests.by_lease`."""
    values = {"lease": lease_id, "token_hash": sha256(token).digest(), "identity": identity}
    held = connection.execute(_HELD, values).one_or_none()
    record = None if held is None else one_request(connection, BY_KEY, held.request)
    material = None if record is None else lease_material(connection, record)
    if held is None or record is None or material is None:
        return None
    return Leased(record, lease_id, token, held.expires_at, *material)


def lease_record(
    connection: Connection, lease_id: str, token: bytes, identity: str | None
) -> RequestRecord | None:
    """See `Requests.lease_record`."""
    values = {"lease": lease_id, "token_hash": sha256(token).digest(), "identity": identity}
    row = connection.execute(_ANY_LEASE, values).one_or_none()
    return None if row is None else one_request(connection, BY_KEY, row.request)


def find(connection: Connection, wanted: RequestFilter) -> list[RequestRecord]:
    """See `Requests.find`."""
    query = select(*REQUEST_COLUMNS).where(*_conditions(wanted))
    ordered = query.order_by(requests.c.seq if wanted.oldest_first else requests.c.seq.desc())
    page = ordered.limit(min(wanted.limit, LARGEST)).offset(min(wanted.offset, LARGEST))
    return [request_record(row) for row in connection.execute(page)]


def _conditions(wanted: RequestFilter) -> list[ColumnElement[bool]]:
    same = [
        requests.c[name] == getattr(wanted, name)
        for name in ("requester", "vk_hash", "version", "mode")
        if getattr(wanted, name) is not None
    ]
    if wanted.states is not None:
        same.append(in_states(wanted.states))
    if wanted.min_deadline is not None:
        same.append(requests.c.deadline >= min(wanted.min_deadline, LARGEST))
    if wanted.created_from is not None:
        same.append(requests.c.created_at >= min(wanted.created_from, LARGEST))
    if wanted.created_to is not None:
        same.append(requests.c.created_at <= min(wanted.created_to, LARGEST))
    return same


def counts(connection: Connection) -> dict[State, int]:
    """See `Requests.counts`."""
    found = {State(row.state): row.number for row in connection.execute(COUNTS)}
    return {state: found.get(state, 0) for state in State}


def usage(connection: Connection, requester: bytes, now: float) -> Usage:
    """See `Requests.usage`."""
    row = connection.execute(USAGE, {"requester": requester, "now": now}).one()
    return Usage(row.open_uploads, row.open_requests, row.upload_bytes + row.program_bytes)


def open_records(connection: Connection) -> list[RequestRecord]:
    """See `Requests.open_records`."""
    query = select(*REQUEST_COLUMNS).where(in_states(OPEN_STATES)).order_by(requests.c.seq)
    return [request_record(row) for row in connection.execute(query)]


def open_count(connection: Connection, requester: bytes, up_to: int) -> int:
    """See `Requests.open_count`."""
    values = {"requester": requester, "up_to": up_to}
    return int(connection.execute(OPEN_COUNT, values).scalar_one())


def one_artifact(connection: Connection, query: Select[Any], value: str) -> Artifact | None:
    """Run one of the ``ARTIFACT_BY_…`` queries."""
    row = connection.execute(query, {"value": value}).one_or_none()
    return None if row is None else artifact_record(row)


def one_program(
    connection: Connection, vk_hash: bytes, owner: bytes, *, lock: bool = False
) -> Program | None:
    """Find an owner's registration of a program; with `lock` nobody else changes it meanwhile."""
    query = _LOCKED_PROGRAM if lock else _PROGRAM
    row = connection.execute(query, {"vk_hash": vk_hash, "owner": owner}).one_or_none()
    return None if row is None else program_record(row)


def oldest_program(connection: Connection, vk_hash: bytes) -> Program | None:
    """See `Programs.oldest`."""
    row = connection.execute(OLDEST_PROGRAM, {"vk_hash": vk_hash}).one_or_none()
    return None if row is None else program_record(row)


def one_blob(connection: Connection, blob_id: str) -> SealedBlob | None:
    """Find a blob's key."""
    row = connection.execute(_BLOB, {"id": blob_id}).one_or_none()
    return None if row is None else sealed_blob(row)


def keyed(connection: Connection, blob_ids: Collection[str]) -> set[str]:
    """Say which of some blobs have a key."""
    return set(connection.scalars(select(blobs.c.id).where(blobs.c.id.in_(blob_ids))))


_ANY_LEASE: Final = select(leases.c.request, leases.c.expires_at).where(
    leases.c.id == bindparam("lease"),
    leases.c.token_hash == bindparam("token_hash"),
    leases.c.identity.is_not_distinct_from(bindparam("identity", type_=String)),
)
_HELD: Final = _ANY_LEASE.where(leases.c.outcome.is_(None))
_UPLOADED: Final = select(*ARTIFACT_COLUMNS).where(
    artifacts.c.id == bindparam("id"),
    artifacts.c.state == literal_column("'uploaded'"),
    artifacts.c.blob.is_not(None),
)
_REGISTRATIONS: Final = select(*PROGRAM_COLUMNS).where(programs.c.vk_hash == bindparam("vk_hash"))
_PROGRAM: Final = _REGISTRATIONS.where(programs.c.owner == bindparam("owner"))
_LOCKED_PROGRAM: Final = _PROGRAM.with_for_update()
OLDEST_PROGRAM: Final = (
    _REGISTRATIONS.where(programs.c.shared == true())
    .order_by(programs.c.created_at, programs.c.owner)
    .limit(1)
)
_BLOB: Final = select(*BLOB_COLUMNS).where(blobs.c.id == bindparam("id"))


def _artifact_by(column: str) -> Select[Any]:
    return select(*ARTIFACT_COLUMNS).where(artifacts.c[column] == bindparam("value"))


ARTIFACT_BY_ID: Final = _artifact_by("id")
ARTIFACT_BY_URI: Final = _artifact_by("uri")
COUNTS: Final = select(requests.c.state, func.count().label("number")).group_by(requests.c.state)
_OWN_UPLOADS: Final = artifacts.c.requester == bindparam("requester", type_=LargeBinary)
USAGE: Final = select(
    select(func.count())
    .select_from(artifacts)
    .where(
        _OWN_UPLOADS,
        artifacts.c.state == literal_column("'created'"),
        artifacts.c.expires_at > bindparam("now"),
    )
    .scalar_subquery()
    .label("open_uploads"),
    select(func.count())
    .select_from(requests)
    .where(
        requests.c.requester == bindparam("requester", type_=LargeBinary), in_states(OPEN_STATES)
    )
    .scalar_subquery()
    .label("open_requests"),
    select(func.coalesce(func.sum(artifacts.c.size), 0))
    .where(_OWN_UPLOADS, artifacts.c.state == literal_column("'uploaded'"))
    .scalar_subquery()
    .label("upload_bytes"),
    select(func.coalesce(func.sum(programs.c.size), 0))
    .where(programs.c.owner == bindparam("requester", type_=LargeBinary))
    .scalar_subquery()
    .label("program_bytes"),
)
# Stops counting where the answer does not matter any more: the busiest path asks this.
OPEN_COUNT: Final = select(func.count()).select_from(
    select(requests.c.seq)
    .where(
        requests.c.requester == bindparam("requester", type_=LargeBinary), in_states(OPEN_STATES)
    )
    .limit(bindparam("up_to"))
    .subquery()
)
