"""Changes of a request have numbers, by which servers that share a database hear of them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make room for them; what a server of before changes meanwhile is not numbered."""
    for name in ("revision", "changed_in"):
        column = sa.Column(name, sa.BigInteger(), nullable=False, server_default=sa.text("0"))
        op.add_column("requests", column)
    if op.get_bind().dialect.name == "postgresql":
        op.create_index("requests_by_change", "requests", ["changed_in"])
        # A deleted key's row is to be vacuumed soon, however few there are.
        op.execute(
            "ALTER TABLE blobs SET (autovacuum_vacuum_scale_factor = 0,"
            " autovacuum_vacuum_threshold = 1, autovacuum_vacuum_cost_delay = 0)"
        )
