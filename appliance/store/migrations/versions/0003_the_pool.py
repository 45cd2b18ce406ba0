"""Lanes, bundles and contacts: what choosing the right SIM needs to remember."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString, UTCDateTime

revision: Final = "0003"
down_revision: Final = "0002"
branch_labels: Final = None
depends_on: Final = None

BIG: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

QUEUED: Final = sa.text("state = 'queued'")


def added() -> dict[str, tuple[sa.Column[Any], ...]]:
    """Return new columns, made anew each time: one belongs to one table.

    They have no constraints, so that no table is copied: messages may be millions.
    """
    return {
        "message": (
            sa.Column("lane_id", sa.Integer(), nullable=True),
            sa.Column("batch", AutoString(), nullable=True),
            sa.Column("time_zone", AutoString(), nullable=True),
            sa.Column("bundle_id", BIG, nullable=True),
            sa.Column("bundle_ordinal", sa.Integer(), nullable=True),
        ),
        "attempt": (sa.Column("price", sa.Float(), nullable=True),),
        "opt_out": (
            sa.Column("source", AutoString(), server_default=sa.text("'sms'"), nullable=False),
        ),
    }


def upgrade() -> None:
    """Go forward."""
    for table, columns in added().items():
        for column in columns:
            op.add_column(table, column)
    op.create_table(
        "lane",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("category", AutoString(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("sim_group", AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account_id", "category", "priority", "sim_group"),
    )
    op.execute(
        "INSERT INTO lane (account_id, category, priority, sim_group)"
        " SELECT DISTINCT account_id, category, priority, '' FROM message WHERE state = 'queued'"
    )
    op.execute(
        "UPDATE message SET lane_id = (SELECT lane.id FROM lane"
        " WHERE lane.account_id = message.account_id AND lane.category = message.category"
        " AND lane.priority = message.priority AND lane.sim_group = '')"
        " WHERE state = 'queued'"
    )
    op.create_index(
        "ix_message_lane",
        "message",
        ["lane_id", "not_before", "id"],
        sqlite_where=QUEUED,
        postgresql_where=QUEUED,
    )
    named = sa.text("batch IS NOT NULL")
    op.create_index(
        "ix_message_batch",
        "message",
        ["account_id", "batch", "id"],
        sqlite_where=named,
        postgresql_where=named,
    )
    op.create_table(
        "bundle",
        sa.Column("id", BIG, nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("source", AutoString(), nullable=False),
        sa.Column("recipient_key", sa.LargeBinary(), nullable=False),
        sa.Column("reference", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("sim_id", sa.Integer(), nullable=True),
        sa.Column("concat_reference", sa.Integer(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["sim_id"], ["sim.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_bundle_recipient", "bundle", ["recipient_key", "id"])
    op.create_table(
        "contact",
        sa.Column("recipient_key", sa.LargeBinary(), nullable=False),
        sa.Column("sim_id", sa.Integer(), nullable=False),
        sa.Column("heard_at", UTCDateTime(), nullable=True),
        sa.Column("written_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["sim_id"], ["sim.id"]),
        sa.PrimaryKeyConstraint("recipient_key"),
    )
    op.create_table(
        "ported",
        sa.Column("number_key", sa.LargeBinary(), nullable=False),
        sa.Column("operator", AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("number_key"),
    )


def downgrade() -> None:
    """Go back."""
    op.drop_index("ix_message_lane", "message")
    op.drop_index("ix_message_batch", "message")
    for table in ("ported", "contact", "bundle", "lane"):
        op.drop_table(table)
    for table, columns in added().items():
        for column in columns:
            op.drop_column(table, column.name)
