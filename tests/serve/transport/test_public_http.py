"""What anybody can GET from the public listener, and what nobody can."""

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from grpc import StatusCode, aio
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from support.running import Running, a_proof, running

from sp1tee.serve.evidences import _LARGEST
from sp1tee.wire.pb import worker_pb2, worker_pb2_grpc

pytestmark = pytest.mark.anyio

PROOF = a_proof()


@pytest.fixture
def evidences(tmp_path: Path) -> Path:
    directory = tmp_path / "evidences"
    (directory / "old").mkdir(parents=True)
    (directory / "quote.json").write_text('{"quote": "00"}')
    (directory / "cert-prover.example.org.pem").write_text("-----BEGIN CERTIFICATE-----")
    (directory / "old" / "sha256sum.txt").write_text("00  quote.json")
    (directory / ".secret").write_text("hidden")
    (directory / "link.json").symlink_to(tmp_path / "data" / "worker.token")
    (directory / "loop").symlink_to(tmp_path)
    os.mkfifo(directory / "pipe")
    with (directory / "huge.bin").open("wb") as file:
        file.truncate(_LARGEST + 1)
    return directory


@pytest.fixture
async def served(tmp_path: Path, evidences: Path) -> AsyncIterator[Running]:
    async with running(tmp_path, evidences_dir=evidences) as server:
        yield server


@pytest.fixture(params=["h1", "h2c"])
async def client(
    request: pytest.FixtureRequest, served: Running
) -> AsyncIterator[httpx.AsyncClient]:
    h2 = request.param == "h2c"
    async with httpx.AsyncClient(base_url=served.server.public.url, http1=not h2, http2=h2) as made:
        yield made


async def proved(served: Running) -> str:
    """Return the path of a proof."""
    lease = await served.leased()
    assert (await served.put_proof(lease, PROOF)).status_code == 204
    await served.finish(lease, PROOF)
    return f"/proofs/{(await served.record(lease)).proof_token}"


async def test_a_proof_is_plain_bytes_that_nobody_caches(
    served: Running, client: httpx.AsyncClient
):
    answer = await client.get(await proved(served))
    assert answer.status_code == 200
    assert answer.content == PROOF
    assert answer.headers["content-length"] == str(len(PROOF))
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["sp1tee-mock"] == "true"


async def test_a_part_of_a_proof_can_be_asked_for(served: Running, client: httpx.AsyncClient):
    path = await proved(served)
    part = await client.get(path, headers={"range": "bytes=10-19"})
    assert part.status_code == 206
    assert part.content == PROOF[10:20]
    assert part.headers["content-range"] == f"bytes 10-19/{len(PROOF)}"
    beyond = await client.get(path, headers={"range": "bytes=999999-"})
    assert beyond.status_code == 416
    assert beyond.headers["content-range"] == f"bytes */{len(PROOF)}"
    whole = await client.get(path, headers={"range": "bytes=10-19", "if-range": '"old"'})
    assert (whole.status_code, whole.content) == (200, PROOF)


async def test_a_proofs_head_can_be_asked_for(served: Running, client: httpx.AsyncClient):
    answer = await client.head(await proved(served))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(PROOF))


@pytest.mark.parametrize("token", ["", "guessed", "a" * 43, "a" * 2000, "%00", "..%2f"])
async def test_without_its_token_there_is_no_proof(
    served: Running, client: httpx.AsyncClient, token: str
):
    await proved(served)
    answer = await client.get(f"/proofs/{token}")
    assert answer.status_code == 404
    assert sorted(answer.json()) == ["advice", "code", "message"]


async def test_a_proof_that_is_kept_no_longer_is_not_found(tmp_path: Path):
    async with running(tmp_path, proof_retention_s=1) as served:
        path = await proved(served)
        assert (await served.public.get(path)).status_code == 200
        store = served.room.store
        ended = time.time() + 20
        while (await served.public.get(path)).status_code != 404:
            assert time.time() < ended
            await store.requests.sweep()


async def test_a_request_that_is_kept_no_longer_is_not_known(tmp_path: Path):
    async with running(tmp_path, proof_retention_s=1, record_retention_s=1) as served:
        lease = await served.leased(deadline=int(time.time()) + 5)
        assert (await served.put_proof(lease, PROOF)).status_code == 204
        await served.finish(lease, PROOF)
        key = (await served.record(lease)).key
        requests = served.room.store.requests
        ended = time.time() + 30
        while await requests.by_key(key) is not None:
            assert time.time() < ended
            await requests.sweep()
        assert time.time() >= lease.deadline + 1


