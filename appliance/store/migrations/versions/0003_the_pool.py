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
            sa.Column("network", AutoString(), nullable=True),
            sa.Column("bundle_id", BIG, nullable=True),
            sa.Column("bundle_ordinal", sa.Integer(), nullable=True),
            sa.Column("protocol", sa.Integer(), server_default=sa.text("0"), nullable=False),
            sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
            sa.Column("refused_by", sa.JSON(), nullable=True),
            sa.Column("refused_until", UTCDateTime(), nullable=True),
            sa.Column("withdrawn_at", UTCDateTime(), nullable=True),
            sa.Column("reply_to_inbound_id", BIG, nullable=True),
            sa.Column("waits_since", UTCDateTime(), nullable=True),
        ),
        "daemon": (sa.Column("lease_until", UTCDateTime(), nullable=True),),
        "account": (
            sa.Column("notices_by", sa.Integer(), nullable=True),
            sa.Column("gsm0", AutoString(), nullable=True),
            sa.Column("source_rule", AutoString(), nullable=True),
            sa.Column("inbound_form", AutoString(), nullable=True),
            sa.Column("region", AutoString(), nullable=True),
            sa.Column("category", AutoString(), nullable=True),
            sa.Column("service_types", sa.JSON(), nullable=True),
            sa.Column("category_tag", sa.Integer(), nullable=True),
            sa.Column("priorities", sa.JSON(), nullable=True),
            sa.Column("unreported", AutoString(), nullable=True),
        ),
        "sim": (
            sa.Column("probe_at", UTCDateTime(), nullable=True),
            sa.Column("pauses", sa.Integer(), server_default=sa.text("0"), nullable=False),
            sa.Column("judged_from", UTCDateTime(), nullable=True),
        ),
        "attempt": (sa.Column("price", sa.Float(), nullable=True),),
        "opt_out": (
            sa.Column("source", AutoString(), server_default=sa.text("'sms'"), nullable=False),
            sa.Column("recipient", AutoString(), nullable=True),
            sa.Column("recipient_suffix_key", sa.LargeBinary(), nullable=True),
        ),
    }


def upgrade() -> None:
    """Go forward."""
    for table, columns in added().items():
        for column in columns:
            op.add_column(table, column)
    op.drop_column("message", "lease_until")  # a daemon has a lease now, not each message
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
    aside = sa.text("state = 'queued' AND waits_since IS NOT NULL")
    op.create_index(
        "ix_message_aside", "message", ["id"], sqlite_where=aside, postgresql_where=aside
    )
    named = sa.text("batch IS NOT NULL")
    op.create_index(
        "ix_message_batch",
        "message",
        ["account_id", "batch", "id"],
        sqlite_where=named,
        postgresql_where=named,
    )
    op.create_index(
        "ix_message_batch_of_any",
        "message",
        ["batch", "id"],
        sqlite_where=named,
        postgresql_where=named,
    )
    uncertain = sa.text("state = 'uncertain' AND when_uncertain <> 'hold'")
    op.create_index(
        "ix_message_uncertain",
        "message",
        ["changed_at"],
        sqlite_where=uncertain,
        postgresql_where=uncertain,
    )
    op.create_table(
        "withdrawal",
        sa.Column("id", BIG, nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("batch", AutoString(), nullable=True),
        sa.Column("recipient_key", sa.LargeBinary(), nullable=True),
        sa.Column("passed", BIG, nullable=False),
        sa.Column("up_to", BIG, nullable=False),
        sa.Column("cancelled", sa.Integer(), nullable=False),
        sa.Column("on_air", sa.Integer(), nullable=False),
        sa.Column("final", sa.Integer(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
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
    by_suffix = sa.text("ended_at IS NULL AND recipient_suffix_key IS NOT NULL")
    op.create_index(
        "ix_opt_out_suffix",
        "opt_out",
        ["recipient_suffix_key"],
        sqlite_where=by_suffix,
        postgresql_where=by_suffix,
    )
    op.create_table(
        "consent",
        sa.Column("id", BIG, nullable=False),
        sa.Column("recipient_key", sa.LargeBinary(), nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("category", AutoString(), nullable=True),
        sa.Column("sim_id", sa.Integer(), nullable=True),
        sa.Column("inbound_id", BIG, nullable=True),
        sa.Column("opt_out_id", BIG, nullable=True),
        sa.Column("source", AutoString(), nullable=False),
        sa.Column("reason", AutoString(), nullable=False),
        sa.Column("until", UTCDateTime(), nullable=True),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.ForeignKeyConstraint(["sim_id"], ["sim.id"]),
        sa.ForeignKeyConstraint(["inbound_id"], ["inbound.id"]),
        sa.ForeignKeyConstraint(["opt_out_id"], ["opt_out.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_consent_recipient", "consent", ["recipient_key", "id"])
    op.execute(
        "INSERT INTO consent (id, recipient_key, event, account_id, category, sim_id, inbound_id,"
        " opt_out_id, source, reason, until, at)"
        " SELECT id, recipient_key, 'opted_out', account_id, category, sim_id, inbound_id,"
        " id, source, reason, until, created_at FROM opt_out"
    )
    # The SIM that a STOP came to is told by its inbound message; here it limits the opt-out now.
    op.execute("UPDATE opt_out SET sim_id = NULL")


def downgrade() -> None:
    """Go back."""
    op.drop_index("ix_opt_out_suffix", "opt_out")
    op.drop_index("ix_message_lane", "message")
    op.drop_index("ix_message_aside", "message")
    op.drop_index("ix_message_batch", "message")
    op.drop_index("ix_message_batch_of_any", "message")
    op.drop_index("ix_message_uncertain", "message")
    for table in ("consent", "withdrawal", "ported", "contact", "bundle", "lane"):
        op.drop_table(table)
    for table, columns in added().items():
        for column in columns:
            op.drop_column(table, column.name)
    op.add_column("message", sa.Column("lease_until", UTCDateTime(), nullable=True))
