"""How the database came to look as `schema` says, step by step (Alembic).

Alembic is imported only when a step is due: a start that has nothing to migrate stays fast.
"""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, column, inspect, select, table

from sp1tee.errors import StoreTooNew

REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005")
"""Every step, oldest first; `versions` holds them."""

_ALEMBIC: Final = table("alembic_version", column("version_num"))


def migrate(connection: Connection) -> None:
    """Bring the database up to date, in the transaction that is open.

    Raises:
        StoreTooNew: a newer release has changed it.
    """
    current = _revision(connection)
    if current == REVISIONS[-1]:
        return
    if current is not None and current not in REVISIONS:
        raise StoreTooNew(f"The database is at revision {current}, unknown to this release.")
    _upgrade(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_ALEMBIC.name):
        return None
    return connection.scalar(select(_ALEMBIC.c.version_num))


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - slow to import and seldom needed
    from alembic.config import Config  # noqa: PLC0415 - the same

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
