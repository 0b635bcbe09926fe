"""The worker protocol on a real listener: leases, inputs, proofs, failures."""

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from grpc import StatusCode, aio
from structlog.testing import capture_logs
from support.running import (
    AUTH,
    PATIENCE_S,
    Running,
    a_proof,
    finish_request,
    holder,
    lease_request,
    running,
)
from support.stores import ALICE, BOB, V5

from sp1tee.errors import (
    LeaseLost,
    MockRefused,
    ProofMissing,
    ProofRefused,
    StoreFull,
    StoreUnavailable,
)
from sp1tee.serve.free_space import free_bytes
from sp1tee.serve.listener import bind, url_of
from sp1tee.sim import canary
from sp1tee.store.records import State
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import network_pb2_grpc, types_pb2, worker_pb2

pytestmark = pytest.mark.anyio

PROOF = a_proof()
INPUT = b"a private input, " * 100_000
REQUEST_ID = b"\x07" * 32


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as server:
        yield server


async def reason_of(served: Running, lease: worker_pb2.Lease) -> str:
    """Poll a failed request as its requester does, and return why it failed."""
    record = await served.record(lease)
    ask = types_pb2.GetProofRequestStatusRequest(request_id=record.request_id)
    call = network_pb2_grpc.ProverNetworkStub(served.channel).GetProofRequestStatus(ask)
    await call
    return unquote(str(dict(await call.trailing_metadata())["sp1tee-reason"]))


async def refused(call: Any) -> tuple[StatusCode, str]:
    """Return the status and our code of a call that is refused."""
    with pytest.raises(aio.AioRpcError) as caught:
        await call
    trailers = dict(caught.value.trailing_metadata() or ())
    return caught.value.code(), str(trailers.get("sp1tee-code"))


class TestAuthorization:
    @pytest.mark.parametrize(
        "metadata",
        [
            (),
            (("authorization", "Bearer wrong"),),
            (("authorization", AUTH[0][1].lower()),),
            (("authorization", AUTH[0][1].removeprefix("Bearer ")),),
            (("authorization", ""),),
            (*AUTH, *AUTH),
        ],
    )
    async def test_every_call_needs_the_worker_token(self, served: Running, metadata: Any):
        calls = [
            served.workers.Lease(lease_request(), metadata=metadata),
            served.workers.Heartbeat(worker_pb2.HeartbeatRequest(), metadata=metadata),
            served.workers.Finish(worker_pb2.FinishRequest(), metadata=metadata),
            served.workers.Fail(worker_pb2.FailRequest(), metadata=metadata),
            served.workers.Release(worker_pb2.ReleaseRequest(), metadata=metadata),
            served.worker_channel.unary_unary("/no.Such/Method")(b"", metadata=metadata),
        ]
        for call in calls:
            status, code = await refused(call)
            assert (status, code) == (StatusCode.UNAUTHENTICATED, "SP1TEE-R033")

    @pytest.mark.parametrize(
        "path", ["/blobs/stdin/x", "/proofs/x", "/metrics", "/health/ready", "/", "/health/live/"]
    )
    async def test_every_path_needs_it_too(self, served: Running, path: str):
        url = served.server.worker.url
        async with httpx.AsyncClient(base_url=url) as stranger:
            for method in ("GET", "PUT", "HEAD"):
                answer = await stranger.request(method, path)
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"] == "Bearer"

    async def test_whether_the_process_lives_is_told_to_everybody(self, served: Running):
        async with httpx.AsyncClient(base_url=served.server.worker.url) as stranger:
            assert (await stranger.get("/health/live")).json() == {"status": "ok"}

    async def test_a_lease_needs_its_own_token_as_well(self, served: Running):
        first, second = await served.leased(), await served.leased()
        crossed = {"sp1tee-lease": second.lease_token.hex()}
        for headers in (crossed, {}, {"sp1tee-lease": "zz"}, {"sp1tee-lease": "00" * 32}):
            for path in (f"/blobs/stdin/{first.lease_id}", f"/blobs/program/{first.lease_id}"):
                assert (await served.worker.get(path, headers=headers)).status_code == 410
            answer = await served.worker.put(
                f"/proofs/{first.lease_id}", content=PROOF, headers=headers
            )
            assert answer.status_code == 410
        assert (await served.put_proof(first, PROOF)).status_code == 204
        stolen = finish_request(first, PROOF, lease_token=second.lease_token)
        status, code = await refused(served.workers.Finish(stolen, metadata=AUTH))
        assert (status, code) == (StatusCode.FAILED_PRECONDITION, LeaseLost.code)
        assert (await served.record(first)).state is State.LEASED
        await served.finish(first, PROOF)
        assert await proof_of(served, first) == PROOF


