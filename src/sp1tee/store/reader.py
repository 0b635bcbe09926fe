"""Asking the database: the interface. `sqlite` and `postgres` hold the implementations."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection

P = ParamSpec("P")
T = TypeVar("T")


class Reader(Protocol):
    """Runs queries; each statement sees the last commit."""

    async def now(
        self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a query that touches a few rows.

        Raises:
            StoreError: the database did not answer.
        """

    async def aside(
        self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a query that touches many rows.

        Raises:
            StoreError: the database did not answer.
        """

    async def aclose(self) -> None:
        """Let the connections go."""
