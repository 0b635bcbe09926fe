"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make them."""
    _make_artifacts()
    _make_blobs()
    _make_nonces()
    _make_programs()
    _make_vaults()
    _make_requests()
    _make_leases()


def _make_artifacts() -> None:
    op.create_table(
        "artifacts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("requester", sa.LargeBinary(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("size", sa.BigInteger()),
        sa.Column("sha256", sa.LargeBinary()),
        sa.Column("blob", sa.String()),
        sa.PrimaryKeyConstraint("id", name="artifacts_pk"),
        sa.UniqueConstraint("uri", name="artifacts_uri_unique"),
    )
    op.create_index("artifacts_by_expiry", "artifacts", ["state", "expires_at"])
    op.create_index(
        "artifacts_by_requester", "artifacts", ["requester", "state", "expires_at", "size"]
    )


def _make_blobs() -> None:
    op.create_table(
        "blobs",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="blobs_pk"),
    )


def _make_nonces() -> None:
    op.create_table(
        "nonces",
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("next", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("address", name="nonces_pk"),
    )


def _make_programs() -> None:
    op.create_table(
        "programs",
        sa.Column("vk_hash", sa.LargeBinary(), nullable=False),
        sa.Column("owner", sa.LargeBinary(), nullable=False),
        sa.Column("vk", sa.LargeBinary(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("blob", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("vk_hash", "owner", name="programs_pk"),
    )
    op.create_index("programs_by_age", "programs", ["vk_hash", "shared", "created_at", "owner"])
    op.create_index("programs_by_owner", "programs", ["owner", "size"])


def _make_vaults() -> None:
    op.create_table(
        "vaults",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("key_check", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="vaults_pk"),
    )


def _make_requests() -> None:
    op.create_table(
        "requests",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("requester", sa.LargeBinary(), nullable=False),
        sa.Column("dialect", sa.String(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("vk_hash", sa.LargeBinary(), nullable=False),
        sa.Column("program_owner", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("mode", sa.Integer(), nullable=False),
        sa.Column("strategy", sa.Integer(), nullable=False),
        sa.Column("stdin_artifact", sa.String(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("cycle_limit", sa.BigInteger(), nullable=False),
        sa.Column("gas_limit", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.LargeBinary()),
        sa.Column("tx_hash", sa.LargeBinary()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("worker", sa.Text()),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("error", sa.Integer()),
        sa.Column("cause", sa.Integer()),
        sa.Column("text", sa.Text()),
        sa.Column("cycles", sa.BigInteger()),
        sa.Column("gas", sa.BigInteger()),
        sa.Column("public_values_hash", sa.LargeBinary()),
        sa.Column("mock", sa.Boolean(), nullable=False),
        sa.Column("proof_blob", sa.String()),
        sa.Column("proof_token", sa.String()),
        sa.Column("fulfilled_at", sa.BigInteger()),
        sa.Column("fulfill_tx_hash", sa.LargeBinary()),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.Column("tell_at", sa.Double()),
        sa.Column("tell_attempts", sa.Integer(), nullable=False),
        sa.Column("tell_error", sa.Text()),
        sa.ForeignKeyConstraint(
            ["stdin_artifact"], ["artifacts.id"], name="requests_stdin_artifact_fk"
        ),
        sa.PrimaryKeyConstraint("seq", name="requests_pk"),
        sa.UniqueConstraint("fingerprint", name="requests_fingerprint_unique"),
        sa.UniqueConstraint("key", name="requests_key_unique"),
        sa.UniqueConstraint("request_id", name="requests_request_id_unique"),
    )
    _partial(
        "requests_by_proof_token", "requests", ["proof_token"], where="proof_token IS NOT NULL"
    )
    op.create_index("requests_by_requester", "requests", ["requester", "state"])
    op.create_index("requests_by_state", "requests", ["state", "deadline"])
    op.create_index("requests_by_stdin_artifact", "requests", ["stdin_artifact"])
    _partial(
        "requests_queue",
        "requests",
        ["version", "mode", "seq", "deadline"],
        where="state IN ('queued')",
    )
    _partial("requests_to_tell", "requests", ["tell_at"], where="tell_at IS NOT NULL")
    _partial("requests_with_proof", "requests", ["fulfilled_at"], where="proof_blob IS NOT NULL")


def _make_leases() -> None:
    op.create_table(
        "leases",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("request", sa.String(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("mock", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.Column("outcome", sa.String()),
        sa.Column("reason", sa.Text()),
        sa.ForeignKeyConstraint(
            ["request"], ["requests.key"], name="leases_request_fk", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="leases_pk"),
    )
    _partial("leases_by_expiry", "leases", ["expires_at"], where="outcome IS NULL")
    op.create_index("leases_by_request", "leases", ["request"])
    _partial("leases_one_holder", "leases", ["request"], where="outcome IS NULL", unique=True)


def _partial(
    name: str, table: str, columns: list[str], *, where: str, unique: bool = False
) -> None:
    condition = sa.text(where)
    op.create_index(
        name,
        table,
        columns,
        unique=unique,
        sqlite_where=condition,
        postgresql_where=condition,
    )
