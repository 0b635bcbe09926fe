"""Whose turn it is: requesters stand in one line, and who was served goes to its end.

A requester is in line once for every kind of request (version and mode) that it has queued, each
time with the same turn. The lowest turn goes next. A new requester gets the turn behind everybody
else's; one that comes back keeps the turn it had, which is that of its last lease. So nobody waits
for more than one lease of each of the others, however much they have queued.

Who has nothing queued any more is noticed only when its turn comes: that costs no more than
joining did, while counting would burden every change of a request.
"""

from collections.abc import Collection
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Integer,
    LargeBinary,
    Select,
    String,
    bindparam,
    delete,
    exists,
    false,
    func,
    literal_column,
    select,
    true,
    union_all,
    update,
)

from sp1tee.store.records import RequestRecord
from sp1tee.store.schema import requests, upsert
from sp1tee.store.schema_work import turns
from sp1tee.store.writer import Tx

_AT_ONCE: Final = 16

Kind = tuple[str, int]
"""A circuit version and a mode: what workers say they can prove."""


def join_line(tx: Tx, record: RequestRecord) -> None:
    """Note that a requester has something of this kind queued."""
    tx.connection.execute(
        _JOIN,
        {
            "its_requester": record.requester,
            "its_version": record.version,
            "its_mode": record.mode,
        },
    )


def next_requester(tx: Tx, kinds: Collection[Kind]) -> bytes | None:
    """Say whose turn it is among those with something of these kinds; it may be gone by now.

    Where others lease at the same time, each serves another requester, unless there is only one.
    """
    query = next_free_of(len(kinds)) if tx.shared else next_of(len(kinds))
    requester: bytes | None = tx.connection.scalar(query, kind_values(kinds))
    if requester is None and tx.shared:
        return _next_in_time(tx, kinds)
    return requester


def served(tx: Tx, requester: bytes) -> None:
    """Send a requester to the end of the line."""
    tx.connection.execute(_SERVED, {"served": requester})


def leave_line(tx: Tx, requester: bytes, kinds: Collection[Kind]) -> None:
    """Note that a requester has nothing of these kinds queued.

    The caller looks again after `stop_joining`: what joined before may have been out of sight.
    """
    values = [
        {"leaver": requester, "its_version": version, "its_mode": mode} for version, mode in kinds
    ]
    tx.connection.execute(_LEAVE, values)


def stop_joining(tx: Tx, requester: bytes) -> None:
    """Let nobody of this requester join the line until the transaction ends."""
    tx.connection.execute(_STOP, {"requester": requester})


def forget_absent(tx: Tx, requester: bytes) -> None:
    """Forget a requester's place in line if not one of its requests is left."""
    if tx.shared:
        # What joined a moment ago is in sight then.
        stop_joining(tx, requester)
    tx.connection.execute(_FORGET, {"absent": requester})


def _next_in_time(tx: Tx, kinds: Collection[Kind]) -> bytes | None:
    """Wait until whoever is next has been served elsewhere, and say whose turn it is then."""
    requester: bytes | None = tx.connection.scalar(next_of(len(kinds)), kind_values(kinds))
    if requester is None:
        return None
    tx.connection.execute(_AFTER_OTHERS, {"requester": requester})
    return requester


def kind_values(kinds: Collection[Kind]) -> dict[str, Any]:
    """Spread kinds over the parameters of a query that is made for so many."""
    values: dict[str, Any] = {}
    for number, (version, mode) in enumerate(kinds):
        values |= {f"version_{number}": version, f"mode_{number}": mode}
    return values


@lru_cache
def next_of(kinds: int) -> Select[Any]:
    """Build the query for whose turn it is: one index look-up for each kind."""
    heads = [_head(number) for number in range(kinds)]
    lowest = select(func.min(union_all(*heads).subquery().c.turn)).scalar_subquery()
    return select(turns.c.requester).where(turns.c.turn == lowest).limit(literal_column("1"))


def _head(number: int) -> Select[tuple[int]]:
    first = _first(number, turns.c.turn).limit(literal_column("1"))
    return select(first.subquery().c.turn)


def _front(number: int) -> Select[tuple[bytes, int]]:
    first = _first(number, turns.c.requester, turns.c.turn).limit(literal_column(str(_AT_ONCE)))
    line = first.subquery()
    return select(line.c.requester, line.c.turn)


def _first(number: int, *columns: ColumnElement[Any]) -> Select[Any]:
    return (
        select(*columns)
        .where(
            turns.c.waiting == true(),
            turns.c.version == bindparam(f"version_{number}", type_=String),
            turns.c.mode == bindparam(f"mode_{number}", type_=Integer),
        )
        .order_by(turns.c.turn)
    )


@lru_cache
def next_free_of(kinds: int) -> Select[Any]:
    """Build the query for whose turn it is among those whom nobody else serves right now.

    It looks at the first few, so that as many can be served at the same time.
    """
    line = union_all(*(_front(number) for number in range(kinds))).subquery()
    # As a table made first, so that a lock is tried for those in front only, until one is had.
    front = (
        select(line.c.requester, func.min(line.c.turn).label("turn"))
        .group_by(line.c.requester)
        .order_by(func.min(line.c.turn))
        .limit(literal_column(str(_AT_ONCE)))
        .cte("front")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return (
        select(front.c.requester)
        .where(func.pg_try_advisory_xact_lock(_number_of(front.c.requester)))
        .limit(literal_column("1"))
    )


def _number_of(requester: ColumnElement[bytes]) -> ColumnElement[int]:
    """Number a requester, for an advisory lock."""
    return func.hashtextextended(func.encode(requester, literal_column("'hex'")), 0)


_others: Final = turns.alias("others")
_END: Final = select(func.coalesce(func.max(_others.c.turn), 0) + 1).scalar_subquery()
_OWN: Final = (
    select(_others.c.turn)
    .where(_others.c.requester == bindparam("its_requester", type_=LargeBinary))
    .limit(literal_column("1"))
    .scalar_subquery()
)
_JOIN: Final = (
    upsert(turns)
    .values(
        requester=bindparam("its_requester"),
        version=bindparam("its_version"),
        mode=bindparam("its_mode"),
        turn=func.coalesce(_OWN, _END),
        waiting=True,
    )
    .on_conflict_do_update(
        index_elements=[turns.c.requester, turns.c.version, turns.c.mode],
        set_={"waiting": True},
        where=turns.c.waiting == false(),
    )
)
_STOP: Final = (
    select(turns.c.mode)
    .where(turns.c.requester == bindparam("requester"))
    .order_by(turns.c.version, turns.c.mode)
    .with_for_update()
)
_AFTER_OTHERS: Final = select(
    func.pg_advisory_xact_lock(_number_of(bindparam("requester", type_=LargeBinary)))
)
_SERVED: Final = update(turns).where(turns.c.requester == bindparam("served")).values(turn=_END)
_LEAVE: Final = (
    update(turns)
    .where(
        turns.c.requester == bindparam("leaver"),
        turns.c.version == bindparam("its_version"),
        turns.c.mode == bindparam("its_mode"),
    )
    .values(waiting=False)
)
_FORGET: Final = delete(turns).where(
    turns.c.requester == bindparam("absent"),
    ~exists().where(requests.c.requester == turns.c.requester),
)
