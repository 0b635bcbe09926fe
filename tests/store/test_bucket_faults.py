"""What a bucket can do to a vault: fail, be slow, lose, lie. It is told, and nothing is made up."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from support.s3_faults import (
    Fault,
    Front,
    answers,
    cuts,
    garbles,
    loses,
    s3_front,
    says_nothing,
)
from support.s3_server import KEY_ID, SECRET, S3Server
from support.shelves import outsider
from support.stores import Room, opened

from sp1tee.errors import (
    BlobDamaged,
    BlobErased,
    BucketMissing,
    BucketRefused,
    BucketUnavailable,
    ConfigError,
    Sp1teeError,
    StoreMismatch,
)
from sp1tee.store import s3_shelf
from sp1tee.store.erasing import erase_blob, keep_blob
from sp1tee.store.records import SealedBlob
from sp1tee.store.s3_bucket import Bucket, parse_vault_url
from sp1tee.store.s3_objects import Patience
from sp1tee.store.s3_parts import PART_CHUNKS, PART_SIZE, part
from sp1tee.store.s3_shelf import BucketShelf
from sp1tee.store.sealed_vault import SealedVault
from sp1tee.store.sealing import CHUNK_SIZE, HEADER

pytestmark = pytest.mark.anyio

PART = PART_CHUNKS * CHUNK_SIZE
CONTENT = b"CANARY " * (PART // 5)
SECRETS = (KEY_ID, SECRET, "CANARY", "AKIAEXAMPLE")


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that lasts is told after one more try."""
    monkeypatch.setattr(s3_shelf, "WORKING", Patience(request_s=10, retries=2, all_s=10))


@pytest.fixture(scope="module")
def front(s3: S3Server) -> Iterator[Front]:
    with s3_front(s3) as front:
        yield front


@pytest.fixture
async def room(
    tmp_path: Path, s3: S3Server, front: Front, anyio_backend: str
) -> AsyncIterator[Room]:
    front.fail(None)
    async with opened(tmp_path / "data", bucket=s3.bucket(at=front.url)) as room:
        yield room
        front.fail(None)


async def put(room: Room, data: bytes = CONTENT) -> SealedBlob:
    sealed = await room.seal(data)
    await room.store._writer.run(keep_blob, sealed)
    return sealed


@asynccontextmanager
async def refused_with(kind: type[Sp1teeError]) -> AsyncIterator[pytest.ExceptionInfo[Sp1teeError]]:
    """Expect an error without a secret or a word of the service's."""
    with pytest.raises(kind) as caught:
        yield caught
    assert type(caught.value) is kind
    assert caught.value.__cause__ is None
    for secret in SECRETS:
        assert secret not in f"{caught.value} {caught.value.advice} {caught.value!r}"


class TestFaultsThatPass:
    @pytest.mark.parametrize("method", ["PUT", "GET"])
    @pytest.mark.parametrize("status", [500, 503])
    async def test_a_request_is_sent_again(
        self, room: Room, front: Front, method: str, status: int
    ) -> None:
        kept = await put(room)
        front.fail(answers(status), method, times=1)
        again = await put(room)
        for sealed in (kept, again):
            assert await room.read(sealed.id) == CONTENT

    async def test_a_reply_that_breaks_off_is_asked_for_again(
        self, room: Room, front: Front
    ) -> None:
        sealed = await put(room)
        front.fail(cuts, "GET", sealed.id, times=1)
        assert await room.read(sealed.id) == CONTENT


