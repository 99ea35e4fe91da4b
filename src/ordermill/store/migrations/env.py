"""Called by alembic: migrate on the connection that run.py was given."""

from __future__ import annotations

from alembic import context

from ordermill.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite has it as soon as BEGIN is ours
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
