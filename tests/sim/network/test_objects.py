"""The artifact store behaves like S3 towards those who use it as S3."""

from collections.abc import AsyncIterator

import httpx
import obstore
import pytest
from obstore.store import HTTPStore, S3Store
from support.network_peer import Clock, Peer

from sp1tee.sim.network import SimNetwork, SimSettings
from sp1tee.wire.pb import artifact_pb2

pytestmark = pytest.mark.anyio

CONTENT = bytes(range(256)) * 300


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


@pytest.fixture
async def uri(requester: Peer) -> str:
    """An uploaded program."""
    return await requester.upload(artifact_pb2.PROGRAM, CONTENT)


@pytest.fixture
def program_url(sim: SimNetwork, uri: str) -> str:
    return f"{sim.artifacts_url}/{path_of(uri)}"


def path_of(uri: str) -> str:
    return uri.removeprefix("s3://")


async def test_obstore_fetches_a_program_as_from_s3(sim: SimNetwork, uri: str):
    store = S3Store(
        sim.settings.bucket,
        endpoint=sim.artifacts_url,
        region="us-east-2",
        skip_signature=True,
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )
    key = path_of(uri).removeprefix(f"{sim.settings.bucket}/")
    found = await obstore.get_async(store, key)
    assert bytes(await found.bytes_async()) == CONTENT
    assert (await obstore.head_async(store, key))["size"] == len(CONTENT)
    part = await obstore.get_range_async(store, key, start=100, end=300)
    assert bytes(part) == CONTENT[100:300]


async def test_obstore_fetches_a_program_over_http(sim: SimNetwork, uri: str):
    store = HTTPStore.from_url(sim.artifacts_url, client_options={"allow_http": True})
    found = await obstore.get_async(store, path_of(uri))
    assert bytes(await found.bytes_async()) == CONTENT


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-9", 206, CONTENT[:10]),
        ("bytes=10-", 206, CONTENT[10:]),
        ("bytes=-10", 206, CONTENT[-10:]),
        ("bytes=0-999999999", 206, CONTENT),
        ("bytes=999999999-", 416, None),
        ("bytes=5-4", 416, None),
        ("bytes=-", 416, None),
        ("bytes=0-1,5-6", 200, CONTENT),
        ("lines=1-2", 200, CONTENT),
        ("bytes=0-" + "9" * 5000, 200, CONTENT),
    ],
)
async def test_ranges_are_as_http_wants_them(
    program_url: str, asked: str, status: int, part: bytes | None
):
    async with httpx.AsyncClient() as http:
        reply = await http.get(program_url, headers={"range": asked})
    assert reply.status_code == status
    if part is not None:
        assert reply.content == part


async def test_a_head_tells_the_size_without_the_bytes(
    sim: SimNetwork, http: httpx.AsyncClient, uri: str
):
    reply = await http.head(f"{sim.artifacts_url}/{path_of(uri)}")
    assert reply.headers["content-length"] == str(len(CONTENT))
    assert reply.content == b""


async def test_an_object_that_is_not_there_is_no_such_key(sim: SimNetwork, http: httpx.AsyncClient):
    reply = await http.get(f"{sim.artifacts_url}/{sim.settings.bucket}/programs/artifact_x")
    assert reply.status_code == 404
    assert "<Code>NoSuchKey</Code>" in reply.text


async def test_an_upload_url_works_again_until_it_expires(
    clock: Clock, http: httpx.AsyncClient, requester: Peer
):
    url = (await requester.place(artifact_pb2.STDIN)).artifact_presigned_url
    assert (await http.put(url, content=b"cut o")).status_code == 200
    assert (await http.put(url, content=b"complete")).status_code == 200
    assert (await http.get(url)).content == b"complete"
    clock.now += 3601
    refused = await http.put(url, content=b"too late")
    assert refused.status_code == 403
    assert "<Code>AccessDenied</Code>" in refused.text


async def test_an_upload_needs_the_right_signature(
    sim: SimNetwork, http: httpx.AsyncClient, requester: Peer
):
    url = (await requester.place(artifact_pb2.STDIN)).artifact_presigned_url
    other = (await requester.place(artifact_pb2.STDIN)).artifact_presigned_url
    bare, _, query = url.partition("?")
    later = query.replace("X-Sim-Expires=1", "X-Sim-Expires=2")
    forged = (
        bare,
        f"{bare}?{later}",
        f"{bare}?{other.partition('?')[2]}",
        f"{bare}?X-Sim-Signature=%C3%A9",
    )
    for target in forged:
        assert (await http.put(target, content=b"x")).status_code == 403


async def test_a_private_input_cannot_be_read_without_a_signature(
    sim: SimNetwork, http: httpx.AsyncClient, requester: Peer
):
    uri = await requester.upload(artifact_pb2.PRIVATE_STDIN, b"an input")
    assert (await http.get(f"{sim.artifacts_url}/{path_of(uri)}")).status_code == 403


async def test_an_upload_url_does_not_read_a_private_input(
    http: httpx.AsyncClient, requester: Peer
):
    url = (await requester.place(artifact_pb2.PRIVATE_STDIN)).artifact_presigned_url
    assert (await http.put(url, content=b"an input")).status_code == 200
    assert (await http.get(url)).status_code == 403


async def test_an_upload_of_unknown_length_is_refused(http: httpx.AsyncClient, requester: Peer):
    async def chunks() -> AsyncIterator[bytes]:
        yield b"an input"

    url = (await requester.place(artifact_pb2.STDIN)).artifact_presigned_url
    assert (await http.put(url, content=chunks())).status_code == 411


async def test_objects_cannot_be_deleted(sim: SimNetwork, http: httpx.AsyncClient, uri: str):
    assert (await http.delete(f"{sim.artifacts_url}/{path_of(uri)}")).status_code == 405


class TestWithSmallUploads:
    @pytest.fixture
    def settings(self) -> SimSettings:
        return SimSettings(max_artifact_bytes=1000)

    async def test_an_upload_over_the_limit_is_refused(
        self, http: httpx.AsyncClient, requester: Peer
    ):
        url = (await requester.place(artifact_pb2.STDIN)).artifact_presigned_url
        refused = await http.put(url, content=bytes(1001))
        assert refused.status_code == 400
        assert "<Code>EntityTooLarge</Code>" in refused.text
        assert (await http.put(url, content=bytes(1000))).status_code == 200