class TestFaultsThatLast:
    @pytest.mark.parametrize("status", [500, 503])
    async def test_a_blob_that_cannot_be_written_is_told_and_leaves_nothing(
        self, room: Room, front: Front, status: int
    ) -> None:
        front.fail(answers(status), "PUT", "/blobs/")
        async with refused_with(BucketUnavailable) as caught:
            await room.seal(CONTENT)
        assert f"HTTP {status}" in caught.value.message
        front.fail(None)
        assert outsider(room).ids() == []
        assert await room.read((await put(room)).id) == CONTENT

    async def test_a_later_part_that_cannot_be_written_takes_the_others_along(
        self, room: Room, front: Front
    ) -> None:
        front.fail(answers(503), "PUT", "/00001")
        async with refused_with(BucketUnavailable):
            await room.seal(CONTENT)
        front.fail(None)
        assert outsider(room).ids() == []

    async def test_a_part_that_the_bucket_loses_is_noticed_before_the_blob_counts(
        self, room: Room, front: Front
    ) -> None:
        front.fail(loses, "PUT", "/00000")
        async with refused_with(BucketUnavailable) as caught:
            await room.seal(CONTENT)
        assert "lost a part" in caught.value.message
        assert outsider(room).ids() == []

    async def test_a_service_that_never_answers_is_given_up(
        self,
        room: Room,
        front: Front,
        monkeypatch: pytest.MonkeyPatch,
        s3: S3Server,
        tmp_path: Path,
    ) -> None:
        brief = Patience(request_s=1.0, retries=0, all_s=1.0)
        monkeypatch.setattr(s3_shelf, "WORKING", brief)
        async with opened(tmp_path / "brief", bucket=s3.bucket(at=front.url)) as brief_room:
            front.fail(says_nothing, "PUT", "/blobs/")
            async with refused_with(BucketUnavailable) as caught:
                await brief_room.seal(b"content")
            assert "took too long" in caught.value.message
            front.fail(None)

    @pytest.mark.parametrize("fault", [answers(503), cuts], ids=["503", "broken off"])
    async def test_a_blob_that_cannot_be_read_now_is_not_called_damaged(
        self, room: Room, front: Front, fault: Fault
    ) -> None:
        sealed = await put(room)
        front.fail(fault, "GET", sealed.id)
        async with refused_with(BucketUnavailable):
            await room.read(sealed.id)
        front.fail(None)
        assert await room.read(sealed.id) == CONTENT

    async def test_bytes_changed_on_their_way_are_damage(self, room: Room, front: Front) -> None:
        sealed = await put(room)
        front.fail(garbles, "GET", sealed.id)
        async with refused_with(BlobDamaged):
            await room.read(sealed.id)

    async def test_erasing_needs_no_bucket_and_a_sweep_removes_the_parts_later(
        self, tmp_path: Path, s3: S3Server, front: Front
    ) -> None:
        bucket = s3.bucket(at=front.url)
        async with opened(tmp_path, bucket=bucket) as room:
            sealed = await put(room)
            front.fail(answers(503))
            await room.store._writer.run(erase_blob, sealed.id)
            async with refused_with(BlobErased):
                await room.read(sealed.id)
        front.fail(None)
        async with opened(tmp_path, bucket=bucket) as room:
            assert outsider(room).ids() == [sealed.id]
            room.clock.forward(3600)
            assert await room.store.vault.sweep() == 1
            assert outsider(room).ids() == []

    async def test_a_sweep_that_cannot_look_removes_nothing(self, room: Room, front: Front) -> None:
        sealed = await put(room)
        front.fail(answers(503), "GET")
        async with refused_with(BucketUnavailable):
            await room.store.vault.sweep()
        front.fail(None)
        assert await room.read(sealed.id) == CONTENT