class TestLeasing:
    async def test_a_lease_tells_what_is_to_be_done(self, served: Running):
        record = await served.queued(cycle_limit=7, gas_limit=8)
        await served.room.store.requests.bind(record.key, b"i" * 32, b"t" * 32)
        lease = await served.lease()
        assert lease is not None
        assert lease.request_id == b"i" * 32
        assert lease.vk_hash == record.vk_hash
        assert (lease.version, lease.mode) == (record.version, record.mode)
        assert (lease.cycle_limit, lease.gas_limit) == (7, 8)
        assert lease.deadline == record.deadline
        assert lease.stdin_size == len(b"an input")
        assert lease.program_size == len(b"\x7fELF")
        assert lease.program_sha256 == hashlib.sha256(b"\x7fELF").digest()
        assert lease.vk == b"a verifying key"
        assert lease.ttl_ms == 30_000
        assert lease.attempt == 1
        assert len(lease.lease_token) == 32

    async def test_tenants_labels_say_who_is_the_same_and_no_more(self, served: Running):
        leases = [await served.leased(requester=who) for who in (ALICE, ALICE, BOB)]
        labels = [lease.tenant for lease in leases]
        assert labels[0] == labels[1] != labels[2]
        assert ALICE.hex() not in labels[0]

    async def test_with_nothing_to_do_the_answer_is_empty(self, served: Running):
        assert await served.lease() is None
        assert await served.lease(wait_ms=50) is None

    async def test_a_waiting_worker_gets_what_arrives(self, served: Running):
        waiting = asyncio.ensure_future(served.lease(wait_ms=60_000))
        await until_waiting(served, 1)
        record = await served.queued()
        lease = await asyncio.wait_for(waiting, PATIENCE_S)
        assert lease is not None
        assert (await served.record(lease)).key == record.key

    async def test_a_waiting_worker_gets_what_another_gives_back(self, served: Running):
        lease = await served.leased()
        waiting = asyncio.ensure_future(served.lease(wait_ms=60_000, worker="gpu-2"))
        await until_waiting(served, 1)
        request = worker_pb2.ReleaseRequest(lease_id=lease.lease_id, lease_token=lease.lease_token)
        await served.workers.Release(request, metadata=AUTH)
        again = await asyncio.wait_for(waiting, PATIENCE_S)
        assert again is not None
        assert again.attempt == 1

    async def test_work_goes_to_who_can_do_it(self, served: Running):
        other = asyncio.ensure_future(served.lease(wait_ms=60_000, version=V5))
        fitting = asyncio.ensure_future(served.lease(wait_ms=60_000))
        await until_waiting(served, 2)
        await served.queued()
        assert await asyncio.wait_for(fitting, PATIENCE_S) is not None
        assert not other.done()
        other.cancel()

    async def test_one_request_is_leased_once_however_many_wait(self, served: Running):
        waiting = [asyncio.ensure_future(served.lease(wait_ms=60_000)) for _ in range(5)]
        await until_waiting(served, 5)
        keys = {(await served.queued()).key for _ in range(3)}
        done: set[Any] = set()
        while len(done) < 3:
            finished, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            done |= finished
            waiting = [task for task in waiting if task not in done]
        leased = {(await served.record(task.result())).key for task in done}
        assert leased == keys
        await until_waiting(served, 2)

    async def test_a_worker_that_goes_away_while_waiting_takes_nothing_with_it(
        self, served: Running
    ):
        url = served.server.worker.url.removeprefix("http://")
        async with aio.insecure_channel(
            url, options=[("grpc.use_local_subchannel_pool", 1)]
        ) as channel:
            call = channel.unary_unary(
                "/sp1tee.worker.v1.Workers/Lease",
                request_serializer=worker_pb2.LeaseRequest.SerializeToString,
            )(lease_request(wait_ms=60_000), metadata=AUTH)
            waiting = asyncio.ensure_future(call.code())
            await until_waiting(served, 1)
        await waiting
        await until_waiting(served, 0)
        record = await served.queued()
        lease = await served.lease()
        assert lease is not None
        assert (await served.record(lease)).key == record.key
        assert lease.attempt == 1

    async def test_what_was_leased_for_a_worker_that_is_gone_is_given_back(
        self, served: Running, monkeypatch: pytest.MonkeyPatch
    ):
        requests = served.room.store.requests
        leased, go_on = asyncio.Event(), asyncio.Event()
        really = requests.lease

        async def slowly(*args: Any, **named: Any) -> Any:
            result = await really(*args, **named)
            leased.set()
            await go_on.wait()
            return result

        await served.queued()
        monkeypatch.setattr(requests, "lease", slowly)
        call = served.workers.Lease(lease_request(), metadata=AUTH)
        outcome = asyncio.ensure_future(call.code())
        await asyncio.wait_for(leased.wait(), PATIENCE_S)
        call.cancel()
        assert await outcome is StatusCode.CANCELLED
        await until_waiting(served, 0)
        monkeypatch.undo()
        go_on.set()
        again = await served.lease(wait_ms=10_000)
        assert again is not None
        assert again.attempt == 1

    @pytest.mark.parametrize(
        "request_",
        [
            worker_pb2.LeaseRequest(),
            worker_pb2.LeaseRequest(worker="gpu-1"),
            lease_request(worker="x" * 129),
            lease_request(worker="two\nlines"),
            lease_request(keys=[bytes(31)]),
            lease_request(keys=[bytes(32)] * 257),
        ],
        ids=[
            *("nothing", "no capabilities", "a long name", "an odd name"),
            *("a program's key that is none", "too many programs"),
        ],
    )
    async def test_a_worker_that_does_not_introduce_itself_gets_nothing(
        self, served: Running, request_: worker_pb2.LeaseRequest
    ):
        status, _ = await refused(served.workers.Lease(request_, metadata=AUTH))
        assert status is StatusCode.INVALID_ARGUMENT

    async def test_who_finds_nothing_hears_when_to_look_again(self, served: Running):
        for number in range(100):
            reply = await served.workers.Lease(
                lease_request(worker=f"gpu-{number}", keys=[bytes(32)]), metadata=AUTH
            )
            assert not reply.HasField("lease")
        assert reply.look_again_ms == 500

    async def test_mock_provers_work_only_where_they_are_allowed(self, tmp_path: Path):
        async with running(tmp_path, allow_mock=False) as served:
            call = served.workers.Lease(lease_request(mock=True), metadata=AUTH)
            status, code = await refused(call)
            assert (status, code) == (StatusCode.PERMISSION_DENIED, MockRefused.code)
            assert await served.lease(mock=False) is None


