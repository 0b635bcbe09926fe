"""How long proofs take here, as far as finished ones show: what cannot end in time is not begun.

Counted is the time from a worker's first word that it proves to the proof: less than the lease
took, so that waiting for a busy prover is no part of it. Of a program's last proofs of one mode the
fastest counts: a request that has less time left than that is known to be late.
"""

from typing import Final

from sqlalchemy import Integer, LargeBinary, bindparam, func, literal_column, select, update

from sp1tee.store.records import UNKNOWN_FAILURE, Failure, RequestRecord
from sp1tee.store.schema import requests
from sp1tee.store.schema_work import leases
from sp1tee.store.writer import Tx

PROVING: Final = 4
"""The worker protocol's ``STAGE_PROVING``."""

LOOKED_AT: Final = 32
ENOUGH: Final = 3
"""Fewer proofs than this show nothing."""


def proving_began(tx: Tx, lease_id: str) -> None:
    """Note that the holder of a lease says for the first time that it proves."""
    tx.connection.execute(_BEGAN, {"lease": lease_id, "at": tx.now})


def took_s(tx: Tx, lease_id: str) -> float | None:
    """Say how long the holder of a lease has been proving; None if it never said that it did."""
    began = tx.connection.execute(_PROVING_AT, {"lease": lease_id}).scalar_one()
    return None if began is None else max(0.0, tx.now - began)


def too_late(tx: Tx, record: RequestRecord) -> Failure | None:
    """Say why a request cannot end in time, if that is known."""
    left = record.deadline - tx.now
    if left <= 0:
        return Failure(UNKNOWN_FAILURE, None, "The deadline passed before a prover was free.")
    values = {"vk_hash": record.vk_hash, "mode": record.mode}
    row = tx.connection.execute(PACE, values).one()
    if row.number < ENOUGH or row.fastest <= left:
        return None
    return Failure(
        UNKNOWN_FAILURE,
        None,
        f"Proving was not begun: {left:.0f} s were left, and the fastest of this program's last "
        f"{row.number} proofs of this mode took {row.fastest:.0f} s. Ask with a later deadline.",
    )


_BEGAN: Final = (
    update(leases)
    .where(leases.c.id == bindparam("lease"), leases.c.proving_at.is_(None))
    .values(proving_at=bindparam("at"))
)
_PROVING_AT: Final = select(leases.c.proving_at).where(leases.c.id == bindparam("lease"))
_LAST: Final = (
    select(requests.c.took_s)
    .where(
        requests.c.took_s.is_not(None),
        requests.c.vk_hash == bindparam("vk_hash", type_=LargeBinary),
        requests.c.mode == bindparam("mode", type_=Integer),
    )
    .order_by(requests.c.seq.desc())
    .limit(literal_column(str(LOOKED_AT)))
    .subquery()
)
PACE: Final = select(
    func.count().label("number"), func.min(_LAST.c.took_s).label("fastest")
).select_from(_LAST)
