"""Requesters take turns, and what proofs take is measured."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the line, put into it who waits, and make room for measurements."""
    _make_turns()
    op.execute(
        "INSERT INTO turns (requester, version, mode, turn, waiting) "
        "SELECT requester, version, mode, "
        "(SELECT min(seq) FROM requests AS own"
        " WHERE own.requester = requests.requester AND own.state = 'queued'), true "
        "FROM requests WHERE state = 'queued' GROUP BY requester, version, mode"
    )
    op.drop_index("requests_queue", "requests")
    _partial(
        "requests_queue",
        "requests",
        ["version", "mode", "requester", "seq"],
        where="state IN ('queued')",
    )
    op.add_column("leases", sa.Column("proving_at", sa.Double()))
    op.add_column("requests", sa.Column("took_s", sa.Double()))
    _partial(
        "requests_by_pace",
        "requests",
        ["vk_hash", "mode", "seq", "took_s"],
        where="took_s IS NOT NULL",
    )


def _make_turns() -> None:
    op.create_table(
        "turns",
        sa.Column("requester", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("mode", sa.Integer(), nullable=False),
        sa.Column("turn", sa.BigInteger(), nullable=False),
        sa.Column("waiting", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("requester", "version", "mode", name="turns_pk"),
    )
    op.create_index("turns_by_turn", "turns", ["turn"])
    op.create_index(
        "turns_in_line",
        "turns",
        ["version", "mode", "turn"],
        sqlite_where=sa.text("waiting = 1"),
        postgresql_where=sa.text("waiting = true"),
    )


def _partial(name: str, table: str, columns: list[str], *, where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
