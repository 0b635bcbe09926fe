"""Account nonces."""

from typing import Final, Protocol, final

from sqlalchemy import Connection, bindparam, select
from typing_extensions import override

from sp1tee.store.reader import Reader
from sp1tee.store.schema import LARGEST, nonces, upsert
from sp1tee.store.writer import Tx, Writer


class Nonces(Protocol):
    """The next nonce of every account, as GetNonce answers it."""

    async def get(self, address: bytes) -> int:
        """Say which nonce comes next; 0 for an account never seen."""

    async def advance(self, address: bytes, to: int) -> None:
        """Move the next nonce up to at least `to`; it never moves down."""


@final
class SqlNonces(Nonces):
    """`Nonces` in a database."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self._writer = writer
        self._reader = reader

    @override
    async def get(self, address: bytes) -> int:
        return await self._reader.now(next_nonce, address)

    @override
    async def advance(self, address: bytes, to: int) -> None:
        await self._writer.run(move_nonce, address, to)


def next_nonce(connection: Connection, address: bytes) -> int:
    """See `Nonces.get`."""
    return connection.scalar(_NEXT, {"address": address}) or 0


def move_nonce(tx: Tx, address: bytes, to: int) -> None:
    """See `Nonces.advance`."""
    tx.connection.execute(_MOVE, {"address": address, "next": min(to, LARGEST)})


_NEXT: Final = select(nonces.c.next).where(nonces.c.address == bindparam("address"))
_INSERT: Final = upsert(nonces)
_MOVE: Final = _INSERT.on_conflict_do_update(
    index_elements=[nonces.c.address],
    set_={"next": _INSERT.excluded.next},
    where=_INSERT.excluded.next > nonces.c.next,
)