class TestInputs:
    async def leased_input(self, served: Running) -> worker_pb2.Lease:
        upload = await served.room.upload(INPUT)
        return await served.leased(stdin_artifact=upload.id)

    async def test_the_holder_reads_input_and_program(self, served: Running):
        lease = await self.leased_input(served)
        stdin = await served.worker.get(f"/blobs/stdin/{lease.lease_id}", headers=holder(lease))
        assert (stdin.status_code, stdin.content) == (200, INPUT)
        elf = await served.worker.get(f"/blobs/program/{lease.lease_id}", headers=holder(lease))
        assert (elf.status_code, elf.content) == (200, b"\x7fELF")

    async def test_a_broken_download_goes_on_where_it_broke(self, served: Running):
        lease = await self.leased_input(served)
        headers = {**holder(lease), "range": f"bytes={len(INPUT) - 1000}-"}
        answer = await served.worker.get(f"/blobs/stdin/{lease.lease_id}", headers=headers)
        assert (answer.status_code, answer.content) == (206, INPUT[-1000:])

    async def test_an_input_is_read_by_nobody_once_the_lease_is_gone(self, served: Running):
        lease = await self.leased_input(served)
        request = worker_pb2.ReleaseRequest(lease_id=lease.lease_id, lease_token=lease.lease_token)
        await served.workers.Release(request, metadata=AUTH)
        answer = await served.worker.get(f"/blobs/stdin/{lease.lease_id}", headers=holder(lease))
        assert answer.status_code == 410

    async def test_a_lease_lost_in_the_middle_breaks_the_download_off(
        self, served: Running, monkeypatch: pytest.MonkeyPatch
    ):
        upload = await served.room.upload(INPUT * 4)
        lease = await served.leased(stdin_artifact=upload.id)
        really, lost = served.room.store.vault.read, asyncio.Event()

        async def slowly(*args: Any) -> AsyncIterator[bytes]:
            async for piece in really(*args):
                yield piece
                await lost.wait()

        monkeypatch.setattr(served.room.store.vault, "read", slowly)
        path = f"/blobs/stdin/{lease.lease_id}"
        async with served.worker.stream("GET", path, headers=holder(lease)) as answer:
            assert answer.status_code == 200
            await served.room.store.requests.cancel((await served.record(lease)).key, "over")
            lost.set()
            with pytest.raises(httpx.RemoteProtocolError):
                await answer.aread()


