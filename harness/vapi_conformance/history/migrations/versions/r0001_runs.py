"""Runs, what each rule came to in them, and their figures.

The tables are written out, and not taken from `models`: those go on, and this step stays what it was.
"""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Called by Alembic, inside a transaction."""
    _create_runs()
    _create_rule_outcomes()
    _create_figures()


def _create_runs() -> None:
    counts = ("passed", "violated", "not_applicable", "untestable", "unreachable", "harness_error")
    op.create_table(
        "vapi_conformance_run",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("key", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("target", sa.String(500), nullable=False),
        sa.Column("platform", sa.String(50), nullable=False),
        sa.Column("dialect", sa.String(100), nullable=False),
        sa.Column("profile", sa.String(50), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("load", sa.String(200), nullable=False),
        sa.Column("url", sa.Text),
        sa.Column("suite_version", sa.String(50), nullable=False),
        sa.Column("verdict", sa.String(20)),
        sa.Column("duration_s", sa.Double),
        sa.Column("exchanges", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in counts),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_vapi_conformance_run"),
        sa.UniqueConstraint("key", name="uq_vapi_conformance_run_key"),
        # Without it SQLite gives the number of a run that was deleted to the next one.
        sqlite_autoincrement=True,
    )
    op.create_index("ix_vapi_conformance_run_target", "vapi_conformance_run", ["target", "started_at"])
    op.create_index("ix_vapi_conformance_run_digest", "vapi_conformance_run", ["digest"])


def _create_rule_outcomes() -> None:
    op.create_table(
        "vapi_conformance_rule_outcome",
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("rule", sa.String(200), nullable=False),
        sa.Column("level", sa.String(10), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("judged", sa.Integer, nullable=False),
        sa.Column("broken", sa.Integer, nullable=False),
        sa.Column("is_expected", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "rule", name="pk_vapi_conformance_rule_outcome"),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["vapi_conformance_run.id"],
            name="fk_vapi_conformance_rule_outcome_run_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_vapi_conformance_rule_outcome_rule", "vapi_conformance_rule_outcome", ["rule"])


def _create_figures() -> None:
    op.create_table(
        "vapi_conformance_figure",
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("value", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "name", name="pk_vapi_conformance_figure"),
        sa.ForeignKeyConstraint(
            ["run_id"], ["vapi_conformance_run.id"], name="fk_vapi_conformance_figure_run_id", ondelete="CASCADE"
        ),
    )