async def test_health_says_nothing_but_that_it_is_well(served: Running, client: httpx.AsyncClient):
    answer = await client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    "path",
    ["/", "/nothing", "/health/ready", "/metrics", "/blobs/stdin/x", "/artifacts", "/evidences"],
)
async def test_an_unknown_path_is_not_found_with_advice(
    served: Running, client: httpx.AsyncClient, path: str
):
    answer = await client.get(path)
    assert answer.status_code == 404
    assert sorted(answer.json()) == ["advice", "code", "message"]
    assert "access-control-allow-origin" not in answer.headers


async def test_another_method_is_not_allowed(served: Running, client: httpx.AsyncClient):
    answer = await client.post("/health", content=b"x")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"


async def test_an_answer_names_its_request_for_the_log(served: Running, client: httpx.AsyncClient):
    first, second = await client.get("/health"), await client.get("/health")
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


class TestEvidences:
    @pytest.mark.parametrize(
        ("path", "kind"),
        [
            ("quote.json", "application/json"),
            ("cert-prover.example.org.pem", "application/x-pem-file"),
            ("old/sha256sum.txt", "text/plain; charset=utf-8"),
        ],
    )
    async def test_files_are_served_over_both_protocols(
        self, served: Running, client: httpx.AsyncClient, evidences: Path, path: str, kind: str
    ):
        answer = await client.get(f"/evidences/{path}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == kind
        assert answer.content == (evidences / path).read_bytes()
        head = await client.head(f"/evidences/{path}")
        assert (head.status_code, head.content) == (200, b"")

    @pytest.mark.parametrize(
        "path",
        [
            "",
            "absent.json",
            ".secret",
            "old",
            "link.json",
            "loop/data/worker.token",
            "pipe",
            "huge.bin",
            "%2e%2e/data/worker.token",
            "..%2fdata%2fworker.token",
            "old/%2e%2e/quote.json",
            "%2fetc%2fpasswd",
            "quote.json%00",
            "a/b/c/d/e/f",
            "x" * 300,
        ],
    )
    async def test_nothing_else_is(self, served: Running, client: httpx.AsyncClient, path: str):
        answer = await client.get(f"/evidences/{path}")
        assert answer.status_code == 404

    async def test_without_a_directory_there_are_none(self, tmp_path: Path):
        async with running(tmp_path / "other") as served:
            assert (await served.public.get("/evidences/quote.json")).status_code == 404


async def test_grpc_health_knows_the_public_services(served: Running):
    stub = health_pb2_grpc.HealthStub(served.channel)
    for name in ("", "network.ProverNetwork", "artifact.ArtifactStore"):
        reply = await stub.Check(health_pb2.HealthCheckRequest(service=name))
        assert reply.status == health_pb2.HealthCheckResponse.SERVING


async def test_reflection_lists_the_public_services_and_no_other(served: Running):
    async def ask() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")

    stub = reflection_pb2_grpc.ServerReflectionStub(served.channel)
    (reply,) = [reply async for reply in stub.ServerReflectionInfo(ask())]
    assert sorted(service.name for service in reply.list_services_response.service) == [
        "artifact.ArtifactStore",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
        "network.ProverNetwork",
    ]


async def test_workers_calls_are_not_on_the_public_listener(served: Running):
    stub = worker_pb2_grpc.WorkersStub(served.channel)
    with pytest.raises(aio.AioRpcError) as caught:
        await stub.Lease(worker_pb2.LeaseRequest())
    assert caught.value.code() is StatusCode.UNIMPLEMENTED


async def test_a_grpc_call_to_an_http_path_is_unimplemented(served: Running):
    with pytest.raises(aio.AioRpcError) as caught:
        await served.channel.unary_unary("/health")(b"")
    assert caught.value.code() is StatusCode.UNIMPLEMENTED


async def test_http_to_a_grpc_path_is_not_found(served: Running):
    answer = await served.public.post("/network.ProverNetwork/GetNonce", content=b"{}")
    assert answer.status_code == 404


async def test_grpc_web_is_not_spoken(served: Running):
    headers = {"content-type": "application/grpc-web+proto"}
    answer = await served.public.post(
        "/network.ProverNetwork/GetNonce", content=b"\0\0\0\0\0", headers=headers
    )
    assert answer.status_code == 404
