"""Alembic's entry: run the steps over the connection that was handed in."""

from alembic import context

from aster_ray.store.sql.schema import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
