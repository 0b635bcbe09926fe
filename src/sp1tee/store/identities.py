"""Workers with tokens of their own."""

import hmac
from typing import Any, Final, Literal, Protocol, final

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update
from typing_extensions import override

from sp1tee.errors import NotInThatState
from sp1tee.store.conduct import LOCK
from sp1tee.store.moving import close_lease, move
from sp1tee.store.reader import Reader
from sp1tee.store.records import State
from sp1tee.store.rows import REQUEST_COLUMNS, request_record
from sp1tee.store.schema import requests, upsert
from sp1tee.store.schema_work import leases, worker_tokens, workers
from sp1tee.store.worker_records import WorkerIdentity, WorkerState, WorkerToken
from sp1tee.store.writer import Tx, Writer
from sp1tee.wire.ids import new_id

TokenKind = Literal["wtoken", "wcert"]
MOST_TOKENS: Final = 8
"""Good at once for one worker: rotating takes two."""


class Identities(Protocol):
    """Who may work here under a name of its own.

    Calls that name an unknown worker raise `NotInThatState`.
    """

    async def add(self, name: str, token_hash: bytes, kind: TokenKind = "wtoken") -> WorkerToken:
        """Make a token good for a worker, which is new, or revoked, or has others already.

        Args:
            name: the worker's.
            token_hash: of the token; or the fingerprint of a certificate, which is as good.
            kind: which of both; the token's id begins with it.

        Raises:
            NotInThatState: it has too many, or this is good already.
        """

    async def drain(self, name: str) -> WorkerIdentity:
        """Give a worker no more leases; those that it has go on."""

    async def resume(self, name: str) -> WorkerIdentity:
        """Give a worker leases again, whatever came before."""

    async def revoke(self, name: str, token_id: str | None) -> WorkerIdentity:
        """Make a token bad, or all of a worker's; with the last one its leases are taken back."""

    async def by_token(self, token_hash: bytes) -> str | None:
        """Say whose token this is, if it is good."""

    async def is_known(self, name: str) -> bool:
        """Tell whether a worker of this name was ever added."""

    async def all(self) -> list[WorkerIdentity]:
        """List every worker that was ever added."""


