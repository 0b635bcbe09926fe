"""Connections to PostgreSQL, set up so that neither side waits for the other for ever."""

from collections.abc import Callable
from typing import Any, Final

import asyncpg
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from sp1tee.errors import ConfigError

CONNECT_S: Final = 5.0
COMMAND_S: Final = 15.0
POOL_WAIT_S: Final = 10.0
STANDSTILL_S: Final = 15
"""How long a server may stand still in a transaction and keep its locks."""

_SETTINGS: Final = {
    "application_name": "sp1tee",
    "default_transaction_isolation": "read committed",
    # A commit is on disk, whatever the server's own configuration says.
    "synchronous_commit": "on",
    "idle_in_transaction_session_timeout": f"{STANDSTILL_S}s",
    # One whose machine is gone is noticed, and its advisory locks pass on.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    # Statements of a few rows each: compiling them would take longer than running them.
    "jit": "off",
}


def plain_url(database_url: str) -> str:
    """Write the URL as PostgreSQL's own tools know it.

    Several hosts, ``sslmode``, ``sslrootcert`` and what else libpq takes may be in it.

    Raises:
        ConfigError: it is malformed.
    """
    url = "postgresql:" + database_url.partition(":")[2]
    if not url.startswith("postgresql://"):
        raise ConfigError(
            "database_url is not a URL.", advice="Write postgresql://user@host/database."
        )
    return url


def connecting(url: str, **settings: str) -> Callable[..., Any]:
    """Make what opens a connection; `settings` are the session's.

    With several hosts, the one that takes changes is chosen.
    """

    async def connect(*_: Any, **__: Any) -> asyncpg.Connection:
        return await asyncpg.connect(
            url,
            timeout=CONNECT_S,
            command_timeout=COMMAND_S,
            server_settings={**_SETTINGS, **settings},
            target_session_attrs="read-write",
        )

    return connect


def engine_of(connect: Callable[..., Any], size: int) -> AsyncEngine:
    """Make an engine with at most so many connections."""
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        hide_parameters=True,
        pool_size=size,
        max_overflow=0,
        pool_timeout=POOL_WAIT_S,
    )
    event.listen(engine.sync_engine, "before_cursor_execute", _without_nul, retval=True)
    return engine


def _without_nul(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
) -> tuple[str, Any]:
    """Replace NUL, which a text of PostgreSQL's cannot hold and SQLite's can."""
    if isinstance(parameters, list):
        return statement, [tuple(map(_clean, row)) for row in parameters]
    return statement, tuple(map(_clean, parameters))


def _clean(value: Any) -> Any:
    return value.replace("\0", "\ufffd") if type(value) is str and "\0" in value else value
