"""Writing and reading one sealed file in a bucket."""

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import final

from typing_extensions import override

from sp1tee.errors import BucketUnavailable
from sp1tee.store.s3_objects import Objects
from sp1tee.store.s3_parts import PART_CHUNKS, Parts, folder, part
from sp1tee.store.sealing import HEADER, TAG_SIZE, Buffer, Layout, Piece, Sealer
from sp1tee.store.shelf import Draft, SealedFile

Begin = Callable[[str, bytes], Future[None]]
"""Puts an object while others go on."""


@final
class BucketDraft(Draft):
    """Seals chunk after chunk, and writes a part while the next one fills.

    So it holds two parts, of which there may be any number in the bucket.
    """

    def __init__(
        self, objects: Objects, quick: Objects, begin: Begin, blob_id: str, sealer: Sealer
    ) -> None:
        """Write through `begin`; look through `objects`, and through `quick` give up soon."""
        self._objects = objects
        self._quick = quick
        self._begin = begin
        self._blob_id = blob_id
        self._sealer = sealer
        self._chunks = 0
        self._part = bytearray(HEADER)
        self._sizes: dict[str, int] = {}
        self._on_its_way: Future[None] | None = None

    @override
    def append(self, plain: Buffer, *, last: bool) -> None:
        begin = len(self._part)
        self._part.extend(bytes(len(plain) + TAG_SIZE))
        with memoryview(self._part) as whole, whole[begin:] as room:
            self._sealer.seal(self._chunks, plain, room, last=last).release()
        self._chunks += 1
        if last or self._chunks % PART_CHUNKS == 0:
            self._pass_on()

    @override
    def publish(self) -> None:
        """Be sure that every part is in the bucket, whole: its replies alone don't show that."""
        self._arrived()
        if self._objects.sizes(folder(self._blob_id)) != self._sizes:
            raise BucketUnavailable("Writing a blob failed: the bucket lost a part of it.")

    @override
    def discard(self) -> None:
        if self._on_its_way is not None:
            self._on_its_way.exception()
        # What stays behind is unreadable, and the next sweep's.
        with suppress(BucketUnavailable):
            self._quick.remove(self._sizes)

    def _pass_on(self) -> None:
        self._arrived()
        name = part(self._blob_id, len(self._sizes))
        content = bytes(self._part)
        self._part.clear()
        self._sizes[name] = len(content)
        self._on_its_way = self._begin(name, content)

    def _arrived(self) -> None:
        if self._on_its_way is not None:
            self._on_its_way.result()


@final
class BucketFile(SealedFile):
    """A sealed file in a bucket: each chunk is one ranged request."""

    def __init__(self, objects: Objects, blob_id: str, sealer: Sealer, layout: Layout) -> None:
        self._objects = objects
        self._blob_id = blob_id
        self._sealer = sealer
        self._parts = Parts(layout)

    @override
    def open(self) -> None:
        """Do nothing: a look of its own would double the way of a short read."""

    @override
    def read(self, piece: Piece) -> bytes:
        place = self._parts.place(piece)
        sealed, size = self._objects.range(part(self._blob_id, place.number), *place[1:])
        if size != self._parts.size(place.number) or len(sealed) != place.end - place.begin:
            raise self._sealer.damaged()
        if piece.index == 0 and not sealed.startswith(HEADER):
            raise self._sealer.damaged()
        chunk = memoryview(sealed)[-piece.sealed_size :]
        return self._sealer.open(piece.index, chunk, last=piece.last)[piece.wanted]

    @override
    def close(self) -> None:
        """Do nothing: connections are the shelf's."""