class TestProofs:
    async def test_a_finished_proof_settles_and_the_input_is_gone(self, served: Running):
        lease = await served.leased()
        assert (await served.put_proof(lease, PROOF)).status_code == 204
        await served.finish(lease, PROOF)
        record = await served.record(lease)
        assert record.state is State.SETTLED
        assert record.mock
        assert (record.cycles, record.gas) == (1000, 7)
        assert await proof_of(served, lease) == PROOF
        artifact = await served.room.store.artifacts.get(record.stdin_artifact)
        assert artifact is not None
        assert artifact.state == "erased"

    async def test_finishing_without_a_proof_asks_for_it_again(self, served: Running):
        lease = await served.leased()
        call = served.workers.Finish(finish_request(lease, PROOF), metadata=AUTH)
        assert await refused(call) == (StatusCode.ABORTED, ProofMissing.code)
        assert (await served.record(lease)).state is State.LEASED

    async def test_a_proof_may_be_put_again_until_it_is_finished(self, served: Running):
        lease = await served.leased()
        for _ in range(3):
            assert (await served.put_proof(lease, PROOF)).status_code == 204
        await served.finish(lease, PROOF)
        assert (await served.record(lease)).state is State.SETTLED

    @pytest.mark.parametrize(
        "changes",
        [
            {"proof_sha256": bytes(32)},
            {"proof_sha256": b""},
            {"mock": False},
            {
                "execution": worker_pb2.ExecutionReport(
                    cycles=1, public_values_hash=hashlib.sha256(b"other").digest()
                )
            },
        ],
    )
    async def test_a_worker_that_lies_about_its_proof_is_refused(
        self, served: Running, changes: dict[str, Any]
    ):
        lease = await served.leased()
        await served.put_proof(lease, PROOF)
        call = served.workers.Finish(finish_request(lease, PROOF, **changes), metadata=AUTH)
        assert await refused(call) == (StatusCode.INVALID_ARGUMENT, ProofRefused.code)
        assert (await served.record(lease)).state is State.LEASED

    @pytest.mark.parametrize(
        "proof",
        [
            b"",
            b"no proof at all",
            PROOF[:-1],
            PROOF + b"\0",
            a_proof(vk_hash=bytes(3) + b"\x02" + bytes(28)),
            a_proof(mode=Mode.PLONK),
            a_proof(mode=Mode.CORE),
        ],
    )
    async def test_what_is_not_the_proof_that_was_asked_for_is_refused_at_once(
        self, served: Running, proof: bytes
    ):
        lease = await served.leased()
        answer = await served.put_proof(lease, proof)
        assert answer.status_code == 400
        assert answer.json()["code"] == ProofRefused.code
        call = served.workers.Finish(finish_request(lease, proof), metadata=AUTH)
        assert await refused(call) == (StatusCode.ABORTED, ProofMissing.code)
        assert (await served.record(lease)).state is State.LEASED

    async def test_an_execution_report_without_a_hash_is_refused(self, served: Running):
        lease = await served.leased()
        await served.put_proof(lease, PROOF)
        request = finish_request(lease, PROOF, execution=None)
        status, _ = await refused(served.workers.Finish(request, metadata=AUTH))
        assert status is StatusCode.INVALID_ARGUMENT

    async def test_a_mock_proof_from_a_real_worker_is_refused(self, tmp_path: Path):
        async with running(tmp_path, allow_mock=False) as served:
            await served.queued()
            lease = await served.lease(mock=False)
            assert lease is not None
            answer = await served.put_proof(lease, PROOF)
            assert answer.status_code == 403
            assert answer.json()["code"] == MockRefused.code

    async def test_a_proof_over_the_limit_is_refused(self, tmp_path: Path):
        async with running(tmp_path, max_proof_bytes=len(PROOF) - 1) as served:
            lease = await served.leased()
            assert (await served.put_proof(lease, PROOF)).status_code == 413

    async def test_a_late_proof_counts_while_nobody_else_has_finished(self, served: Running):
        lease = await served.leased()
        request = worker_pb2.ReleaseRequest(lease_id=lease.lease_id, lease_token=lease.lease_token)
        await served.workers.Release(request, metadata=AUTH)
        assert (await served.put_proof(lease, PROOF)).status_code == 204
        await served.finish(lease, PROOF)
        assert (await served.record(lease)).state is State.SETTLED

    async def test_a_proof_for_a_request_that_has_ended_is_refused(self, served: Running):
        lease = await served.leased()
        await served.put_proof(lease, PROOF)
        record = await served.room.store.requests.cancel((await served.record(lease)).key, "over")
        assert record.state is State.FAILED
        assert (await served.put_proof(lease, PROOF)).status_code == 410
        call = served.workers.Finish(finish_request(lease, PROOF), metadata=AUTH)
        assert (await refused(call))[0] is StatusCode.ABORTED

    async def test_a_proof_counts_whatever_its_worker_does_meanwhile(
        self, served: Running, monkeypatch: pytest.MonkeyPatch
    ):
        requests = served.room.store.requests
        really, entered, go_on = requests.finish, asyncio.Event(), asyncio.Event()

        async def slowly(*args: Any, **options: Any) -> Any:
            entered.set()
            await go_on.wait()
            return await really(*args, **options)

        monkeypatch.setattr(requests, "finish", slowly)
        lease = await served.leased()
        await served.put_proof(lease, PROOF)
        call = served.workers.Finish(finish_request(lease, PROOF), metadata=AUTH)
        outcome = asyncio.ensure_future(call.code())
        await asyncio.wait_for(entered.wait(), PATIENCE_S)
        call.cancel()
        assert await outcome is StatusCode.CANCELLED
        assert (await served.put_proof(lease, PROOF)).status_code == 204
        go_on.set()
        await served.server.core.background.aclose()
        assert (await served.record(lease)).state is State.SETTLED
        assert await proof_of(served, lease) == PROOF

    async def test_a_proof_survives_a_store_that_fails_for_a_moment(
        self, served: Running, monkeypatch: pytest.MonkeyPatch
    ):
        async def fail(*_args: Any, **_options: Any) -> Any:
            raise StoreUnavailable("The database did not answer.")

        lease = await served.leased()
        await served.put_proof(lease, PROOF)
        with monkeypatch.context() as broken:
            broken.setattr(served.room.store.requests, "finish", fail)
            call = served.workers.Finish(finish_request(lease, PROOF), metadata=AUTH)
            assert await refused(call) == (StatusCode.UNAVAILABLE, StoreUnavailable.code)
        await served.finish(lease, PROOF)
        assert await proof_of(served, lease) == PROOF

    async def test_proofs_that_do_not_count_leave_no_file(self, served: Running):
        lease = await served.leased()
        before = files(served)
        await served.put_proof(lease, b"no proof")
        await served.put_proof(lease, PROOF)
        await served.put_proof(lease, PROOF)
        await served.room.store.requests.cancel((await served.record(lease)).key, "over")
        await served.server.core.background.aclose()
        assert files(served) <= before


