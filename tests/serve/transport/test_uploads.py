"""PUT /artifacts/…: streamed into the vault, once, by whoever has the token."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.running import PATIENCE_S, Place, Running, running
from support.slow_clients import SLOW_CLIENTS, H1Put

from sp1tee.errors import StoreFull
from sp1tee.wire.ids import new_id

pytestmark = pytest.mark.anyio

INPUT = bytes(range(256)) * 4096 + b"not a multiple of anything"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as server:
        yield server


@pytest.fixture(params=["h1", "h2c"])
async def client(
    request: pytest.FixtureRequest, served: Running
) -> AsyncIterator[httpx.AsyncClient]:
    h2 = request.param == "h2c"
    async with httpx.AsyncClient(base_url=served.server.public.url, http1=not h2, http2=h2) as made:
        yield made


@pytest.fixture(params=list(SLOW_CLIENTS))
def slow(request: pytest.FixtureRequest) -> Any:
    return SLOW_CLIENTS[request.param]


def refusal(answer: httpx.Response) -> dict[str, str]:
    assert answer.headers["content-type"] == "application/json"
    said = answer.json()
    assert sorted(said) == ["advice", "code", "message"]
    return said


@pytest.mark.parametrize("kind", ["stdin", "program"])
async def test_an_upload_is_in_the_vault_when_it_is_answered(
    served: Running, client: httpx.AsyncClient, kind: Any
):
    place = await served.place(kind)
    answer = await client.put(place.path, content=INPUT)
    assert answer.status_code == 200
    assert await served.state(place) == "uploaded"
    assert await served.content(place) == INPUT


async def test_many_places_of_one_requester_hold_no_more_than_its_quota(tmp_path: Path):
    async with running(tmp_path, max_requester_bytes=3 * len(INPUT)) as served:
        async with httpx.AsyncClient(base_url=served.server.public.url) as client:
            places = [await served.place() for _ in range(4)]
            answers = [await client.put(place.path, content=INPUT) for place in places]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert "bytes of uploads" in refusal(answers[-1])["message"]
        assert answers[-1].headers["retry-after"] == "30"
        assert "retry-after" not in answers[0].headers
        assert await served.state(places[-1]) == "created"


async def test_an_upload_under_way_counts_with_what_it_announced(tmp_path: Path):
    async with running(tmp_path, max_requester_bytes=2 * len(INPUT) - 1) as served:
        first, second = await served.place(), await served.place()
        url, ask = served.server.public.url, "expect: 100-continue"
        put = await H1Put.begin(url, first.path, len(INPUT), ask)
        await put.told_to_continue()
        async with httpx.AsyncClient(base_url=url) as client:
            assert (await client.put(second.path, content=INPUT)).status_code == 429
        await put.send(INPUT)
        assert (await put.answer())[0] == 200


async def test_an_upload_may_come_without_its_length(served: Running, client: httpx.AsyncClient):
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(INPUT), 99_999):
            yield INPUT[start : start + 99_999]

    place = await served.place()
    assert (await client.put(place.path, content=pieces())).status_code == 200
    assert await served.content(place) == INPUT


async def test_a_client_may_ask_first_whether_to_send(served: Running):
    place = await served.place()
    put = await H1Put.begin(served.server.public.url, place.path, 5, "expect: 100-continue")
    await put.send(b"hello")
    assert (await put.answer())[0] == 200
    assert await served.content(place) == b"hello"


async def test_a_second_upload_to_the_same_place_is_refused(
    served: Running, client: httpx.AsyncClient
):
    place = await served.place()
    await client.put(place.path, content=INPUT)
    answer = await client.put(place.path, content=b"something else")
    assert answer.status_code == 409
    assert "done" in refusal(answer)["message"]
    assert await served.content(place) == INPUT


async def test_wrong_tokens_and_unknown_places_are_told_apart_by_nobody(
    served: Running, client: httpx.AsyncClient
):
    place, other = await served.place(), await served.place()
    unknown = Place(replace(other.artifact, id=new_id("artifact")), other.token)
    paths = [
        f"/artifacts/stdin/{place.artifact.id}?token=guessed",
        f"/artifacts/stdin/{place.artifact.id}?token={other.token}",
        f"/artifacts/stdin/{place.artifact.id}?token={place.token}x",
        unknown.path,
    ]
    answers = [await client.put(path, content=b"x") for path in paths]
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.content for answer in answers}) == 1
    assert await served.state(place) == "created"


@pytest.mark.parametrize(
    "query", ["", "?token=", "?token=a&token=b", "?token", "?x=1", "?token=%ff", "?" + "a=1&" * 99]
)
async def test_without_one_token_nothing_is_taken(
    served: Running, client: httpx.AsyncClient, query: str
):
    place = await served.place()
    answer = await client.put(f"/artifacts/stdin/{place.artifact.id}{query}", content=b"x")
    assert answer.status_code == 403
    refusal(answer)


async def test_a_place_for_an_input_takes_no_program(served: Running, client: httpx.AsyncClient):
    place = await served.place("stdin")
    answer = await client.put(place.path.replace("stdin", "program"), content=b"x")
    assert answer.status_code == 403
    assert await served.state(place) == "created"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
async def test_uploads_can_only_be_put(served: Running, client: httpx.AsyncClient, method: str):
    place = await served.place()
    await client.put(place.path, content=INPUT)
    answer = await client.request(method, place.path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "PUT"
    assert INPUT[:100] not in answer.content


class TestLimits:
    @pytest.fixture
    async def served(self, tmp_path: Path) -> AsyncIterator[Running]:
        async with running(
            tmp_path,
            max_stdin_bytes=100_000,
            max_program_bytes=10_000,
            upload_idle_s=1.0,
            upload_min_rate=100_000,
        ) as server:
            yield server

    async def test_exactly_the_limit_is_taken(self, served: Running, client: httpx.AsyncClient):
        place = await served.place()
        assert (await client.put(place.path, content=bytes(100_000))).status_code == 200

    async def test_an_announced_length_over_the_limit_is_refused(
        self, served: Running, client: httpx.AsyncClient
    ):
        place = await served.place("program")
        answer = await client.put(place.path, content=bytes(10_001))
        assert answer.status_code == 413
        assert "10000 bytes" in refusal(answer)["message"]
        assert await served.state(place) == "created"

    async def test_a_refusal_arrives_while_its_client_is_still_sending(
        self, served: Running, client: httpx.AsyncClient
    ):
        place = await served.place()
        assert (await client.put(place.path, content=bytes(24 << 20))).status_code == 413

    async def test_who_never_ends_a_refused_upload_is_cut_off(
        self, served: Running, slow: Any, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr("sp1tee.serve.http._LINGER_S", 0.3)
        place = await served.place()
        put = await slow.begin(served.server.public.url, place.path, 1 << 30)
        answer = asyncio.ensure_future(put.answer())
        with contextlib.suppress(OSError):
            while not answer.done():
                await put.send(b"and more")
                await asyncio.sleep(0.01)
        status, body = await answer
        assert status == 413
        assert b"100000 bytes" in body

    async def test_too_much_without_an_announced_length_is_refused(
        self, served: Running, client: httpx.AsyncClient
    ):
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(11):
                yield bytes(10_000)

        place = await served.place()
        answer = await client.put(place.path, content=pieces())
        assert answer.status_code == 413
        assert await served.state(place) == "created"

    async def test_an_upload_that_stands_still_is_given_up(self, served: Running, slow: Any):
        place = await served.place()
        put = await slow.begin(served.server.public.url, place.path, 1000)
        await put.send(b"a beginning")
        status, body = await put.answer()
        assert status == 408
        assert b"Nothing came" in body
        assert await served.state(place) == "created"

    async def test_an_upload_that_drips_is_given_up(self, served: Running, slow: Any):
        place = await served.place()
        put = await slow.begin(served.server.public.url, place.path, 1000)
        answer = asyncio.ensure_future(put.answer())
        while not answer.done():
            await put.send(b".")
            await asyncio.wait([answer], timeout=0.02)
        status, body = await answer
        assert status == 408
        assert b"on average" in body

    async def test_after_any_of_this_the_same_address_still_works(self, served: Running):
        place = await served.place()
        too_much = await served.public.put(place.path, content=bytes(100_001))
        assert too_much.status_code == 413
        assert (await served.public.put(place.path, content=INPUT[:1000])).status_code == 200
        assert await served.content(place) == INPUT[:1000]


async def test_a_broken_upload_leaves_nothing_and_can_be_sent_again(served: Running, slow: Any):
    place, before = await served.place(), set(blob_files(served))
    put = await slow.begin(served.server.public.url, place.path, len(INPUT))
    await put.send(INPUT[:10_000])
    await until_in_flight(served, 1)
    put.hang_up()
    await until_in_flight(served, 0)
    assert await served.state(place) == "created"
    assert set(blob_files(served)) == before
    assert (await served.public.put(place.path, content=INPUT)).status_code == 200
    assert await served.content(place) == INPUT


async def test_an_upload_that_begins_again_replaces_the_one_that_hangs(served: Running, slow: Any):
    place = await served.place()
    put = await slow.begin(served.server.public.url, place.path, len(INPUT))
    await put.send(INPUT[:10_000])
    await until_in_flight(served, 1)
    assert (await served.public.put(place.path, content=INPUT)).status_code == 200
    status, body = await put.answer()
    assert status == 409
    assert b"newer upload" in body
    assert await served.content(place) == INPUT


async def test_many_uploads_at_once_do_not_mix(served: Running):
    places = [await served.place() for _ in range(8)]
    contents = [bytes([n]) * (300_000 + n) for n in range(8)]
    answers = await asyncio.gather(
        *(
            served.public.put(place.path, content=content)
            for place, content in zip(places, contents, strict=True)
        )
    )
    assert {answer.status_code for answer in answers} == {200}
    assert [await served.content(place) for place in places] == contents


async def test_a_full_disk_is_told_and_leaves_the_place_open(
    served: Running, monkeypatch: pytest.MonkeyPatch
):
    class FullDisk:
        async def write(self, chunk: bytes) -> None:
            raise StoreFull("Writing a blob failed: the disk is full.")

        async def finish(self) -> None:
            raise AssertionError

        async def abort(self) -> None:
            pass

    async def writer(kind: str, *, hashed: bool) -> FullDisk:
        return FullDisk()

    place = await served.place()
    monkeypatch.setattr(served.room.store.vault, "writer", writer)
    answer = await served.public.put(place.path, content=INPUT)
    assert answer.status_code == 507
    assert refusal(answer)["code"] == StoreFull.code
    monkeypatch.undo()
    assert (await served.public.put(place.path, content=INPUT)).status_code == 200


def blob_files(served: Running) -> Iterator[Path]:
    directory = served.server.core.settings.data_dir / "blobs"
    return (path for path in directory.rglob("*") if path.is_file())


async def until_in_flight(served: Running, number: int) -> None:
    """Wait until the server works on so many requests."""
    async with asyncio.timeout(PATIENCE_S):
        while served.server.core.gate.inside != number:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.005)
