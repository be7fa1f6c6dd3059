"""Verifications: what a recommendation did beside the defaults in the real stack.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_INDEXED = (
    ("advice_sha256",),
    ("manufacturer", "model", "soc", "os_build"),
    ("outcome",),
    ("verified_at",),
)


def upgrade() -> None:
    """Create the table; nothing that is stored changes."""
    op.create_table(
        "verifications",
        sa.Column("verification_uuid", sa.String(length=255), nullable=False),
        sa.Column("advice_sha256", sa.String(length=255), nullable=False),
        sa.Column("manufacturer", sa.String(length=255), nullable=False),
        sa.Column("model", sa.String(length=255), nullable=False),
        sa.Column("soc", sa.String(length=255), nullable=False),
        sa.Column("os_build", sa.String(length=255), nullable=False),
        sa.Column("use_case", sa.String(length=255), nullable=False),
        sa.Column("network", sa.String(length=255), nullable=False),
        sa.Column("outcome", sa.String(length=255), nullable=False),
        sa.Column("is_virtual", sa.Boolean(), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tool_version", sa.String(length=255), nullable=False),
        sa.Column("record", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verifications")),
        sa.UniqueConstraint("verification_uuid", name=op.f("uq_verifications_verification_uuid")),
    )
    for columns in _INDEXED:
        name = f"ix_verifications_{'_'.join(columns)}"
        op.create_index(op.f(name), "verifications", [*columns], unique=False)
