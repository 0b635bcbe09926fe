"""How much one requester may have open."""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

from sp1tee.errors import QuotaExceeded
from sp1tee.store.store import Store

_REMEMBERED: Final = 10_000
_BYTES: Final = "bytes of uploads and programs"


@dataclass(frozen=True, slots=True)
class QuotaRules:
    """Limits per requester."""

    max_open_uploads: int
    max_open_requests: int
    max_bytes: int
    """Of uploads in the vault and of registered programs."""


class Quota:
    """Counts what a requester has open, calls under way included."""

    def __init__(self, store: Store, rules: QuotaRules) -> None:
        self._store = store
        self._rules = rules
        self._under_way: Counter[tuple[str, bytes]] = Counter()
        self._at_most: dict[bytes, int] = {}

    @asynccontextmanager
    async def upload(self, requester: bytes) -> AsyncIterator[None]:
        """Hold room for one more upload place while it is being made.

        Raises:
            QuotaExceeded: there is none, or what the requester may keep here is full.
        """
        with self._count("upload", requester) as under_way:
            usage = await self._store.requests.usage(requester)
            if usage.open_uploads + under_way > self._rules.max_open_uploads:
                raise _exceeded(self._rules.max_open_uploads, "unused upload places")
            if usage.bytes >= self._rules.max_bytes:
                raise _exceeded(self._rules.max_bytes, _BYTES)
            yield

    @asynccontextmanager
    async def request(self, requester: bytes) -> AsyncIterator[None]:
        """Hold room for one more request while it is being stored.

        Raises:
            QuotaExceeded: there is none.
        """
        with self._count("request", requester) as under_way:
            limit = self._rules.max_open_requests
            if await self._open_at_most(requester, limit - under_way) + under_way > limit:
                raise _exceeded(limit, "open requests")
            try:
                yield
            finally:
                # Also after an error: a caller may be gone while its request is stored.
                if requester in self._at_most:
                    self._at_most[requester] += 1

    async def _open_at_most(self, requester: bytes, enough: int) -> int:
        """Return a number that a requester's open requests do not exceed.

        Between two counts requests only end, but for those that come in here: it is counted again
        when the last count and what came since are not low enough. Where requests come in at other
        servers, too, they are counted each time.
        """
        known = self._at_most.get(requester)
        if known is not None and known <= enough and not self._store.shared:
            return known
        if len(self._at_most) >= _REMEMBERED:
            self._at_most.clear()
        counted = await self._store.requests.open_count(requester, self._rules.max_open_requests)
        self._at_most[requester] = counted
        return counted

    @contextmanager
    def _count(self, what: str, requester: bytes) -> Iterator[int]:
        key = (what, requester)
        self._under_way[key] += 1
        try:
            yield self._under_way[key]
        finally:
            self._under_way[key] -= 1
            if not self._under_way[key]:
                del self._under_way[key]


class ByteQuota:
    """Keeps what one requester's uploads and programs occupy below a limit, those under way too.

    Upload places are handed out while there is room, but many of them may be filled at once.
    """

    def __init__(self, store: Store, max_bytes: int) -> None:
        self._store = store
        self._max_bytes = max_bytes
        self._reserved: Counter[bytes] = Counter()

    @asynccontextmanager
    async def reserve(self, requester: bytes, size: int) -> AsyncIterator[None]:
        """Hold room for so many bytes while they arrive.

        Raises:
            QuotaExceeded: there is not enough.
        """
        self._reserved[requester] += size
        try:
            usage = await self._store.requests.usage(requester)
            if usage.bytes + self._reserved[requester] > self._max_bytes:
                raise _exceeded(self._max_bytes, _BYTES)
            yield
        finally:
            self._reserved[requester] -= size
            if not self._reserved[requester]:
                del self._reserved[requester]


def _exceeded(limit: int, what: str) -> QuotaExceeded:
    return QuotaExceeded(
        f"This account may have {limit} {what}, and this would be more.",
        advice="Wait for some to end, or ask the operator for more.",
    )
