"""Reading from SQLite without waiting for anybody's fsync.

A look-up by key takes tens of microseconds: it is done right on the event loop, a hop to a thread
would cost more. Whatever may touch many rows goes to a thread.
"""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar, final

from sqlalchemy import Connection, Engine
from typing_extensions import override

from sp1tee.store.pool import Pool
from sp1tee.store.reader import Reader
from sp1tee.store.sqlite.faults import guarded

P = ParamSpec("P")
T = TypeVar("T")


@final
class SqliteReader(Reader):
    """`Reader` on connections that cannot write."""

    def __init__(self, engine: Engine) -> None:
        with guarded():
            self._here = engine.connect()
            self._aside = engine.connect()
        self._thread = Pool(1, "sp1tee-reader")

    @override
    async def now(
        self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        with guarded():
            return query(self._here, *args, **kwargs)

    @override
    async def aside(
        self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        with guarded():
            return await self._thread.run(query, self._aside, *args, **kwargs)

    @override
    async def aclose(self) -> None:
        await self._thread.aclose()
        self._here.close()
        self._aside.close()