@final
class SqlIdentities(Identities):
    """`Identities` in a database."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer = writer
        self._reader = reader

    @override
    async def add(self, name: str, token_hash: bytes, kind: TokenKind = "wtoken") -> WorkerToken:
        return await self._writer.run(add, name, token_hash, kind)

    @override
    async def drain(self, name: str) -> WorkerIdentity:
        return await self._writer.run(put_in_state, name, WorkerState.DRAINING)

    @override
    async def resume(self, name: str) -> WorkerIdentity:
        return await self._writer.run(put_in_state, name, WorkerState.ACTIVE)

    @override
    async def revoke(self, name: str, token_id: str | None) -> WorkerIdentity:
        return await self._writer.run(revoke, name, token_id)

    @override
    async def by_token(self, token_hash: bytes) -> str | None:
        return await self._reader.now(by_token, token_hash)

    @override
    async def is_known(self, name: str) -> bool:
        return await self._reader.now(is_known, name)

    @override
    async def all(self) -> list[WorkerIdentity]:
        return await self._reader.now(all_identities)


def add(tx: Tx, name: str, token_hash: bytes, kind: TokenKind) -> WorkerToken:
    """See `Identities.add`."""
    if (whose := by_token(tx.connection, token_hash)) is not None:
        raise NotInThatState(
            f"This is good already, for {whose}.", advice="`sp1tee workers ls` has it."
        )
    tx.connection.execute(_ADD, {"name": name, "created_at": int(tx.now), "judged_from": tx.now})
    if tx.connection.execute(_COUNT, {"worker": name}).scalar_one() >= MOST_TOKENS:
        raise NotInThatState(
            f"This worker has {MOST_TOKENS} tokens.", advice="Revoke those that are not used."
        )
    token = WorkerToken(new_id(kind), int(tx.now))
    values = {"id": token.id, "hash": token_hash, "worker": name, "created_at": token.created_at}
    tx.connection.execute(insert(worker_tokens), values)
    return token


def put_in_state(tx: Tx, name: str, state: WorkerState) -> WorkerIdentity:
    """Drain or resume; a revoked worker takes a new token instead."""
    identity = _locked(tx, name)
    if identity.state is WorkerState.REVOKED:
        raise NotInThatState(
            "This worker is revoked.", advice="Give it a new token: sp1tee workers add."
        )
    facts = {"judged_from": tx.now} if state is WorkerState.ACTIVE else {}
    return _changed(tx, name, state=state, reason=None, **facts)


def revoke(tx: Tx, name: str, token_id: str | None) -> WorkerIdentity:
    """See `Identities.revoke`."""
    identity = _locked(tx, name)
    bad = [token.id for token in identity.tokens if token_id in (None, token.id)]
    if token_id is not None and not bad:
        raise NotInThatState("This worker has no such token.", advice="sp1tee workers ls has them.")
    tx.connection.execute(delete(worker_tokens).where(worker_tokens.c.id.in_(bad)))
    if len(bad) < len(identity.tokens):
        return _named(tx, name)
    _take_back(tx, name)
    return _changed(tx, name, state=WorkerState.REVOKED, reason=None)


def by_token(connection: Connection, token_hash: bytes) -> str | None:
    """See `Identities.by_token`."""
    row = connection.execute(_BY_HASH, {"hash": token_hash}).one_or_none()
    if row is None or not hmac.compare_digest(row.hash, token_hash):
        return None
    name: str = row.worker
    return name


def is_known(connection: Connection, name: str) -> bool:
    """See `Identities.is_known`."""
    return connection.execute(_KNOWN, {"name": name}).first() is not None


def all_identities(connection: Connection) -> list[WorkerIdentity]:
    """See `Identities.all`."""
    tokens: dict[str, list[WorkerToken]] = {}
    for row in connection.execute(_TOKENS):
        tokens.setdefault(row.worker, []).append(WorkerToken(row.id, row.created_at))
    return [
        WorkerIdentity(
            row.name,
            WorkerState(row.state),
            row.reason,
            row.created_at,
            tuple(tokens.get(row.name, ())),
        )
        for row in connection.execute(_WORKERS)
    ]


def _locked(tx: Tx, name: str) -> WorkerIdentity:
    tx.connection.execute(LOCK, {"name": name})
    return _named(tx, name)


def _named(tx: Tx, name: str) -> WorkerIdentity:
    for identity in all_identities(tx.connection):
        if identity.name == name:
            return identity
    raise NotInThatState("There is no such worker.", advice="`sp1tee workers ls` has them.")


def _changed(tx: Tx, name: str, **facts: Any) -> WorkerIdentity:
    tx.connection.execute(update(workers).where(workers.c.name == name).values(**facts))
    return _named(tx, name)


def _take_back(tx: Tx, name: str) -> None:
    """Queue what a worker holds again; that it lost it is not the requests' fault."""
    for row in tx.connection.execute(HELD, {"identity": name}).all():
        record = request_record(row)
        close_lease(tx, record, "returned", "the worker's token was revoked.")
        move(tx, record, State.QUEUED, attempts=record.attempts - 1, stage=0)


_NEW: Final = upsert(workers).values(state=WorkerState.ACTIVE)
_ADD: Final = _NEW.on_conflict_do_update(
    index_elements=[workers.c.name],
    set_={"state": WorkerState.ACTIVE, "judged_from": _NEW.excluded.judged_from},
    where=workers.c.state == WorkerState.REVOKED,
)
_COUNT: Final = select(func.count()).where(worker_tokens.c.worker == bindparam("worker"))
_BY_HASH: Final = select(worker_tokens.c.hash, worker_tokens.c.worker).where(
    worker_tokens.c.hash == bindparam("hash")
)
_KNOWN: Final = select(workers.c.name).where(workers.c.name == bindparam("name"))
_WORKERS: Final = select(workers).order_by(workers.c.name)
_TOKENS: Final = select(worker_tokens).order_by(worker_tokens.c.created_at, worker_tokens.c.id)
HELD: Final = (
    select(*REQUEST_COLUMNS)
    .join(leases, leases.c.request == requests.c.key)
    .where(
        leases.c.identity == bindparam("identity"),
        leases.c.identity.is_not(None),
        leases.c.outcome.is_(None),
    )
    .with_for_update()
)
