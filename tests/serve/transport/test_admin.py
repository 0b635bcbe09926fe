"""The operator's half of the worker listener: its own token, and requests without their secrets."""

import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from grpc import StatusCode, aio
from support.running import ADMIN, ADMIN_TOKEN, AUTH, Running, lease_request, running, settings
from support.stores import BOB

from sp1tee.errors import AdminNotAuthorized, ConfigError, NoSuchRequest, NotInThatState
from sp1tee.serve.tokens import open_tokens
from sp1tee.store.records import RequestRecord, State
from sp1tee.wire.pb import worker_pb2

pytestmark = pytest.mark.anyio


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path, poisoned="hold", max_attempts=1) as server:
        yield server


@pytest.fixture
async def operator(served: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.server.worker.url, headers=ADMIN) as client:
        yield client


async def held(served: Running) -> RequestRecord:
    lease = await served.leased()
    fault = worker_pb2.FailRequest(
        lease_id=lease.lease_id,
        lease_token=lease.lease_token,
        retryable=True,
        text="The GPU fell off the bus.",
    )
    await served.workers.Fail(fault, metadata=AUTH)
    record = await served.record(lease)
    assert record.state is State.HELD
    return record


class TestAuthorization:
    @pytest.mark.parametrize(
        "path", ["/admin/requests", "/admin/requests/x", "/admin/", "/admin/x"]
    )
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"authorization": AUTH[0][1]},
            {"authorization": "Bearer wrong"},
            {"authorization": ADMIN_TOKEN},
            {"authorization": ADMIN["authorization"].lower()},
        ],
    )
    async def test_every_admin_path_needs_the_admin_token(
        self, served: Running, path: str, headers: dict[str, str]
    ) -> None:
        async with httpx.AsyncClient(base_url=served.server.worker.url) as stranger:
            for method in ("GET", "POST", "HEAD"):
                answer = await stranger.request(method, path, headers=headers)
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"] == "Bearer"
                if method != "HEAD":
                    assert answer.json()["code"] == AdminNotAuthorized.code

    async def test_two_tokens_at_once_open_nothing(self, served: Running) -> None:
        both = [("authorization", AUTH[0][1]), ("authorization", ADMIN["authorization"])]
        async with httpx.AsyncClient(base_url=served.server.worker.url) as stranger:
            assert (await stranger.get("/admin/requests", headers=both)).status_code == 401

    @pytest.mark.parametrize("path", ["/metrics", "/blobs/stdin/x", "/health/ready", "/admin"])
    async def test_the_admin_token_opens_nothing_of_the_workers(
        self, operator: httpx.AsyncClient, path: str
    ) -> None:
        assert (await operator.get(path)).status_code == 401

    async def test_the_admin_token_leases_nothing(self, served: Running) -> None:
        await served.queued()
        metadata = tuple(ADMIN.items())
        with pytest.raises(aio.AioRpcError) as caught:
            await served.workers.Lease(lease_request(), metadata=metadata)
        assert caught.value.code() is StatusCode.UNAUTHENTICATED

    async def test_grpc_at_an_admin_path_is_refused_without_the_token(
        self, served: Running
    ) -> None:
        with pytest.raises(aio.AioRpcError) as caught:
            await served.worker_channel.unary_unary("/admin/requests")(b"", metadata=AUTH)
        assert caught.value.code() is StatusCode.UNAUTHENTICATED

    async def test_the_public_listener_has_no_such_paths(self, served: Running) -> None:
        assert (await served.public.get("/admin/requests", headers=ADMIN)).status_code == 404


class TestTokens:
    def test_the_token_is_made_once_for_its_owner_alone(self, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        chosen = settings(tmp_path, admin_token=None, worker_token=None)
        tokens = open_tokens(chosen)
        file = tmp_path / "data" / "admin.token"
        assert file.read_text().strip() == tokens.admin == open_tokens(chosen).admin
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert tokens.admin != tokens.worker
        assert tokens.admin not in repr(tokens)

    @pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 40])
    def test_a_damaged_token_is_refused(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "admin.token").write_bytes(content)
        with pytest.raises(ConfigError, match="admin token"):
            open_tokens(settings(tmp_path, admin_token=None))

    def test_workers_and_operators_cannot_have_the_same(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="workers are no operators"):
            settings(tmp_path, admin_token="a" * 20, worker_token="a" * 20)


