"""The tables."""

from typing import Final

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString, UTCDateTime

revision: Final = "0001"
down_revision: Final = None
branch_labels: Final = None
depends_on: Final = None


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("system_id", AutoString(), nullable=True),
        sa.Column("password_hash", AutoString(), nullable=True),
        sa.Column("carrier", AutoString(), nullable=True),
        sa.Column("webhook_url", AutoString(), nullable=True),
        sa.Column("webhook_secret", AutoString(), nullable=True),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("max_binds", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("revoked_at", UTCDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sa.UniqueConstraint("system_id"),
    )
    op.create_table(
        "daemon",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "service_centre",
        sa.Column("address", AutoString(), nullable=False),
        sa.Column("offset_seconds", sa.Float(), nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("address"),
    )
    op.create_table(
        "setting",
        sa.Column("name", AutoString(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "sim",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("iccid", AutoString(), nullable=False),
        sa.Column("imsi", AutoString(), nullable=True),
        sa.Column("number", AutoString(), nullable=True),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("first_seen", UTCDateTime(), nullable=False),
        sa.Column("last_seen", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("iccid"),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("key_hash", AutoString(), nullable=False),
        sa.Column("hint", AutoString(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("revoked_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key_hash"),
    )
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_key_account_id"), ["account_id"], unique=False)

    op.create_table(
        "concat_counter",
        sa.Column("sim_id", sa.Integer(), nullable=False),
        sa.Column("recipient_key", sa.LargeBinary(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sim_id"],
            ["sim.id"],
        ),
        sa.PrimaryKeyConstraint("sim_id", "recipient_key"),
    )
    op.create_table(
        "inbound",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sim_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "complete",
                "undecodable",
                name="inboundstate",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("sender", AutoString(), nullable=True),
        sa.Column("sender_key", sa.LargeBinary(), nullable=False),
        sa.Column("encoding", AutoString(), nullable=True),
        sa.Column("language", sa.Integer(), nullable=False),
        sa.Column("text", AutoString(), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.Column("udh", sa.LargeBinary(), nullable=True),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("concat_reference", sa.Integer(), nullable=True),
        sa.Column("concat_wide", sa.Boolean(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("segments", sa.JSON(), nullable=True),
        sa.Column("keyword", AutoString(), nullable=True),
        sa.Column("sent_at", UTCDateTime(), nullable=True),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["sim_id"],
            ["sim.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("inbound", schema=None) as batch_op:
        batch_op.create_index("ix_inbound_account", ["account_id", "id"], unique=False)
        batch_op.create_index(
            "ix_inbound_waiting",
            ["sim_id", "sender_key"],
            unique=False,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )

    op.create_table(
        "line",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("daemon", sa.Integer(), nullable=False),
        sa.Column("slot", AutoString(), nullable=False),
        sa.Column("port", AutoString(), nullable=False),
        sa.Column("imei", AutoString(), nullable=True),
        sa.Column("maker", AutoString(), nullable=True),
        sa.Column("model", AutoString(), nullable=True),
        sa.Column("sim_id", sa.Integer(), nullable=True),
        sa.Column("simulated", sa.Boolean(), nullable=False),
        sa.Column("state", AutoString(), nullable=False),
        sa.Column("cause", AutoString(), nullable=False),
        sa.Column("next_step", AutoString(), nullable=False),
        sa.Column("operator", AutoString(), nullable=True),
        sa.Column("signal_dbm", sa.Integer(), nullable=True),
        sa.Column("registration", AutoString(), nullable=False),
        sa.Column("reports", AutoString(), nullable=False),
        sa.Column("storage", AutoString(), nullable=True),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["daemon"],
            ["daemon.id"],
        ),
        sa.ForeignKeyConstraint(
            ["sim_id"],
            ["sim.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("daemon", "slot"),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("door", AutoString(), nullable=False),
        sa.Column("category", AutoString(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("reference", AutoString(), nullable=True),
        sa.Column("idempotency_key", AutoString(), nullable=True),
        sa.Column("request_hash", sa.LargeBinary(), nullable=True),
        sa.Column("recipient", AutoString(), nullable=True),
        sa.Column("recipient_key", sa.LargeBinary(), nullable=False),
        sa.Column("recipient_suffix_key", sa.LargeBinary(), nullable=False),
        sa.Column("text", AutoString(), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.Column("udh", sa.LargeBinary(), nullable=True),
        sa.Column("flash", sa.Boolean(), nullable=False),
        sa.Column("encoding", AutoString(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "sending",
                "sent",
                "uncertain",
                "no_report",
                "delivered",
                "failed",
                "expired",
                "cancelled",
                name="state",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("cause", AutoString(), nullable=True),
        sa.Column("cause_code", sa.Integer(), nullable=True),
        sa.Column("not_before", UTCDateTime(), nullable=False),
        sa.Column("expires_at", UTCDateTime(), nullable=False),
        sa.Column("receipts", AutoString(), nullable=True),
        sa.Column("when_uncertain", AutoString(), nullable=False),
        sa.Column("smpp", sa.JSON(), nullable=True),
        sa.Column("sim_id", sa.Integer(), nullable=True),
        sa.Column("daemon", sa.Integer(), nullable=True),
        sa.Column("lease_until", UTCDateTime(), nullable=True),
        sa.Column("accepted_at", UTCDateTime(), nullable=False),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("parts BETWEEN 1 AND 255"),
        sa.CheckConstraint("priority BETWEEN 0 AND 3"),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["daemon"],
            ["daemon.id"],
        ),
        sa.ForeignKeyConstraint(
            ["sim_id"],
            ["sim.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("account_id", "idempotency_key"),
        sa.UniqueConstraint("account_id", "reference"),
    )
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.create_index(
            "ix_message_waiting",
            [sa.text("priority DESC"), "id"],
            unique=False,
            sqlite_where=sa.text("state = 'queued'"),
            postgresql_where=sa.text("state = 'queued'"),
        )
        batch_op.create_index("ix_message_account", ["account_id", "id"], unique=False)
        batch_op.create_index(
            "ix_message_expiry",
            ["expires_at"],
            unique=False,
            sqlite_where=sa.text("state = 'queued'"),
            postgresql_where=sa.text("state = 'queued'"),
        )
        batch_op.create_index(
            "ix_message_open",
            ["changed_at"],
            unique=False,
            sqlite_where=sa.text("state IN ('sent', 'uncertain')"),
            postgresql_where=sa.text("state IN ('sent', 'uncertain')"),
        )
        batch_op.create_index("ix_message_recipient", ["recipient_key", "id"], unique=False)
        batch_op.create_index(
            "ix_message_under_way",
            ["sim_id"],
            unique=False,
            sqlite_where=sa.text("state = 'sending'"),
            postgresql_where=sa.text("state = 'sending'"),
        )

    op.create_table(
        "history",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("part_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "attempt_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column(
            "event",
            sa.Enum(
                "be claimed",
                "be accepted by the network",
                "go back to the queue",
                "be refused",
                "be lost sight of",
                "go unreported",
                "be delivered",
                "expire",
                "be cancelled",
                name="event",
                native_enum=False,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "sending",
                "sent",
                "uncertain",
                "no_report",
                "delivered",
                "failed",
                "expired",
                "cancelled",
                name="state",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("cause", AutoString(), nullable=True),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["message.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("history", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_history_message_id"), ["message_id"], unique=False)

    op.create_table(
        "inbound_part",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "inbound_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["inbound_id"],
            ["inbound.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("fingerprint"),
    )
    with op.batch_alter_table("inbound_part", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_inbound_part_inbound_id"), ["inbound_id"], unique=False
        )

    op.create_table(
        "notice",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("message", "inbound", name="noticekind", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column(
            "message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "inbound_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "sending",
                "sent",
                "uncertain",
                "no_report",
                "delivered",
                "failed",
                "expired",
                "cancelled",
                name="state",
                native_enum=False,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("cause", AutoString(), nullable=True),
        sa.Column("cause_code", sa.Integer(), nullable=True),
        sa.Column("parts_delivered", sa.Integer(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("due_at", UTCDateTime(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_error", AutoString(), nullable=True),
        sa.Column("done_at", UTCDateTime(), nullable=True),
        sa.Column("parked_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["inbound_id"],
            ["inbound.id"],
        ),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["message.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notice_message_id"), ["message_id"], unique=False)
        batch_op.create_index(
            "ix_notice_owed",
            ["account_id", "due_at"],
            unique=False,
            sqlite_where=sa.text("done_at IS NULL AND parked_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL AND parked_at IS NULL"),
        )

    op.create_table(
        "opt_out",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recipient_key", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("category", AutoString(), nullable=True),
        sa.Column("sim_id", sa.Integer(), nullable=True),
        sa.Column(
            "inbound_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.Column("reason", AutoString(), nullable=False),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("until", UTCDateTime(), nullable=True),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["account.id"],
        ),
        sa.ForeignKeyConstraint(
            ["inbound_id"],
            ["inbound.id"],
        ),
        sa.ForeignKeyConstraint(
            ["sim_id"],
            ["sim.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("opt_out", schema=None) as batch_op:
        batch_op.create_index(
            "ix_opt_out_active",
            ["recipient_key"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "part",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "sending",
                "sent",
                "uncertain",
                "no_report",
                "delivered",
                "failed",
                "expired",
                "cancelled",
                name="state",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("cause", AutoString(), nullable=True),
        sa.Column("cause_code", sa.Integer(), nullable=True),
        sa.Column("changed_at", UTCDateTime(), nullable=False),
        sa.CheckConstraint("ordinal BETWEEN 1 AND 255"),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["message.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("message_id", "ordinal"),
    )
    op.create_table(
        "attempt",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("part_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column(
            "message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("sim_id", sa.Integer(), nullable=False),
        sa.Column("daemon", sa.Integer(), nullable=False),
        sa.Column("recipient_key", sa.LargeBinary(), nullable=False),
        sa.Column("recipient_suffix_key", sa.LargeBinary(), nullable=False),
        sa.Column("concat_reference", sa.Integer(), nullable=True),
        sa.Column("reference", sa.Integer(), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "sending",
                "sent",
                "refused",
                "released",
                "uncertain",
                name="outcome",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("cause", AutoString(), nullable=True),
        sa.Column("started_at", UTCDateTime(), nullable=False),
        sa.Column("answered_at", UTCDateTime(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("reported_at", UTCDateTime(), nullable=True),
        sa.CheckConstraint("reference BETWEEN 0 AND 255"),
        sa.ForeignKeyConstraint(
            ["daemon"],
            ["daemon.id"],
        ),
        sa.ForeignKeyConstraint(
            ["part_id"],
            ["part.id"],
        ),
        sa.ForeignKeyConstraint(
            ["sim_id"],
            ["sim.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.create_index(
            "ix_attempt_in_flight",
            ["daemon"],
            unique=False,
            sqlite_where=sa.text("outcome = 'sending'"),
            postgresql_where=sa.text("outcome = 'sending'"),
        )
        batch_op.create_index("ix_attempt_limits", ["sim_id", "started_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_attempt_part_id"), ["part_id"], unique=False)
        batch_op.create_index(
            "ix_attempt_report", ["sim_id", "recipient_suffix_key", "id"], unique=False
        )

    op.create_table(
        "report",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("sim_id", sa.Integer(), nullable=False),
        sa.Column("service_centre", AutoString(), nullable=True),
        sa.Column("reference", sa.Integer(), nullable=False),
        sa.Column("recipient_key", sa.LargeBinary(), nullable=False),
        sa.Column("recipient_suffix_key", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column(
            "event",
            sa.Enum(
                "be claimed",
                "be accepted by the network",
                "go back to the queue",
                "be refused",
                "be lost sight of",
                "go unreported",
                "be delivered",
                "expire",
                "be cancelled",
                name="event",
                native_enum=False,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("cause", AutoString(), nullable=True),
        sa.Column("submitted_at", UTCDateTime(), nullable=True),
        sa.Column("discharged_at", UTCDateTime(), nullable=True),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.Column(
            "attempt_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True
        ),
        sa.CheckConstraint("status BETWEEN 0 AND 255"),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["attempt.id"],
        ),
        sa.ForeignKeyConstraint(
            ["sim_id"],
            ["sim.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("fingerprint"),
    )
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_report_attempt_id"), ["attempt_id"], unique=False)
        batch_op.create_index(
            "ix_report_unmatched",
            ["sim_id", "recipient_suffix_key"],
            unique=False,
            sqlite_where=sa.text("attempt_id IS NULL"),
            postgresql_where=sa.text("attempt_id IS NULL"),
        )


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_report_unmatched",
            sqlite_where=sa.text("attempt_id IS NULL"),
            postgresql_where=sa.text("attempt_id IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_report_attempt_id"))

    op.drop_table("report")
    with op.batch_alter_table("attempt", schema=None) as batch_op:
        batch_op.drop_index("ix_attempt_report")
        batch_op.drop_index(batch_op.f("ix_attempt_part_id"))
        batch_op.drop_index("ix_attempt_limits")
        batch_op.drop_index(
            "ix_attempt_in_flight",
            sqlite_where=sa.text("outcome = 'sending'"),
            postgresql_where=sa.text("outcome = 'sending'"),
        )

    op.drop_table("attempt")
    op.drop_table("part")
    with op.batch_alter_table("opt_out", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_opt_out_active",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.drop_table("opt_out")
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_notice_owed",
            sqlite_where=sa.text("done_at IS NULL AND parked_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL AND parked_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_notice_message_id"))

    op.drop_table("notice")
    with op.batch_alter_table("inbound_part", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_inbound_part_inbound_id"))

    op.drop_table("inbound_part")
    with op.batch_alter_table("history", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_history_message_id"))

    op.drop_table("history")
    with op.batch_alter_table("message", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_message_under_way",
            sqlite_where=sa.text("state = 'sending'"),
            postgresql_where=sa.text("state = 'sending'"),
        )
        batch_op.drop_index("ix_message_recipient")
        batch_op.drop_index(
            "ix_message_open",
            sqlite_where=sa.text("state IN ('sent', 'uncertain')"),
            postgresql_where=sa.text("state IN ('sent', 'uncertain')"),
        )
        batch_op.drop_index(
            "ix_message_expiry",
            sqlite_where=sa.text("state = 'queued'"),
            postgresql_where=sa.text("state = 'queued'"),
        )
        batch_op.drop_index("ix_message_account")

    op.drop_table("message")
    op.drop_table("line")
    with op.batch_alter_table("inbound", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_inbound_waiting",
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )
        batch_op.drop_index("ix_inbound_account")

    op.drop_table("inbound")
    op.drop_table("concat_counter")
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_api_key_account_id"))

    op.drop_table("api_key")
    op.drop_table("sim")
    op.drop_table("setting")
    op.drop_table("service_centre")
    op.drop_table("daemon")
    op.drop_table("account")
