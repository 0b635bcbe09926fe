"""Reading without waiting for anybody's fsync.

A look-up by key takes tens of microseconds: it is done right on the event loop, a hop to a thread
would cost more. Whatever may touch many rows goes to a thread.
"""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar, final

from sqlalchemy import Connection, Engine

from sp1tee.store.database import guarded
from sp1tee.store.pool import Pool

P = ParamSpec("P")
T = TypeVar("T")


@final
class Reader:
    """Runs queries on connections that cannot write; each sees the last commit."""

    def __init__(self, engine: Engine) -> None:
        with guarded():
            self._here = engine.connect()
            self._aside = engine.connect()
        self._thread = Pool(1, "sp1tee-reader")

    def now(
        self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a query that touches a few rows.

        Raises:
            StoreError: the database did not answer.
        """
        with guarded():
            return query(self._here, *args, **kwargs)

    async def aside(
        self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a query that touches many rows.

        Raises:
            StoreError: the database did not answer.
        """
        with guarded():
            return await self._thread.run(query, self._aside, *args, **kwargs)

    async def aclose(self) -> None:
        """Let the connections go."""
        await self._thread.aclose()
        self._here.close()
        self._aside.close()
