"""Workers may have tokens of their own, and leases belong to who took them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for them; what is leased now was leased with the token that workers share."""
    op.create_table(
        "workers",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("judged_from", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="workers_pk"),
    )
    op.create_table(
        "worker_tokens",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["worker"], ["workers.name"], name="worker_tokens_worker_fk"),
        sa.PrimaryKeyConstraint("id", name="worker_tokens_pk"),
        sa.UniqueConstraint("hash", name="worker_tokens_hash_unique"),
    )
    op.create_index("worker_tokens_by_worker", "worker_tokens", ["worker"])
    op.add_column("leases", sa.Column("identity", sa.String()))
    op.add_column("leases", sa.Column("refused", sa.Boolean()))
    condition = sa.text("identity IS NOT NULL")
    op.create_index(
        "leases_by_identity",
        "leases",
        ["identity", "ended_at"],
        sqlite_where=condition,
        postgresql_where=condition,
    )
