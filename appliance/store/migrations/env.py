"""Alembic's entry: runs the migrations on the connection that ``migrate`` hands over."""

from alembic import context

from appliance import models  # noqa: F401 - the tables register themselves
from sqlmodel import SQLModel

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
