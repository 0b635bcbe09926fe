"""Where the vault finds its wrapped keys: in the database."""

from collections.abc import Collection
from typing import final

from typing_extensions import override

from sp1tee.store.lookup import keyed, one_blob
from sp1tee.store.reader import Reader
from sp1tee.store.records import SealedBlob
from sp1tee.store.vault import Keys


@final
class SqlKeys(Keys):
    """`Keys` from a few rows each time."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @override
    async def key_of(self, blob_id: str) -> SealedBlob | None:
        return await self._reader.now(one_blob, blob_id)

    @override
    async def keyed(self, blob_ids: Collection[str]) -> set[str]:
        return await self._reader.now(keyed, blob_ids)
