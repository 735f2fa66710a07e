"""Runs migrations on the connection that `schema.migrate` gives."""

from alembic import context

from atlas_core.storage import issue_tables
from atlas_core.storage.tables import metadata

assert issue_tables.SCHEMA  # importing it is what adds its tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    include_schemas=True,
    version_table="schema_version",
    transactional_ddl=False,  # schema.migrate holds the transaction
)
context.run_migrations()
