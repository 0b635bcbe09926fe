"""Attempts have times."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them; those of earlier attempts are not known."""
    op.add_column("leases", sa.Column("began_at", sa.Double()))
    op.add_column("leases", sa.Column("ended_at", sa.Double()))
