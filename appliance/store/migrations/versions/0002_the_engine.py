"""Incidents, requests and calls; what the modem engine knows of lines; how messages are coded."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString, UTCDateTime

revision: Final = "0002"
down_revision: Final = "0001"
branch_labels: Final = None
depends_on: Final = None

BIG: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def added() -> dict[str, tuple[sa.Column[Any], ...]]:
    """Return new columns, made anew each time: one belongs to one table.

    They have no constraints, so that no table is copied: messages may be millions.
    """
    return {
        "account": (sa.Column("admin", sa.Boolean(), server_default=sa.false(), nullable=False),),
        "message": (
            sa.Column("language", sa.Integer(), server_default=sa.text("0"), nullable=False),
            sa.Column("wide", sa.Boolean(), server_default=sa.false(), nullable=False),
            sa.Column("service_centre", AutoString(), nullable=True),
            sa.Column("without_validity", sa.Boolean(), server_default=sa.false(), nullable=False),
            sa.Column("pinned_sim_id", sa.Integer(), nullable=True),
        ),
        "inbound": (
            sa.Column("message_class", sa.Integer(), nullable=True),
            sa.Column("indication", AutoString(), nullable=True),
        ),
        "notice": (
            sa.Column("call_id", BIG, nullable=True),
            sa.Column("incident_id", BIG, nullable=True),
        ),
        "sim": (
            sa.Column("balance", sa.Float(), nullable=True),
            sa.Column("balance_text", AutoString(), nullable=True),
            sa.Column("balance_at", UTCDateTime(), nullable=True),
            sa.Column("paused_at", UTCDateTime(), nullable=True),
            sa.Column("pause_reason", AutoString(), nullable=True),
        ),
        "line": (
            sa.Column("revision", AutoString(), nullable=True),
            sa.Column("profile", AutoString(), nullable=True),
            sa.Column("service_centre", AutoString(), nullable=True),
            sa.Column("clock_offset_seconds", sa.Float(), nullable=True),
            sa.Column("reports_proven_at", UTCDateTime(), nullable=True),
            sa.Column("memory_sim_id", sa.Integer(), nullable=True),
            sa.Column("mending", AutoString(), server_default=sa.text("''"), nullable=False),
            sa.Column("mended", sa.JSON(), nullable=True),
            sa.Column("rungs", sa.JSON(), nullable=True),
            sa.Column("counted", sa.JSON(), nullable=True),
        ),
    }


Index = tuple[str, list[str], str]

WAITING_BEFORE: Final[Index] = (
    "ix_inbound_waiting",
    ["sim_id", "sender_key"],
    "state = 'waiting'",
)
LACKING: Final[Index] = (
    "ix_inbound_lacking",
    ["sim_id", "sender_key"],
    "state IN ('waiting', 'incomplete')",
)
WAITING: Final[Index] = ("ix_inbound_waiting", ["received_at"], "state = 'waiting'")


def _index_inbound(*wanted: Index) -> None:
    """Have these indexes of messages that lack parts, and no others."""
    for name, *_ in (LACKING, WAITING):
        op.drop_index(name, "inbound", if_exists=True)
    for name, columns, condition in wanted:
        where = sa.text(condition)
        op.create_index(name, "inbound", columns, sqlite_where=where, postgresql_where=where)


def upgrade() -> None:
    """Go forward."""
    for table, columns in added().items():
        for column in columns:
            op.add_column(table, column)
    op.execute("UPDATE line SET memory_sim_id = sim_id")
    _index_inbound(LACKING, WAITING)
    op.create_table(
        "model_proof",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("maker", AutoString(), nullable=False),
        sa.Column("model", AutoString(), nullable=False),
        sa.Column("revision", AutoString(), nullable=False),
        sa.Column("way", AutoString(), nullable=False),
        sa.Column("survived", sa.Boolean(), nullable=False),
        sa.Column("proved_at", UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("maker", "model", "revision", "way"),
    )
    op.create_table(
        "call",
        sa.Column("id", BIG, nullable=False),
        sa.Column("sim_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("caller", AutoString(), nullable=True),
        sa.Column("caller_key", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["sim_id"], ["sim.id"]),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "incident",
        sa.Column("id", BIG, nullable=False),
        sa.Column("kind", AutoString(), nullable=False),
        sa.Column("daemon", sa.Integer(), nullable=False),
        sa.Column("slot", AutoString(), nullable=True),
        sa.Column("sim_id", sa.Integer(), nullable=True),
        sa.Column("sentence", AutoString(), nullable=False),
        sa.Column("next_step", AutoString(), nullable=False),
        sa.Column("lasting", sa.Boolean(), nullable=False),
        sa.Column("at", UTCDateTime(), nullable=False),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["daemon"], ["daemon.id"]),
        sa.ForeignKeyConstraint(["sim_id"], ["sim.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    lasting = sa.text("lasting AND ended_at IS NULL")
    op.create_index(
        "ix_incident_lasting",
        "incident",
        ["slot", "kind"],
        sqlite_where=lasting,
        postgresql_where=lasting,
    )
    op.create_table(
        "request",
        sa.Column("id", BIG, nullable=False),
        sa.Column("daemon", sa.Integer(), nullable=False),
        sa.Column("slot", AutoString(), nullable=False),
        sa.Column("kind", AutoString(), nullable=False),
        sa.Column("arguments", sa.JSON(), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=True),
        sa.Column("error", AutoString(), nullable=True),
        sa.Column("created_at", UTCDateTime(), nullable=False),
        sa.Column("taken_at", UTCDateTime(), nullable=True),
        sa.Column("ended_at", UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["daemon"], ["daemon.id"]),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    waiting = sa.text("state = 'open'")
    op.create_index(
        "ix_request_open",
        "request",
        ["daemon", "id"],
        sqlite_where=waiting,
        postgresql_where=waiting,
    )


def downgrade() -> None:
    """Go back."""
    _index_inbound(WAITING_BEFORE)
    for table in ("request", "incident", "call", "model_proof"):
        op.drop_table(table)
    for table, columns in added().items():
        for column in columns:
            op.drop_column(table, column.name)
