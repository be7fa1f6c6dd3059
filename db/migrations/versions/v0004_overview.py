"""Overviews kept by the writers, progress of running benches, a counter of changes.

Revision ID: 0004

The overviews are derived: whoever upgrades a store fills them afterwards
(:func:`db.overview_write.rebuild`).
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_PATH = ("route", "audio_mode", "api", "input_preset")
_INDEXES = (
    ("test_id", "started_at"),
    ("test_id", "verdict", "started_at"),
    ("verdict", "started_at"),
)


def upgrade() -> None:
    """Create the tables and the indexes; nothing that is stored changes."""
    _model_overview()
    _path_overview()
    _progress()
    changes = op.create_table(
        "changes",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
    )
    op.bulk_insert(changes, [{"id": 1, "number": 0}, {"id": 2, "number": 0}])
    _newest_first()


def _newest_first() -> None:
    """Indexes that give the newest trials of a kind at once, in place of two that cannot."""
    op.drop_index(op.f("ix_trials_test_id_verdict"), table_name="trials")
    op.drop_index(op.f("ix_trials_verdict"), table_name="trials")
    for columns in _INDEXES:
        name = f"ix_trials_{'_'.join(columns)}"
        op.create_index(op.f(name), "trials", [*columns], unique=False)
    op.create_index(op.f("ix_trials_path"), "trials", [*_PATH, "started_at"], unique=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=255), nullable=False)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _number(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Double(), nullable=True)


def _time(name: str) -> sa.Column[datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _model_overview() -> None:
    key = ("manufacturer", "model", "soc", "os_build")
    op.create_table(
        "model_overview",
        *map(_text, key),
        sa.Column("is_virtual", sa.Boolean(), nullable=False),
        _count("facts_id"),
        _text("platform"),
        *map(_count, ("devices", "runs", "trials")),
        *map(_time, ("first_at", "last_at")),
        sa.Column("tests", sa.JSON(none_as_null=True), nullable=False),
        _count("id"),
        sa.ForeignKeyConstraint(
            ["facts_id"], ["facts.id"], name=op.f("fk_model_overview_facts_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_overview")),
        sa.UniqueConstraint(
            *key, "is_virtual", name=op.f(f"uq_model_overview_{'_'.join(key)}_is_virtual")
        ),
    )


def _path_overview() -> None:
    op.create_table(
        "path_overview",
        _count("model_id"),
        *map(_text, ("test_id", *_PATH)),
        *map(_count, ("rate_hz", "devices", "runs", "sessions", "rejected")),
        *map(
            _number,
            ("p05_ms", "p25_ms", "median_ms", "p75_ms", "p95_ms", "ci95_low_ms", "ci95_high_ms",
             "between_sd_ms", "uncertainty_us"),
        ),
        _text("verdict"),
        _time("last_at"),
        _count("id"),
        sa.ForeignKeyConstraint(
            ["model_id"], ["model_overview.id"], name=op.f("fk_path_overview_model_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_path_overview")),
        sa.UniqueConstraint(
            "model_id", "test_id", *_PATH, "rate_hz", name=op.f("uq_path_overview_path")
        ),
    )  # fmt: skip


def _progress() -> None:
    op.create_table(
        "progress",
        *map(_text, ("bench_uuid", "device_uid")),
        *map(_time, ("started_at", "updated_at")),
        sa.Column("record", sa.JSON(none_as_null=True), nullable=False),
        _count("id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_progress")),
        sa.UniqueConstraint(
            "bench_uuid", "device_uid", name=op.f("uq_progress_bench_uuid_device_uid")
        ),
    )
    op.create_index(op.f("ix_progress_updated_at"), "progress", ["updated_at"], unique=False)