class TestEndings:
    async def test_a_failure_ends_the_request_with_its_reason(self, served: Running):
        lease = await served.leased()
        request = worker_pb2.FailRequest(
            lease_id=lease.lease_id,
            lease_token=lease.lease_token,
            error=types_pb2.EXECUTION_FAILURE,
            cause=types_pb2.HALT_WITH_NON_ZERO_EXIT_CODE,
            text="The guest panicked.\nAt line 3.",
        )
        await served.workers.Fail(request, metadata=AUTH)
        record = await served.record(lease)
        assert record.state is State.FAILED
        assert record.error == types_pb2.EXECUTION_FAILURE
        assert record.cause == types_pb2.HALT_WITH_NON_ZERO_EXIT_CODE
        assert record.text == "The guest panicked. At line 3."

    async def test_what_a_program_printed_is_told_to_its_requester_and_to_nobody_else(
        self, served: Running, tmp_path: Path
    ):
        lease = await served.leased(request_id=REQUEST_ID)
        request = worker_pb2.FailRequest(
            lease_id=lease.lease_id,
            lease_token=lease.lease_token,
            error=types_pb2.EXECUTION_FAILURE,
            text="It ended with exit code 1.",
            printed="x" * 3000 + "\x1b[31mpanicked\nSECRET of the input",
        )
        with capture_logs() as lines:
            await served.workers.Fail(request, metadata=AUTH)
            reason = await reason_of(served, lease)
        assert reason.startswith("It ended with exit code 1. The program printed: x")
        assert reason.endswith(" [31mpanicked SECRET of the input")
        assert len(reason) < 2200
        assert "SECRET" not in f"{lines} {await served.record(lease)}"
        report = canary.search([tmp_path], [b"SECRET of the input"], controls=[b"exit code 1"])
        assert (report.hits, report.missed_controls) == ((), ())

    async def test_the_words_of_a_lost_lease_are_not_kept(self, served: Running):
        lost = await served.leased(request_id=REQUEST_ID)
        await served.room.store.requests.give_back(
            lost.lease_id, lost.lease_token, counts=True, reason="slow"
        )
        again = await served.lease()
        assert again is not None
        late = {"error": types_pb2.EXECUTION_FAILURE, "printed": "SECRET"}
        held = {"lease_id": lost.lease_id, "lease_token": lost.lease_token}
        await refused(served.workers.Fail(worker_pb2.FailRequest(**held, **late), metadata=AUTH))
        held = {"lease_id": again.lease_id, "lease_token": again.lease_token}
        await served.workers.Fail(worker_pb2.FailRequest(**held), metadata=AUTH)
        assert "SECRET" not in await reason_of(served, again)

    async def test_a_failure_without_words_still_gets_some(self, served: Running):
        lease = await served.leased()
        request = worker_pb2.FailRequest(lease_id=lease.lease_id, lease_token=lease.lease_token)
        await served.workers.Fail(request, metadata=AUTH)
        record = await served.record(lease)
        assert record.error == types_pb2.UNKNOWN_FAILURE
        assert record.text

    async def test_a_passing_failure_gives_the_request_to_another(self, served: Running):
        lease = await served.leased()
        request = worker_pb2.FailRequest(
            lease_id=lease.lease_id, lease_token=lease.lease_token, retryable=True, text="GPU lost"
        )
        await served.workers.Fail(request, metadata=AUTH)
        again = await served.lease(worker="gpu-2")
        assert again is not None
        assert again.attempt == 2

    async def test_heartbeats_keep_leases_and_name_those_that_are_lost(self, served: Running):
        kept, lost = await served.leased(), await served.leased()
        await served.room.store.requests.cancel((await served.record(lost)).key, "over")
        beats = [
            worker_pb2.HeartbeatRequest.Beat(
                lease_id=lease.lease_id,
                lease_token=lease.lease_token,
                stage=worker_pb2.STAGE_PROVING,
            )
            for lease in (kept, lost)
        ]
        request = worker_pb2.HeartbeatRequest(worker="gpu-1", beats=beats)
        reply = await served.workers.Heartbeat(request, metadata=AUTH)
        assert list(reply.drop) == [lost.lease_id]
        assert (await served.record(kept)).stage == worker_pb2.STAGE_PROVING

    async def test_a_silent_worker_loses_its_lease(self, tmp_path: Path):
        async with running(tmp_path, lease_ttl_s=1) as served:
            await served.leased()
            again = await served.lease(wait_ms=15_000, worker="gpu-2")
            assert again is not None
            assert again.attempt == 2


