"""The tables about handing requests out; the others are in `schema`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    true,
)

from sp1tee.store.schema import metadata, partial_index, requests

__all__ = ["leases", "turns", "worker_tokens", "workers"]

leases = Table(
    "leases",
    metadata,
    Column("id", String, primary_key=True),
    Column("request", ForeignKey(requests.c.key, ondelete="CASCADE"), nullable=False, index=True),
    Column("token_hash", LargeBinary, nullable=False),
    Column("worker", Text, nullable=False),
    Column("mock", Boolean, nullable=False),
    Column("expires_at", Double, nullable=False),
    # Empty while the lease holds its request.
    Column("outcome", String),
    Column("reason", Text),
    Column("began_at", Double),
    Column("ended_at", Double),
    # The worker whose own token took it; empty for the token that workers share.
    Column("identity", String),
    # A proof of it was refused.
    Column("refused", Boolean),
    # When its holder first said that it proves.
    Column("proving_at", Double),
)
_held = leases.c.outcome.is_(None)
partial_index("leases_one_holder", leases.c.request, unique=True, where=_held)
partial_index("leases_by_expiry", leases.c.expires_at, where=_held)

partial_index(
    "leases_by_identity",
    leases.c.identity,
    leases.c.ended_at,
    where=leases.c.identity.is_not(None),
)

workers = Table(
    "workers",
    metadata,
    Column("name", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("reason", Text),
    Column("created_at", BigInteger, nullable=False),
    # From when on its leases are judged: since it was added or resumed.
    Column("judged_from", Double, nullable=False),
)

worker_tokens = Table(
    "worker_tokens",
    metadata,
    Column("id", String, primary_key=True),
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("worker", ForeignKey(workers.c.name), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
)

turns = Table(
    "turns",
    metadata,
    Column("requester", LargeBinary, primary_key=True),
    Column("version", String, primary_key=True),
    Column("mode", Integer, primary_key=True),
    # The lowest goes next; the same in all rows of a requester.
    Column("turn", BigInteger, nullable=False, index=True),
    # Something of this kind may be queued; not set: certainly nothing is.
    Column("waiting", Boolean, nullable=False),
)
partial_index(
    "turns_in_line",
    turns.c.version,
    turns.c.mode,
    turns.c.turn,
    where=turns.c.waiting == true(),
)