class TestParts:
    @pytest.fixture
    async def blob(self, room: Room) -> SealedBlob:
        return await put(room)

    @pytest.mark.parametrize("number", [0, 1])
    async def test_a_part_that_is_gone_is_damage(
        self, room: Room, blob: SealedBlob, number: int
    ) -> None:
        outsider(room).store.delete(part(blob.id, number))
        async with refused_with(BlobDamaged):
            await room.read(blob.id)

    async def test_swapped_parts_are_damage(self, room: Room, blob: SealedBlob) -> None:
        other = await put(room)
        store = outsider(room).store
        store.put(part(blob.id, 1), bytes(store.get(part(other.id, 1)).bytes()))
        async with refused_with(BlobDamaged):
            await room.read(blob.id)

    @pytest.mark.parametrize("size", [0, 100, PART_SIZE - 1, PART_SIZE + len(HEADER) + 1])
    async def test_a_part_of_another_size_is_damage(
        self, room: Room, blob: SealedBlob, size: int
    ) -> None:
        store = outsider(room).store
        whole = bytes(store.get(part(blob.id, 0)).bytes())
        store.put(part(blob.id, 0), whole.ljust(size, b"\0")[:size])
        async with refused_with(BlobDamaged):
            await room.read(blob.id)

    async def test_put_together_they_are_the_file_that_a_disk_would_have(
        self, room: Room, blob: SealedBlob
    ) -> None:
        store = outsider(room).store
        first = bytes(store.get(part(blob.id, 0)).bytes())
        assert first.startswith(HEADER)
        assert len(first) == len(HEADER) + PART_SIZE


class TestGettingIn:
    async def test_a_wrong_secret_is_told_at_the_start(self, tmp_path: Path, s3: S3Server) -> None:
        wrong = s3.bucket(secret="a wrong secret")
        async with refused_with(BucketRefused), opened(tmp_path, bucket=wrong):
            pass

    async def test_credentials_that_are_withdrawn_are_told(self, room: Room, front: Front) -> None:
        sealed = await put(room)
        front.fail(answers(403))
        async with refused_with(BucketRefused):
            await room.read(sealed.id)
        async with refused_with(BucketRefused):
            await room.seal(b"content")
        async with refused_with(BucketRefused):
            await room.store.check()

    async def test_a_missing_bucket_is_told_at_the_start(
        self, tmp_path: Path, s3: S3Server
    ) -> None:
        missing = replace(s3.bucket(), name="no-such-bucket")
        async with refused_with(BucketMissing), opened(tmp_path, bucket=missing):
            pass

    async def test_a_bucket_that_is_taken_away_is_told(self, tmp_path: Path, s3: S3Server) -> None:
        bucket = s3.own_bucket()
        async with opened(tmp_path, bucket=bucket) as room:
            sealed = await put(room)
            s3.take_away(bucket)
            async with refused_with(BucketMissing):
                await room.read(sealed.id)
            async with refused_with(BucketMissing):
                await room.seal(b"content")
            async with refused_with(BucketMissing):
                await room.store.check()

    async def test_nobody_at_the_endpoint_is_told(self, tmp_path: Path, s3: S3Server) -> None:
        nobody = s3.bucket(at="http://127.0.0.1:9")
        async with refused_with(BucketUnavailable) as caught, opened(tmp_path, bucket=nobody):
            pass
        assert "no connection" in caught.value.message

    async def test_certificates_that_are_none_are_told(self, tmp_path: Path, s3: S3Server) -> None:
        with pytest.raises(ConfigError):
            async with opened(tmp_path, bucket=replace(s3.bucket(), ca_pem=b"no certificate")):
                pass