class TestFigures:
    async def test_ready_tells_what_works_and_who_is_there(self, served: Running):
        await served.leased()
        said = (await served.worker.get("/health/ready")).json()
        assert said["ready"] is True
        assert (said["store"], said["network"]) == ("ok", "ok")
        assert said["requests"]["leased"] == 1
        (worker,) = said["workers"]
        assert worker["name"] == "gpu-1"
        assert worker["proves"] == [{"version": "sp1-v6.1.0", "modes": [1, 2, 3, 4], "mock": True}]

    async def test_a_store_that_fails_makes_the_server_not_ready(
        self, served: Running, monkeypatch: pytest.MonkeyPatch
    ):
        async def check() -> None:
            raise StoreFull("The disk is full.")

        monkeypatch.setattr(served.room.store, "check", check)
        answer = await served.worker.get("/health/ready")
        assert answer.status_code == 503
        assert answer.json()["store"] == StoreFull.code
        assert answer.json()["why_not"] == {"store": StoreFull.code}

    async def test_metrics_tell_which_part_failed_at_the_last_look_and_wait_for_none(
        self, served: Running, monkeypatch: pytest.MonkeyPatch
    ):
        async def metrics() -> dict[str, float]:
            text = (await served.worker.get("/metrics")).text
            found = re.findall(r'sp1tee_part_ready\{part="(\w+)"\} (\S+)', text)
            return {part: float(value) for part, value in found}

        looked, let = asyncio.Event(), asyncio.Event()

        async def check() -> None:
            looked.set()
            await let.wait()
            raise StoreFull("The disk is full.")

        assert (await served.worker.get("/health/ready")).status_code == 200
        monkeypatch.setattr(served.room.store, "check", check)
        everything = {"store", "vault", "network", "disk", "workers"}
        assert await metrics() == dict.fromkeys(everything, 1.0)
        await looked.wait()
        assert await metrics() == dict.fromkeys(everything, 1.0)
        let.set()
        async with asyncio.timeout(30):
            while (found := await metrics())["store"]:
                pass
        assert found == dict.fromkeys(everything - {"store"}, 1.0) | {"store": 0.0}

    async def test_an_upstream_network_that_is_away_shows(self, tmp_path: Path):
        with bind("listen", "127.0.0.1:0") as deaf:
            nobody = url_of(deaf)
        async with running(
            tmp_path, network="upstream", upstream_url=nobody, fulfiller_key="11" * 32
        ) as served:
            request = types_pb2.GetNonceRequest(address=bytes(20)).SerializeToString()
            call = served.channel.unary_unary("/network.ProverNetwork/GetNonce")(request)
            assert (await refused(call))[0] is StatusCode.UNAVAILABLE
            text = (await served.worker.get("/metrics")).text
            line = 'sp1tee_upstream_calls_total{method="GetNonce",status="UNAVAILABLE"} '
            assert line in text
            answer = await served.worker.get("/health/ready")
            assert (answer.status_code, answer.json()["network"]) == (503, "unreachable")
            assert answer.json()["why_not"] == {"network": "unreachable"}

    async def test_too_little_disk_makes_the_server_not_ready(self, tmp_path: Path):
        wanted = 1 << 60
        async with running(tmp_path, min_free_bytes=wanted) as served:
            answer = await served.worker.get("/health/ready")
        said = answer.json()
        assert (answer.status_code, list(said["why_not"])) == (503, ["disk"])
        assert f"{said['disk_free_bytes']} bytes are free, {wanted} are wanted" in str(said)

    async def test_a_disk_that_cannot_be_asked_has_no_room(self, tmp_path: Path):
        assert await free_bytes(tmp_path / "nowhere") == 0

    async def test_no_worker_matters_only_to_who_requires_one(self, tmp_path: Path):
        async with running(tmp_path, require_workers=True) as served:
            answer = await served.worker.get("/health/ready")
            why = {"workers": "none has asked for work lately"}
            assert (answer.status_code, answer.json()["why_not"]) == (503, why)
        async with running(tmp_path, require_workers=True) as served:
            await served.lease()
            answer = await served.worker.get("/health/ready")
            assert (answer.status_code, answer.json()["why_not"]) == (200, {})

    async def test_metrics_are_told_while_the_store_fails(
        self, served: Running, monkeypatch: pytest.MonkeyPatch
    ):
        async def counts() -> None:
            raise StoreFull("The disk is full.")

        monkeypatch.setattr(served.room.store.requests, "counts", counts)
        answer = await served.worker.get("/metrics")
        assert (answer.status_code, "sp1tee_disk_free_bytes" in answer.text) == (200, True)

    async def test_metrics_count_what_happens(self, served: Running):
        place = await served.place()
        await served.public.put(place.path, content=bytes(12_345))
        await served.leased()
        await served.queued()
        await refused(served.channel.unary_unary("/network.ProverNetwork/GetProgram")(b"\xff"))
        text = (await served.worker.get("/metrics")).text
        lines = set(text.splitlines())
        assert 'sp1tee_upload_bytes_total{kind="stdin"} 12345.0' in lines
        assert 'sp1tee_requests{state="leased"} 1.0' in lines
        assert 'sp1tee_requests{state="queued"} 1.0' in lines
        assert 'sp1tee_workers{state="active"} 1.0' in lines
        assert 'sp1tee_rpc_total{code="OK",method="/sp1tee.worker.v1.Workers/Lease"} 1.0' in lines
        assert (
            'sp1tee_rpc_total{code="INVALID_ARGUMENT",method="/network.ProverNetwork/GetProgram"}'
            " 1.0" in lines
        )
        assert 'path="/artifacts/stdin/{id}"' in text
        assert place.token not in text
        assert place.artifact.id not in text


async def proof_of(served: Running, lease: worker_pb2.Lease) -> bytes:
    """Return the proof that counts for a lease's request."""
    blob = (await served.record(lease)).proof_blob
    assert blob is not None
    return await served.room.read(blob)


def files(served: Running) -> set[Path]:
    directory = served.server.core.settings.data_dir / "blobs"
    return {path for path in directory.rglob("*") if path.is_file()}


async def until_waiting(served: Running, number: int) -> None:
    """Wait until so many calls are in flight."""
    ended = time.monotonic() + PATIENCE_S
    while served.server.core.gate.inside != number:
        assert time.monotonic() < ended
        await asyncio.sleep(0.005)
