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
    text,
)

# SQLite has the same conflict clauses, and understands PostgreSQL's.
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from sp1tee.store.records import State

__all__ = [
    "LARGEST",
    "CurrentTransaction",
    "artifacts",
    "blobs",
    "in_states",
    "metadata",
    "nonces",
    "partial_index",
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


@final
class CurrentTransaction(FunctionElement[int]):
    """The number of the transaction that is open; 0 in a database that has one at a time."""

    type = BigInteger()
    inherit_cache = True


@compiles(CurrentTransaction)
def _none(_element: CurrentTransaction, _compiler: SQLCompiler, **_options: Any) -> str:
    return "0"


@compiles(CurrentTransaction, "postgresql")
def _number(_element: CurrentTransaction, _compiler: SQLCompiler, **_options: Any) -> str:
    return "pg_current_xact_id()::text::bigint"


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
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
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
    # How long its worker proved, as far as it said; see `pace`.
    Column("took_s", Double),
    Column("revision", BigInteger, nullable=False, server_default=text("0")),
    # The transaction of its last change, where there are others at the same time.
    Column("changed_in", BigInteger, nullable=False, server_default=text("0")),
)


def in_states(states: Iterable[State]) -> ColumnElement[bool]:
    """Restrict to some states, spelled out in the SQL as partial indexes need it."""
    return requests.c.state.in_([literal_column(f"'{state}'") for state in sorted(states)])


def partial_index(
    name: str, *columns: ColumnElement[Any], where: ColumnElement[bool], unique: bool = False
) -> Index:
    """Index the rows of a table that fulfil a condition."""
    return Index(name, *columns, unique=unique, sqlite_where=where, postgresql_where=where)


partial_index(
    "requests_queue",
    requests.c.version,
    requests.c.mode,
    requests.c.requester,
    requests.c.seq,
    where=in_states([State.QUEUED]),
)
partial_index("requests_to_tell", requests.c.tell_at, where=requests.c.tell_at.is_not(None))
partial_index(
    "requests_by_proof_token", requests.c.proof_token, where=requests.c.proof_token.is_not(None)
)
partial_index(
    "requests_with_proof", requests.c.fulfilled_at, where=requests.c.proof_blob.is_not(None)
)
partial_index(
    "requests_by_pace",
    requests.c.vk_hash,
    requests.c.mode,
    requests.c.seq,
    requests.c.took_s,
    where=requests.c.took_s.is_not(None),
)
Index("requests_by_change", requests.c.changed_in).ddl_if(dialect="postgresql")
Index("requests_by_requester", requests.c.requester, requests.c.state)
Index("requests_by_state", requests.c.state, requests.c.deadline)