class TestWhoseBucketItIs:
    async def test_another_database_s_bucket_is_not_swept_but_refused(
        self, tmp_path: Path, s3: S3Server
    ) -> None:
        bucket = s3.bucket()
        async with opened(tmp_path / "one", bucket=bucket) as room:
            sealed = await put(room)
        with pytest.raises(StoreMismatch):
            async with opened(tmp_path / "two", bucket=bucket):
                pass
        async with opened(tmp_path / "one", bucket=bucket) as room:
            assert await room.read(sealed.id) == CONTENT

    async def test_a_database_that_knows_blobs_refuses_an_empty_bucket(
        self, tmp_path: Path, s3: S3Server
    ) -> None:
        async with opened(tmp_path) as room:
            await put(room)
        with pytest.raises(StoreMismatch):
            async with opened(tmp_path, bucket=s3.bucket()):
                pass

    async def test_two_prefixes_of_a_bucket_are_two_vaults(
        self, tmp_path: Path, s3: S3Server
    ) -> None:
        async with (
            opened(tmp_path / "one", bucket=s3.bucket()) as one,
            opened(tmp_path / "two", bucket=s3.bucket()) as two,
        ):
            sealed = await put(one)
            two.clock.forward(7200)
            assert await two.store.vault.sweep() == 0
            assert await one.read(sealed.id) == CONTENT

    async def test_a_server_spares_what_another_is_about_to_record(
        self, tmp_path: Path, s3: S3Server
    ) -> None:
        async with opened(tmp_path, bucket=s3.bucket()) as room, another(room) as other:
            sealed = await room.seal(b"content")
            assert await other.sweep() == 0
            room.clock.forward(3599)
            assert await other.sweep() == 0
            await room.store._writer.run(keep_blob, sealed)
            room.clock.forward(3600)
            assert await other.sweep() == 0
            assert await room.read(sealed.id) == b"content"

    async def test_a_server_spares_what_another_is_still_writing_however_slowly(
        self, tmp_path: Path, s3: S3Server
    ) -> None:
        async with opened(tmp_path, bucket=s3.bucket()) as room, another(room) as other:
            writer = await room.store.vault.writer("stdin")
            for _ in range(3):
                await writer.write(bytes(2 * PART))
                assert await other.sweep() == 0
                room.clock.forward(3600)
            sealed = await writer.finish()
            await room.store._writer.run(keep_blob, sealed)
            assert await room.read(sealed.id) == bytes(6 * PART)

    async def test_a_server_removes_what_another_left(self, tmp_path: Path, s3: S3Server) -> None:
        async with opened(tmp_path, bucket=s3.bucket()) as room, another(room) as other:
            await room.seal(CONTENT)
            assert await other.sweep() == 0
            room.clock.forward(3600)
            assert await other.sweep() == 1
            assert outsider(room).ids() == []


@asynccontextmanager
async def another(room: Room) -> AsyncIterator[SealedVault]:
    """The vault as another server of the same database has it."""
    ground = room.store._ground
    shelf = BucketShelf(ground.shelf.bucket)
    vault = SealedVault(shelf, ground.wrap, room.store.vault._keys, room.clock)
    try:
        yield vault
    finally:
        await vault.aclose()
        shelf.close()


class TestNames:
    @pytest.mark.parametrize(
        ("url", "parsed"),
        [
            ("s3://bucket", ("bucket", "")),
            ("s3://bucket/", ("bucket", "")),
            ("s3://my.bucket-1/a/b", ("my.bucket-1", "a/b")),
            ("s3://bucket/prod_1/", ("bucket", "prod_1")),
        ],
    )
    async def test_a_url_names_a_bucket_and_a_prefix(
        self, url: str, parsed: tuple[str, str]
    ) -> None:
        assert parse_vault_url(url) == parsed

    @pytest.mark.parametrize(
        "url",
        [
            *("", "bucket", "s3://", "s3:///a", "s3://B", "s3://bucket//a", "s3://bucket/../other"),
            *("s3://bucket/a?b=c", "https://bucket/a", "s3://key:secret@bucket", "s3://bucket/a b"),
        ],
    )
    async def test_another_url_is_refused_and_not_repeated(self, url: str) -> None:
        with pytest.raises(ConfigError) as caught:
            parse_vault_url(url)
        assert "secret" not in str(caught.value)

    async def test_a_bucket_shows_no_secret(self) -> None:
        bucket = Bucket("bucket", "a", access_key_id=KEY_ID, secret_access_key=SECRET)
        assert SECRET not in f"{bucket} {bucket!r}"
        assert KEY_ID not in f"{bucket} {bucket!r}"
        assert str(bucket) == "s3://bucket/a"
