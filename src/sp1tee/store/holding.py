"""Who holds a lease. Only the token's sha256 is kept, so only the worker can show it.

The token is good for nobody but the worker whose lease it is, known by the token of its own that it
shows to the worker listener.
"""

from hashlib import sha256
from typing import Any, Final

from sqlalchemy import Row, String, bindparam, select, update

from sp1tee.errors import LeaseLost
from sp1tee.store.records import RequestRecord
from sp1tee.store.rows import REQUEST_COLUMNS, request_record
from sp1tee.store.schema import requests
from sp1tee.store.schema_work import leases
from sp1tee.store.writer import Tx

OF_HOLDER: Final = (
    leases.c.id == bindparam("lease"),
    leases.c.token_hash == bindparam("token_hash"),
    leases.c.identity.is_not_distinct_from(bindparam("identity", type_=String)),
)
_REQUEST: Final = (
    select(*REQUEST_COLUMNS)
    .where(requests.c.key == select(leases.c.request).where(*OF_HOLDER).scalar_subquery())
    .with_for_update()
)
_LEASE: Final = select(leases.c.mock, leases.c.outcome).where(leases.c.id == bindparam("lease"))

Lease = Row[bool, str | None]
"""Of a lease: mock and outcome."""


def holder_values(lease_id: str, token: bytes, identity: str | None) -> dict[str, Any]:
    """Spread what a worker shows over the parameters of `OF_HOLDER`."""
    return {"lease": lease_id, "token_hash": sha256(token).digest(), "identity": identity}


def any_lease(
    tx: Tx, lease_id: str, token: bytes, identity: str | None
) -> tuple[RequestRecord, Lease]:
    """Find a lease, held or not, and its request.

    Raises:
        LeaseLost: this worker has none with this token.
    """
    row = tx.connection.execute(_REQUEST, holder_values(lease_id, token, identity)).one_or_none()
    if row is None:
        raise LeaseLost("There is no such lease.")
    # Only whoever has locked a request changes its leases: this is how it stands.
    return request_record(row), tx.connection.execute(_LEASE, {"lease": lease_id}).one()


def held_lease(tx: Tx, lease_id: str, token: bytes, identity: str | None) -> RequestRecord:
    """Find the request that a lease holds.

    Raises:
        LeaseLost: it holds none, or none any more.
    """
    record, lease = any_lease(tx, lease_id, token, identity)
    if lease.outcome is not None:
        raise LeaseLost("This lease does not hold its request any more.")
    return record


def note_refused(tx: Tx, lease_id: str, token: bytes, identity: str | None) -> None:
    """See `Requests.note_refused`."""
    any_lease(tx, lease_id, token, identity)
    tx.connection.execute(update(leases).where(leases.c.id == lease_id).values(refused=True))
