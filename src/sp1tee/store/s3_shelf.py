"""Sealed files in a bucket of an S3 service, as `s3_parts` lays them out.

Nobody who can read the bucket can read a blob: it holds what `sealing` made, and no key. Nothing
of it is removed by age: what is in use, only the database knows.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Final, final

from typing_extensions import override

from sp1tee.errors import StoreUnavailable
from sp1tee.store.s3_blob import BucketDraft, BucketFile
from sp1tee.store.s3_bucket import Bucket
from sp1tee.store.s3_objects import QUICK, WORKING, Objects
from sp1tee.store.s3_parts import ROOT, blob_of, folder
from sp1tee.store.sealing import Layout, Sealer
from sp1tee.store.shelf import Draft, SealedFile, Shelf

_NAME: Final = "vault-id"
_LONGEST_NAME: Final = 256
_PROBE: Final = "probe"
_WRITERS: Final = 16
_PATIENCE_S: Final = 3_600.0
"""For another server that is writing a blob, or has not yet recorded its key."""


@final
class BucketShelf(Shelf):
    """`Shelf` in a bucket that several servers may share."""

    threads = 32
    ahead = 3
    patience_s = _PATIENCE_S

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket
        self._objects = Objects(bucket, WORKING)
        self._quick = Objects(bucket, QUICK)
        self._writers = ThreadPoolExecutor(_WRITERS, "sp1tee-bucket")

    @override
    def __str__(self) -> str:
        return str(self.bucket)

    @override
    def name(self) -> bytes | None:
        try:
            return self._objects.range(_NAME, 0, _LONGEST_NAME).content
        except FileNotFoundError:
            return None

    @override
    def give_name(self, name: bytes) -> None:
        self._objects.put(_NAME, name)

    @override
    def make(self) -> None:
        """Do nothing: folders of a bucket are but names, and the bucket itself is its owner's."""

    @override
    def draft(self, blob_id: str, sealer: Sealer) -> Draft:
        return BucketDraft(self._objects, self._quick, self._put, blob_id, sealer)

    @override
    def sealed(self, blob_id: str, sealer: Sealer, layout: Layout) -> SealedFile:
        return BucketFile(self._objects, blob_id, sealer, layout)

    @override
    def remove(self, blob_ids: Iterable[str]) -> None:
        for blob_id in blob_ids:
            with suppress(StoreUnavailable):
                self._objects.remove(self._objects.sizes(folder(blob_id)))

    @override
    def shards(self) -> Collection[str]:
        return self._objects.folders(ROOT)

    @override
    def names(self, shard: str) -> Mapping[str, int]:
        return Counter(blob_of(name) for name in self._objects.sizes(shard))

    @override
    def probe(self) -> None:
        self._quick.put(_PROBE, b"")

    @override
    def close(self) -> None:
        self._writers.shutdown()

    def _put(self, name: str, content: bytes) -> Future[None]:
        return self._writers.submit(self._objects.put, name, content)
