"""Reading from PostgreSQL."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar, final

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine
from typing_extensions import override

from sp1tee.errors import Sp1teeError
from sp1tee.store.postgres.faults import Fault, database_fault, fault_of
from sp1tee.store.postgres.patience import Patience
from sp1tee.store.reader import Reader

P = ParamSpec("P")
T = TypeVar("T")

_WORTH_ANOTHER_TRY = frozenset({Fault.AGAIN, Fault.AWAY})


@final
class PostgresReader(Reader):
    """`Reader` on the pool's connections: there is no lock that it could wait for."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    @override
    async def now(
        self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        patience = Patience()
        while True:
            try:
                async with self._engine.connect() as connection:
                    return await connection.run_sync(query, *args, **kwargs)
            except Sp1teeError:
                raise
            except Exception as error:  # noqa: BLE001 - the driver's own kinds are many
                if fault_of(error) in _WORTH_ANOTHER_TRY and await patience.pause():
                    continue
                raise database_fault(error) from None

    @override
    async def aside(
        self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self.now(query, *args, **kwargs)

    @override
    async def aclose(self) -> None:
        """Do nothing: the connections are the database's."""
