"""Which of a requester's requests a worker gets: the oldest, or one whose program it has set up.

Setting a program up takes seconds and a place in the prover's memory, so a worker that has it does
better. Who waits pays for that, and only within bounds: a request is overtaken by others of its own
requester alone, by such as came within a minute after it, and not once half its time is over.
"""

from collections.abc import Collection
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Integer,
    LargeBinary,
    Row,
    Select,
    String,
    bindparam,
    func,
    literal_column,
    select,
    union_all,
)

from sp1tee.store.records import RequestRecord, State
from sp1tee.store.rows import REQUEST_COLUMNS, request_record
from sp1tee.store.schema import in_states, requests
from sp1tee.store.turns import Kind, kind_values
from sp1tee.store.writer import Tx

OVERTAKEN_FOR_S: Final = 60
"""A request is overtaken by those that came at most so much later."""

WINDOW: Final = 8
"""How many of each kind are looked at for a program that is set up."""


def chosen(
    tx: Tx, requester: bytes, kinds: Collection[Kind], keys: Collection[bytes]
) -> RequestRecord | None:
    """Find what a worker gets that has the programs with these keys set up; None for nothing.

    What somebody else is at, to cancel it for one, is left out: it is no work for now.
    """
    values = _values(requester, kinds)
    if keys:
        front = tx.connection.execute(front_of(len(kinds)), values).all()
        number = _prepared(front, keys, tx.now)
        if number is not None and (record := _record(tx, _FREE, {"number": number})) is not None:
            return record
    return _record(tx, oldest_of(len(kinds)), values)


def has_queued(tx: Tx, requester: bytes, kinds: Collection[Kind]) -> bool:
    """Tell whether a requester has anything of these kinds queued, whoever is at it."""
    return tx.connection.scalar(queued_of(len(kinds)), _values(requester, kinds)) is not None


def _prepared(front: Collection[Row[Any]], keys: Collection[bytes], now: float) -> int | None:
    """Find the number of the first whose program is set up, if it may go before those it passes."""
    line = sorted(front, key=lambda waiting: waiting.seq)[:WINDOW]
    passed: list[Row[Any]] = []
    for waiting in line:
        if waiting.vk_hash in keys:
            may = all(_may_overtake(waiting, other, now) for other in passed)
            return waiting.seq if may else None
        passed.append(waiting)
    return None


def _may_overtake(waiting: Row[Any], other: Row[Any], now: float) -> bool:
    """Tell whether one request may go before another that came earlier."""
    half_over = now > (other.created_at + other.deadline) / 2
    return not half_over and waiting.created_at - other.created_at <= OVERTAKEN_FOR_S


def _record(tx: Tx, query: Select[Any], values: dict[str, Any]) -> RequestRecord | None:
    row = tx.connection.execute(query, values).one_or_none()
    return None if row is None else request_record(row)


def _values(requester: bytes, kinds: Collection[Kind]) -> dict[str, Any]:
    return {"requester": requester, **kind_values(kinds)}


@lru_cache
def queued_of(kinds: int) -> Select[tuple[int]]:
    """Build the query for the number of a requester's oldest of so many kinds, whoever is at it."""
    heads = [_numbers(_first(number, requests.c.seq)) for number in range(kinds)]
    return select(func.min(union_all(*heads).subquery().c.seq))


@lru_cache
def oldest_of(kinds: int) -> Select[Any]:
    """Build the query for a requester's oldest of so many kinds: one index look-up for each."""
    heads = [_numbers(_first(number, requests.c.seq), free=True) for number in range(kinds)]
    earliest = select(func.min(union_all(*heads).subquery().c.seq)).scalar_subquery()
    return select(*REQUEST_COLUMNS).where(requests.c.seq == earliest).with_for_update()


@lru_cache
def front_of(kinds: int) -> CompoundSelect[Any]:
    """Build the query for a requester's first few of each of so many kinds."""
    firsts = (_first(number, *_LINE).limit(literal_column(str(WINDOW))) for number in range(kinds))
    return union_all(*(select(first.subquery()) for first in firsts))


def _numbers(query: Select[tuple[int]], *, free: bool = False) -> Select[tuple[int]]:
    first = query.limit(literal_column("1"))
    if free:
        first = first.with_for_update(skip_locked=True)
    return select(first.subquery().c.seq)


def _first(number: int, *columns: ColumnElement[Any]) -> Select[Any]:
    """Build the query for a requester's requests of one kind, oldest first."""
    return (
        select(*columns)
        .where(
            in_states([State.QUEUED]),
            requests.c.version == bindparam(f"version_{number}", type_=String),
            requests.c.mode == bindparam(f"mode_{number}", type_=Integer),
            requests.c.requester == bindparam("requester", type_=LargeBinary),
        )
        .order_by(requests.c.seq)
    )


_LINE: Final = (requests.c.seq, requests.c.vk_hash, requests.c.created_at, requests.c.deadline)
_FREE: Final = (
    select(*REQUEST_COLUMNS)
    .where(requests.c.seq == bindparam("number"), in_states([State.QUEUED]))
    .with_for_update(skip_locked=True)
)
