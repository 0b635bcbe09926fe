"""Artifacts in a bucket of a real S3 server, as sp1-cluster's own workers find and leave them."""

from collections.abc import Iterator
from typing import Any

import pytest
from support.cluster import ClusterStandIn, proves
from support.cluster_bucket import SharedBucket, shared_bucket
from support.cluster_tasks import FAR, OFFER, PROGRAM, PROOF, a_task
from support.fulfilling import within
from support.s3_server import KEY_ID, SECRET

from sp1tee.errors import FulfillError, ProverFailed, ProverUnavailable, ServerAway
from sp1tee.fulfill.provers.cluster.artifacts import Kind, new_name, packed, probe
from sp1tee.fulfill.provers.cluster.bucket_store import Bucket, BucketArtifacts
from sp1tee.fulfill.provers.cluster.desk import Desk
from sp1tee.fulfill.provers.cluster.line import Address, Api
from sp1tee.fulfill.provers.cluster.prover import ClusterProver

pytestmark = pytest.mark.anyio

LIMIT = 64 << 20


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    # Where inputs go is the settings' business alone.
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")


@pytest.fixture(scope="module")
def shared() -> Iterator[SharedBucket]:
    with shared_bucket() as shared:
        yield shared


@pytest.mark.parametrize(
    ("kind", "folder"),
    [(Kind.PROGRAM, "programs"), (Kind.STDIN, "private-stdins"), (Kind.PROOF, "proofs")],
)
async def test_every_kind_of_artifact_has_the_folder_that_the_cluster_looks_in(
    shared: SharedBucket, kind: Kind, folder: str
):
    store, name = BucketArtifacts(shared.bucket), new_name()
    await store.put(kind, name, b"content", 500)
    assert shared.objects[f"{folder}/{name}"] == b"content"
    assert await store.holds(kind, name)
    assert await store.get(kind, name, LIMIT) == b"content"
    await store.delete(kind, name)
    assert f"{folder}/{name}" not in shared.objects
    assert not await store.holds(kind, name)
    assert await store.get(kind, name, LIMIT) is None


async def test_what_is_not_there_can_be_deleted(shared: SharedBucket):
    await BucketArtifacts(shared.bucket).delete(Kind.STDIN, new_name())


async def test_a_large_artifact_goes_up_in_parts_and_is_one_object(shared: SharedBucket):
    content, name = bytes(range(256)) * (48 << 10), new_name()
    store = BucketArtifacts(shared.bucket, part_bytes=5 << 20)
    await store.put(Kind.STDIN, name, content, 500)
    assert shared.objects[f"private-stdins/{name}"] == content
    assert await store.get(Kind.STDIN, name, LIMIT) == content


async def test_more_than_was_bargained_for_is_not_fetched(shared: SharedBucket):
    store, name = BucketArtifacts(shared.bucket), new_name()
    await store.put(Kind.PROOF, name, bytes(11), None)
    with pytest.raises(ProverFailed, match="more than 10 bytes"):
        await store.get(Kind.PROOF, name, 10)


async def error_of(store: BucketArtifacts) -> FulfillError:
    with pytest.raises(FulfillError) as failed:
        await within(store.put(Kind.STDIN, new_name(), b"an input", 500))
    assert SECRET not in f"{failed.value!r} {failed.value} {failed.value.advice} {store!r}"
    return failed.value


async def test_refused_credentials_are_named_and_not_repeated(
    shared: SharedBucket, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f"not-{SECRET}")
    error = await error_of(BucketArtifacts(shared.bucket))
    assert isinstance(error, ProverUnavailable)
    assert "AWS_SECRET_ACCESS_KEY" in error.advice


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"])
async def test_no_proxy_of_the_environment_sees_an_input(
    shared: SharedBucket, monkeypatch: pytest.MonkeyPatch, variable: str
):
    for name in (variable, variable.lower()):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    await probe(BucketArtifacts(shared.bucket))


async def test_a_bucket_that_does_not_exist_is_named(shared: SharedBucket):
    error = await error_of(BucketArtifacts(Bucket("missing", "eu-test-1", shared.endpoint)))
    assert isinstance(error, ServerAway)
    assert "The bucket missing" in error.message
    assert "exists" in error.advice


async def test_a_server_that_is_gone_may_come_back():
    with shared_bucket() as shared:
        store = BucketArtifacts(shared.bucket)
        await probe(store)
        assert (await store.health())[0]
    assert isinstance(await error_of(store), ServerAway)


async def test_a_cluster_on_a_bucket_makes_a_proof_and_keeps_nothing_of_the_input():
    with shared_bucket() as shared, ClusterStandIn(shared) as cluster:
        cluster.will(proves(packed(PROOF)))
        store: Any = BucketArtifacts(shared.bucket)
        prover = ClusterProver(Desk(Api(Address(cluster.url)), store, "sp1tee/one"), OFFER)
        try:
            await within(prover.check())
            made = await within(prover.prove(a_task(), FAR))
        finally:
            await prover.aclose()
        assert made.proof == PROOF
        assert set(shared.objects) == {f"programs/{PROGRAM}"}
