"""The SMPP server: what is owed to accounts is shown, parked, and let go again."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString, UTCDateTime

revision: Final = "0004"
down_revision: Final = "0003"
branch_labels: Final = None
depends_on: Final = None

PARKED: Final = sa.text("parked_at IS NOT NULL")


def added() -> dict[str, tuple[sa.Column[Any], ...]]:
    """Return new columns, made anew each time: one belongs to one table.

    They have no constraints, so that no table is copied: messages may be millions.
    """
    return {
        "account": (
            sa.Column("submits_per_second", sa.Integer(), nullable=True),
            sa.Column("burst", sa.Integer(), nullable=True),
            sa.Column("queue_ceiling", sa.Integer(), nullable=True),
            sa.Column("paused_at", UTCDateTime(), nullable=True),
            sa.Column("pause_reason", AutoString(), nullable=True),
            sa.Column("old_password_hash", AutoString(), nullable=True),
            sa.Column("old_password_until", UTCDateTime(), nullable=True),
            sa.Column("allowed_networks", AutoString(), nullable=True),
            sa.Column("client_certificate", AutoString(), nullable=True),
            sa.Column("outbind", AutoString(), nullable=True),
        ),
        "daemon": (
            sa.Column(
                "answered",
                sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
                server_default=sa.text("0"),
                nullable=False,
            ),
        ),
        "notice": (
            sa.Column("reported", sa.Boolean(), server_default=sa.false(), nullable=False),
            sa.Column("expired", sa.Boolean(), server_default=sa.false(), nullable=False),
            sa.Column("released_at", UTCDateTime(), nullable=True),
            sa.Column("parts_taken", sa.Integer(), server_default=sa.text("0"), nullable=False),
            sa.Column("parts_form", AutoString(), nullable=True),
        ),
    }


def upgrade() -> None:
    """Go forward."""
    for table, columns in added().items():
        for column in columns:
            op.add_column(table, column)
    op.create_table(
        "daemon_sessions",
        sa.Column("daemon", sa.Integer(), nullable=False),
        sa.Column("sessions", sa.JSON(), nullable=False),
        sa.Column("told_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["daemon"], ["daemon.id"]),
        sa.PrimaryKeyConstraint("daemon"),
    )
    op.create_index(
        "ix_notice_parked",
        "notice",
        ["account_id", "id"],
        sqlite_where=PARKED,
        postgresql_where=PARKED,
    )


def downgrade() -> None:
    """Go back."""
    op.drop_index("ix_notice_parked", "notice")
    op.drop_table("daemon_sessions")
    for table, columns in added().items():
        for column in columns:
            op.drop_column(table, column.name)
