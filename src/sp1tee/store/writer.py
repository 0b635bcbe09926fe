"""Changing the database: the interface. `sqlite` and `postgres` hold the implementations."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Concatenate, ParamSpec, Protocol, TypeVar, final

from sqlalchemy import Connection

from sp1tee.store.records import RequestRecord, StoreLimits

P = ParamSpec("P")
T = TypeVar("T")


@final
@dataclass(frozen=True, slots=True)
class Change:
    """One change of a request.

    Attributes:
        before: the request as it was; None if there was none.
        after: the request as it is.
    """

    before: RequestRecord | None
    after: RequestRecord


@final
@dataclass(slots=True)
class Tx:
    """What a job works with, and what it leaves for after the commit."""

    connection: Connection
    now: float
    """Unix seconds; one moment for the whole job."""
    limits: StoreLimits
    shared: bool = False
    """Other transactions go on at the same time: what is not locked may change."""
    changed: list[Change] = field(default_factory=list)
    """What the job did to requests, in order."""
    erased: list[str] = field(default_factory=list)
    """Blobs without a key from now on."""


class Writer(Protocol):
    """Runs jobs, each as one transaction: whole, durable and for itself alone, or not at all.

    A job is a synchronous function. It locks what it decides about (`FOR UPDATE`, which SQLite has
    no need of and leaves out), a request always before its leases, and both before its input.
    """

    async def run(
        self, job: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a job; what it wrote is on disk when this returns.

        It runs to its end even if the caller is cancelled.

        Raises:
            StoreUnavailable: nothing of it happened.
        """

    async def aclose(self) -> None:
        """Finish what was begun."""
