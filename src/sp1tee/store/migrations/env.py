"""What Alembic runs: on the connection, and inside the transaction, that `migrate` was given."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    # PostgreSQL's DDL is transactional, and SQLite's once the driver leaves transactions alone.
    transactional_ddl=True,
)
context.run_migrations()