class TestRequests:
    async def test_what_is_open_is_listed_oldest_first(
        self, served: Running, operator: httpx.AsyncClient
    ) -> None:
        first, second = await served.queued(), await served.queued(requester=BOB)
        answer = (await operator.get("/admin/requests")).json()
        assert [request["id"] for request in answer["requests"]] == [first.key, second.key]
        assert answer["counts"]["queued"] == 2
        assert answer["requests"][1]["requester"] == f"0x{BOB.hex()}"

    async def test_a_list_can_be_narrowed(
        self, served: Running, operator: httpx.AsyncClient
    ) -> None:
        await served.queued()
        record = await served.queued(requester=BOB)
        asked = {"requester": f"0x{BOB.hex()}", "state": "queued,held", "limit": "5"}
        answer = (await operator.get("/admin/requests", params=asked)).json()
        assert [request["id"] for request in answer["requests"]] == [record.key]

    @pytest.mark.parametrize("asked", ["state=gone", "requester=me", "limit=many"])
    async def test_a_list_of_nonsense_is_refused(
        self, operator: httpx.AsyncClient, asked: str
    ) -> None:
        assert (await operator.get(f"/admin/requests?{asked}")).status_code == 400

    async def test_a_request_is_shown_with_the_cause_of_each_attempt(
        self, served: Running, operator: httpx.AsyncClient
    ) -> None:
        record = await held(served)
        shown = (await operator.get(f"/admin/requests/{record.key}")).json()
        assert (shown["state"], shown["attempts"]) == ("held", 1)
        (tried,) = shown["tries"]
        assert (tried["worker"], tried["outcome"]) == ("gpu-1", "returned")
        assert tried["reason"] == "The GPU fell off the bus."

    async def test_the_network_s_id_names_a_request_too(
        self, served: Running, operator: httpx.AsyncClient
    ) -> None:
        record = await served.queued()
        await served.room.store.requests.bind(record.key, b"i" * 32, b"t" * 32)
        shown = await operator.get(f"/admin/requests/{(b'i' * 32).hex()}")
        assert shown.json()["id"] == record.key

    async def test_a_leased_one_tells_who_has_it_and_how_far_it_is(
        self, served: Running, operator: httpx.AsyncClient
    ) -> None:
        lease = await served.leased()
        beat = worker_pb2.HeartbeatRequest.Beat(
            lease_id=lease.lease_id, lease_token=lease.lease_token, stage=worker_pb2.STAGE_PROVING
        )
        await served.workers.Heartbeat(
            worker_pb2.HeartbeatRequest(worker="gpu-1", beats=[beat]), metadata=AUTH
        )
        (shown,) = (await operator.get("/admin/requests")).json()["requests"]
        assert (shown["worker"], shown["stage"]) == ("gpu-1", "proving")

    async def test_a_held_request_is_tried_again(
        self, served: Running, operator: httpx.AsyncClient
    ) -> None:
        record = await held(served)
        answer = await operator.post(f"/admin/requests/{record.key}/retry")
        assert answer.json()["state"] == "queued"
        assert await served.lease() is not None

    async def test_a_held_request_is_dropped(
        self, served: Running, operator: httpx.AsyncClient
    ) -> None:
        record = await held(served)
        answer = await operator.post(f"/admin/requests/{record.key}/drop")
        assert answer.json()["state"] == "failed"
        assert await served.lease() is None

    async def test_what_cannot_be_done_in_its_state_is_refused(
        self, served: Running, operator: httpx.AsyncClient
    ) -> None:
        record = await served.queued()
        answer = await operator.post(f"/admin/requests/{record.key}/retry")
        assert (answer.status_code, answer.json()["code"]) == (409, NotInThatState.code)

    @pytest.mark.parametrize("name", ["req_unknown", "00" * 32, "%2e%2e", "x" * 5000])
    async def test_an_unknown_request_is_named_as_such(
        self, operator: httpx.AsyncClient, name: str
    ) -> None:
        for answer in (
            await operator.get(f"/admin/requests/{name}"),
            await operator.post(f"/admin/requests/{name}/drop"),
        ):
            assert answer.status_code in (404, 414)
            if answer.status_code == 404:
                assert answer.json()["code"] == NoSuchRequest.code

    async def test_looking_changes_nothing(
        self, served: Running, operator: httpx.AsyncClient
    ) -> None:
        record = await served.queued()
        for path in ("retry", "drop"):
            answer = await operator.get(f"/admin/requests/{record.key}/{path}")
            assert answer.status_code == 405
        assert (await served.room.again(record)).state is State.QUEUED

    async def test_nothing_tells_an_input_a_signature_a_token_or_an_address(
        self, served: Running, operator: httpx.AsyncClient
    ) -> None:
        record = await held(served)
        upload = await served.room.store.artifacts.get(record.stdin_artifact)
        assert upload is not None
        lease: Any = await served.leased()
        told = b"".join(
            [
                (await operator.get("/admin/requests")).content,
                (await operator.get(f"/admin/requests/{record.key}")).content,
            ]
        )
        secrets = [upload.uri, record.stdin_artifact, lease.lease_id, lease.lease_token.hex()]
        for secret in (*secrets, record.signature.hex(), record.body.hex(), "an input"):
            assert secret.encode() not in told
