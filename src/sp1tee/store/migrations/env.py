"""What Alembic runs: on the connection, and inside the transaction, that `migrate` was given."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    # SQLite's DDL is transactional once the driver leaves transactions alone, as ours does.
    transactional_ddl=True,
)
context.run_migrations()
