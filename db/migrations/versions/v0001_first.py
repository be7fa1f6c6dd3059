"""The first schema: devices, facts, runs, stimuli, evidence, trials, tests, numbers.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table, parents first."""
    _evidence()
    _facts()
    _stimuli()
    _devices()
    _runs()
    _test_results()
    _trials()
    _trials_indexes()
    _measurements()
    _reasons()
    _superseded_analyses()


def _evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("sha256", sa.String(length=255), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("sample_format", sa.String(length=255), nullable=False),
        sa.Column("rate_hz", sa.Integer(), nullable=False),
        sa.Column("channels", sa.Integer(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
        sa.UniqueConstraint("sha256", name=op.f("uq_evidence_sha256")),
    )


def _facts() -> None:
    op.create_table(
        "facts",
        sa.Column("sha256", sa.String(length=255), nullable=False),
        sa.Column("manufacturer", sa.String(length=255), nullable=False),
        sa.Column("model", sa.String(length=255), nullable=False),
        sa.Column("soc", sa.String(length=255), nullable=False),
        sa.Column("os_build", sa.String(length=255), nullable=False),
        sa.Column("marketing_name", sa.String(length=255), nullable=False),
        sa.Column("os_name", sa.String(length=255), nullable=False),
        sa.Column("os_version", sa.String(length=255), nullable=False),
        sa.Column("is_virtual", sa.Boolean(), nullable=False),
        sa.Column("is_emulator", sa.Boolean(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("facts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_facts")),
        sa.UniqueConstraint("sha256", name=op.f("uq_facts_sha256")),
    )
    op.create_index(
        op.f("ix_facts_manufacturer_model_soc_os_build"),
        "facts",
        ["manufacturer", "model", "soc", "os_build"],
        unique=False,
    )


def _stimuli() -> None:
    op.create_table(
        "stimuli",
        sa.Column("stimulus_id", sa.String(length=255), nullable=False),
        sa.Column("seed", sa.String(length=255), nullable=False),
        sa.Column("rate_hz", sa.Integer(), nullable=False),
        sa.Column("spec", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stimuli")),
        sa.UniqueConstraint("stimulus_id", name=op.f("uq_stimuli_stimulus_id")),
    )


def _devices() -> None:
    op.create_table(
        "devices",
        sa.Column("uid", sa.String(length=255), nullable=False),
        sa.Column("platform", sa.String(length=255), nullable=False),
        sa.Column("serial", sa.String(length=255), nullable=False),
        sa.Column("facts_id", sa.Integer(), nullable=True),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ref", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["facts_id"], ["facts.id"], name=op.f("fk_devices_facts_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
        sa.UniqueConstraint("uid", name=op.f("uq_devices_uid")),
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_uuid", sa.String(length=255), nullable=False),
        sa.Column("bench_uuid", sa.String(length=255), nullable=False),
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("facts_id", sa.Integer(), nullable=True),
        sa.Column("suite", sa.String(length=255), nullable=False),
        sa.Column("plan_sha256", sa.String(length=255), nullable=False),
        sa.Column("status", sa.String(length=255), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tool_version", sa.String(length=255), nullable=False),
        sa.Column("record", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["device_id"], ["devices.id"], name=op.f("fk_runs_device_id")),
        sa.ForeignKeyConstraint(["facts_id"], ["facts.id"], name=op.f("fk_runs_facts_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("run_uuid", name=op.f("uq_runs_run_uuid")),
    )
    op.create_index(op.f("ix_runs_bench_uuid"), "runs", ["bench_uuid"], unique=False)
    op.create_index(op.f("ix_runs_device_id"), "runs", ["device_id"], unique=False)
    op.create_index(op.f("ix_runs_facts_id"), "runs", ["facts_id"], unique=False)
    op.create_index(op.f("ix_runs_started_at"), "runs", ["started_at"], unique=False)
    op.create_index(op.f("ix_runs_status"), "runs", ["status"], unique=False)


def _test_results() -> None:
    op.create_table(
        "test_results",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("test_id", sa.String(length=255), nullable=False),
        sa.Column("verdict", sa.String(length=255), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("record", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_test_results_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_test_results")),
        sa.UniqueConstraint("run_id", "test_id", name=op.f("uq_test_results_run_id_test_id")),
    )
    op.create_index(
        op.f("ix_test_results_recorded_at"), "test_results", ["recorded_at"], unique=False
    )
    op.create_index(
        op.f("ix_test_results_test_id_verdict"),
        "test_results",
        ["test_id", "verdict"],
        unique=False,
    )


def _trials() -> None:
    op.create_table(
        "trials",
        sa.Column("trial_uuid", sa.String(length=255), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("test_id", sa.String(length=255), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=255), nullable=False),
        sa.Column("route", sa.String(length=255), nullable=False),
        sa.Column("audio_mode", sa.String(length=255), nullable=False),
        sa.Column("api", sa.String(length=255), nullable=False),
        sa.Column("input_preset", sa.String(length=255), nullable=False),
        sa.Column("rate_hz", sa.Integer(), nullable=False),
        sa.Column("granted_input_rate_hz", sa.Integer(), nullable=True),
        sa.Column("granted_output_rate_hz", sa.Integer(), nullable=True),
        sa.Column("latency_ms", sa.Double(), nullable=True),
        sa.Column("uncertainty_us", sa.Double(), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("drift_ppm", sa.Double(), nullable=True),
        sa.Column("snr_db", sa.Double(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_s", sa.Double(), nullable=False),
        sa.Column("tool_version", sa.String(length=255), nullable=False),
        sa.Column("stimulus_id", sa.Integer(), nullable=True),
        sa.Column("evidence_id", sa.Integer(), nullable=True),
        sa.Column("record", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("requested", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("granted", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("measured", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("findings", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        *_trial_constraints(),
    )


def _trial_constraints() -> list[sa.Constraint]:
    return [
        sa.ForeignKeyConstraint(
            ["evidence_id"], ["evidence.id"], name=op.f("fk_trials_evidence_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_trials_run_id")),
        sa.ForeignKeyConstraint(
            ["stimulus_id"], ["stimuli.id"], name=op.f("fk_trials_stimulus_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trials")),
        sa.UniqueConstraint(
            "run_id",
            "test_id",
            "position",
            "attempt",
            name=op.f("uq_trials_run_id_test_id_position_attempt"),
        ),
        sa.UniqueConstraint("trial_uuid", name=op.f("uq_trials_trial_uuid")),
    ]


def _trials_indexes() -> None:
    op.create_index(op.f("ix_trials_evidence_id"), "trials", ["evidence_id"], unique=False)
    op.create_index(op.f("ix_trials_latency_ms"), "trials", ["latency_ms"], unique=False)
    op.create_index(op.f("ix_trials_started_at"), "trials", ["started_at"], unique=False)
    op.create_index(
        op.f("ix_trials_test_id_verdict"), "trials", ["test_id", "verdict"], unique=False
    )
    op.create_index(op.f("ix_trials_verdict"), "trials", ["verdict"], unique=False)


def _measurements() -> None:
    op.create_table(
        "measurements",
        sa.Column("trial_id", sa.Integer(), nullable=True),
        sa.Column("test_result_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("unit", sa.String(length=255), nullable=False),
        sa.Column("sigma", sa.Double(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(trial_id IS NULL) <> (test_result_id IS NULL)",
            name=op.f("ck_measurements_one_parent"),
        ),
        sa.ForeignKeyConstraint(
            ["test_result_id"], ["test_results.id"], name=op.f("fk_measurements_test_result_id")
        ),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.id"], name=op.f("fk_measurements_trial_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_measurements")),
    )
    op.create_index(
        op.f("ix_measurements_name_value"), "measurements", ["name", "value"], unique=False
    )
    op.create_index(
        op.f("ix_measurements_test_result_id"), "measurements", ["test_result_id"], unique=False
    )
    op.create_index(op.f("ix_measurements_trial_id"), "measurements", ["trial_id"], unique=False)


def _reasons() -> None:
    op.create_table(
        "reasons",
        sa.Column("trial_id", sa.Integer(), nullable=True),
        sa.Column("test_result_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=255), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(trial_id IS NULL) <> (test_result_id IS NULL)", name=op.f("ck_reasons_one_parent")
        ),
        sa.ForeignKeyConstraint(
            ["test_result_id"], ["test_results.id"], name=op.f("fk_reasons_test_result_id")
        ),
        sa.ForeignKeyConstraint(["trial_id"], ["trials.id"], name=op.f("fk_reasons_trial_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reasons")),
    )
    op.create_index(op.f("ix_reasons_reason"), "reasons", ["reason"], unique=False)
    op.create_index(op.f("ix_reasons_test_result_id"), "reasons", ["test_result_id"], unique=False)
    op.create_index(op.f("ix_reasons_trial_id"), "reasons", ["trial_id"], unique=False)


def _superseded_analyses() -> None:
    op.create_table(
        "superseded_analyses",
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("record", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("measured", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("findings", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["trial_id"], ["trials.id"], name=op.f("fk_superseded_analyses_trial_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_superseded_analyses")),
    )
    op.create_index(
        op.f("ix_superseded_analyses_trial_id"), "superseded_analyses", ["trial_id"], unique=False
    )
