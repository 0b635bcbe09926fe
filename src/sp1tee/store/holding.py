"""Who holds a lease. Only the token's sha256 is kept, so only the worker can show it."""

from hashlib import sha256
from typing import Final

from sqlalchemy import Row, bindparam, select

from sp1tee.errors import LeaseLost
from sp1tee.store.moving import request_by_key
from sp1tee.store.records import RequestRecord
from sp1tee.store.schema import leases
from sp1tee.store.writer import Tx

_LEASE: Final = select(leases.c.request, leases.c.mock, leases.c.outcome).where(
    leases.c.id == bindparam("lease"), leases.c.token_hash == bindparam("token_hash")
)


def any_lease(tx: Tx, lease_id: str, token: bytes) -> Row[str, bool, str | None]:
    """Find a lease, held or not, as request, mock and outcome.

    Raises:
        LeaseLost: there is none with this token.
    """
    row = tx.connection.execute(
        _LEASE, {"lease": lease_id, "token_hash": sha256(token).digest()}
    ).one_or_none()
    if row is None:
        raise LeaseLost("There is no such lease.")
    return row


def held_lease(tx: Tx, lease_id: str, token: bytes) -> RequestRecord:
    """Find the request that a lease holds.

    Raises:
        LeaseLost: it holds none, or none any more.
    """
    row = any_lease(tx, lease_id, token)
    if row.outcome is not None:
        raise LeaseLost("This lease does not hold its request any more.")
    return request_by_key(tx, row.request)
