"""The tables. Alembic makes them (`migrations`); a test holds the two together.

Blobs are named without foreign keys: a blob's row goes the moment its content must not be
readable any more, and a name that is left over means just that.
"""

from collections.abc import Iterable
from typing import Any, Final, final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    literal_column,
)

# PostgreSQL's insert has the same conflict clauses: the one import to choose by dialect.
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.engine import Dialect

from sp1tee.store.records import State

__all__ = [
    "LARGEST",
    "artifacts",
    "blobs",
    "in_states",
    "leases",
    "metadata",
    "nonces",
    "programs",
    "requests",
    "upsert",
    "vaults",
]

LARGEST: Final = 2**63 - 1
"""What the database's integers hold. No deadline and no counted nonce gets there."""

_WRAP: Final = 2**64


@final
class U64(TypeDecorator[int]):
    """An unsigned 64-bit number, kept as the signed one with the same bits. Has no order."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Fold the upper half into the negative numbers."""
        return value - _WRAP if value is not None and value > LARGEST else value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Unfold it."""
        return value + _WRAP if value is not None and value < 0 else value


# Every constraint has a name, so that a migration can change it.
metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "uq": "%(table_name)s_%(column_0_name)s_unique",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "ix": "%(table_name)s_by_%(column_0_name)s",
    }
)

vaults = Table(
    "vaults",
    metadata,
    Column("id", String, primary_key=True),
    Column("key_check", LargeBinary, nullable=False),
)
"""One row: which vault directory and which master key belong to this database."""

blobs = Table(
    "blobs",
    metadata,
    Column("id", String, primary_key=True),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("requester", LargeBinary, nullable=False),
    Column("uri", Text, nullable=False, unique=True),
    Column("state", String, nullable=False),
    Column("token_hash", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("size", BigInteger),
    Column("sha256", LargeBinary),
    Column("blob", String),
)
Index(
    "artifacts_by_requester",
    artifacts.c.requester,
    artifacts.c.state,
    artifacts.c.expires_at,
    artifacts.c.size,
)
Index("artifacts_by_expiry", artifacts.c.state, artifacts.c.expires_at)

programs = Table(
    "programs",
    metadata,
    Column("vk_hash", LargeBinary, primary_key=True),
    # Only SP1's own setup could tell whether a program is that of its key: one account's word must
    # not be taken for another's.
    Column("owner", LargeBinary, primary_key=True),
    Column("vk", LargeBinary, nullable=False),
    Column("uri", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("name", Text),
    Column("shared", Boolean, nullable=False),
    Column("blob", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
)
Index(
    "programs_by_age",
    programs.c.vk_hash,
    programs.c.shared,
    programs.c.created_at,
    programs.c.owner,
)
Index("programs_by_owner", programs.c.owner, programs.c.size)

nonces = Table(
    "nonces",
    metadata,
    Column("address", LargeBinary, primary_key=True),
    Column("next", BigInteger, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    # The order of acceptance.
    Column("seq", Integer, primary_key=True),
    Column("key", String, nullable=False, unique=True),
    Column("fingerprint", LargeBinary, nullable=False, unique=True),
    Column("requester", LargeBinary, nullable=False),
    Column("dialect", String, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("vk_hash", LargeBinary, nullable=False),
    Column("program_owner", LargeBinary, nullable=False),
    Column("version", String, nullable=False),
    Column("mode", Integer, nullable=False),
    Column("strategy", Integer, nullable=False),
    Column("stdin_artifact", ForeignKey(artifacts.c.id), nullable=False, index=True),
    Column("deadline", BigInteger, nullable=False),
    Column("cycle_limit", U64, nullable=False),
    Column("gas_limit", U64, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("request_id", LargeBinary, unique=True),
    Column("tx_hash", LargeBinary),
    Column("state", String, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("worker", Text),
    Column("stage", Integer, nullable=False),
    Column("error", Integer),
    Column("cause", Integer),
    Column("text", Text),
    Column("cycles", U64),
    Column("gas", U64),
    Column("public_values_hash", LargeBinary),
    Column("mock", Boolean, nullable=False),
    Column("proof_blob", String),
    Column("proof_token", String),
    Column("fulfilled_at", BigInteger),
    Column("fulfill_tx_hash", LargeBinary),
    Column("told", Boolean, nullable=False),
    # When the outbox should tell the network next; empty when there is nothing to tell.
    Column("tell_at", Double),
    Column("tell_attempts", Integer, nullable=False),
    Column("tell_error", Text),
)


def in_states(states: Iterable[State]) -> ColumnElement[bool]:
    """Restrict to some states, spelled out in the SQL as partial indexes need it."""
    return requests.c.state.in_([literal_column(f"'{state}'") for state in sorted(states)])


def _partial(name: str, *columns: ColumnElement[Any], where: ColumnElement[bool]) -> Index:
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


_partial(
    "requests_queue",
    requests.c.version,
    requests.c.mode,
    requests.c.seq,
    requests.c.deadline,
    where=in_states([State.QUEUED]),
)
_partial("requests_to_tell", requests.c.tell_at, where=requests.c.tell_at.is_not(None))
_partial(
    "requests_by_proof_token", requests.c.proof_token, where=requests.c.proof_token.is_not(None)
)
_partial("requests_with_proof", requests.c.fulfilled_at, where=requests.c.proof_blob.is_not(None))
Index("requests_by_requester", requests.c.requester, requests.c.state)
Index("requests_by_state", requests.c.state, requests.c.deadline)

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
)
_held = leases.c.outcome.is_(None)
Index(
    "leases_one_holder",
    leases.c.request,
    unique=True,
    sqlite_where=_held,
    postgresql_where=_held,
)
_partial("leases_by_expiry", leases.c.expires_at, where=_held)
