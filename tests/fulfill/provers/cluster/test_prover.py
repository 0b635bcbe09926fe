"""A cluster makes the proof: the protos over real sockets, and every way in which it may not."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from support.cluster import (
    CANCELLED,
    COMPLETED,
    FAILED,
    PENDING,
    ClusterStandIn,
    Fate,
    MemoryStore,
    Trouble,
    fails,
    hangs,
    in_turn,
    proves,
)
from support.cluster_tasks import FAR, OFFER, PROGRAM, PROOF, V6, a_task
from support.fulfilling import sample_work, within, working
from support.gpu_server import GpuServer, info
from support.wire_data import sample
from support.worker_listener import WorkerListener

from sp1tee.errors import FulfillError, ProverFailed, ProverUnavailable
from sp1tee.fulfill.provers import Made
from sp1tee.fulfill.provers.cluster.artifacts import packed
from sp1tee.fulfill.provers.cluster.desk import Desk, Waits
from sp1tee.fulfill.provers.cluster.line import Address, Api, Coordinator
from sp1tee.fulfill.provers.cluster.prover import ClusterProver
from sp1tee.fulfill.provers.verifying import Verifier
from sp1tee.native.process import ForeignServer
from sp1tee.wire.artifacts import unpack
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import cluster_pb2 as pb
from sp1tee.wire.program import decode_program

pytestmark = pytest.mark.anyio

PACKED = packed(PROOF)
NAME = "sp1tee/worker-1"
UNAVAILABLE = Trouble(grpc.StatusCode.UNAVAILABLE, "restarting")
FORGETFUL = Waits(orphan=0, look=0.05)
IMPATIENT = Waits(patience=0.2)
MAKES = proves(PACKED)


@asynccontextmanager
async def proving(
    cluster: ClusterStandIn,
    *,
    waits: Waits | None = None,
    coordinated: bool = False,
    instance: str = NAME,
    verifier: Verifier | None = None,
) -> AsyncIterator[ClusterProver]:
    coordinator = Coordinator(Address(cluster.coordinator_url)) if coordinated else None
    desk = Desk(
        Api(Address(cluster.url)),
        cluster.shelf,  # type: ignore[arg-type]  # both ends of one store
        instance,
        coordinator=coordinator,
        waits=waits,
    )
    prover = ClusterProver(desk, OFFER, verifier=verifier)
    try:
        yield prover
    finally:
        await prover.aclose()


async def prove(cluster: ClusterStandIn, **how: Any) -> bytes:
    async with proving(cluster, **how) as prover:
        return (await within(prover.prove(a_task(), FAR))).proof


async def failure(cluster: ClusterStandIn, **how: Any) -> FulfillError:
    async with proving(cluster, **{"waits": IMPATIENT, **how}) as prover:
        with pytest.raises(FulfillError) as failed:
            await within(prover.prove(a_task(), FAR))
    assert "SECRET" not in f"{failed.value!r} {failed.value} {failed.value.advice}"
    return failed.value


def only_the_program_is_left(store: MemoryStore) -> bool:
    return set(store.items) == {PROGRAM}


# --- a proof ---------------------------------------------------------------------------------


async def test_the_proof_is_what_the_cluster_put_into_the_store(cluster: ClusterStandIn):
    cluster.will(MAKES)
    assert await prove(cluster) == PROOF


async def test_workers_find_program_and_input_as_sp1_writes_them(cluster: ClusterStandIn):
    cluster.will(MAKES)
    await prove(cluster)
    ((program, stdin),) = cluster.read
    assert decode_program(unpack(program, 1 << 24), 1 << 24) == sample(".elf")
    assert unpack(stdin, 1 << 24) == sample(".stdin")


async def test_the_request_says_what_the_coordinator_reads(cluster: ClusterStandIn):
    cluster.will(MAKES)
    deadline = time.time() + 1000
    async with proving(cluster) as prover:
        await within(prover.prove(a_task(mode=Mode.COMPRESSED), deadline))
    (request,) = cluster.created
    assert request.options_artifact_id == "2"
    assert request.program_artifact_id == PROGRAM
    assert request.deadline == int(deadline)
    assert request.cycle_limit == request.gas_limit == (1 << 64) - 1
    assert request.scheduled_by == NAME
    assert request.stdin_private
    assert len({request.proof_id, request.stdin_artifact_id, request.proof_artifact_id}) == 3


async def test_a_program_is_uploaded_once_and_stays(cluster: ClusterStandIn, store: MemoryStore):
    cluster.will(MAKES)
    await prove(cluster)
    await prove(cluster)
    assert store.puts.count(PROGRAM) == 1
    assert store.seconds[PROGRAM] is None


async def test_nothing_of_an_input_stays(cluster: ClusterStandIn, store: MemoryStore):
    cluster.will(MAKES)
    await prove(cluster)
    assert only_the_program_is_left(store)
    (row,) = cluster.rows.values()
    assert row.handled


async def test_an_input_outlasts_its_deadline_by_minutes_only(
    cluster: ClusterStandIn, store: MemoryStore
):
    cluster.will(MAKES)
    async with proving(cluster) as prover:
        await within(prover.prove(a_task(), time.time() + 1000))
    seconds = store.seconds[cluster.created[0].stdin_artifact_id]
    assert seconds is not None
    assert 1000 < seconds <= 1300


async def test_it_waits_as_long_as_the_cluster_works(cluster: ClusterStandIn):
    cluster.will(in_turn(hangs, hangs, MAKES))
    assert await prove(cluster) == PROOF
    assert cluster.calls.count("ProofRequestGet") == 3


@pytest.mark.parametrize("method", ["ProofRequestCreate", "ProofRequestGet"])
async def test_an_api_that_restarts_is_waited_for(cluster: ClusterStandIn, method: str):
    cluster.will(MAKES)
    cluster.trouble(method, UNAVAILABLE, Trouble(grpc.StatusCode.INTERNAL))
    assert await prove(cluster) == PROOF
    assert len(cluster.rows) == 1


async def test_a_request_whose_answer_broke_is_not_made_twice(cluster: ClusterStandIn):
    cluster.will(MAKES)
    cluster.lost_replies = 1
    assert await prove(cluster) == PROOF
    assert len(cluster.created) == 2
    assert len(cluster.rows) == 1


@pytest.mark.parametrize("doing", ["put", "get", "holds"])
async def test_a_store_that_restarts_is_waited_for(
    cluster: ClusterStandIn, store: MemoryStore, doing: str
):
    cluster.will(MAKES)
    store.away[doing] = 2
    assert await prove(cluster) == PROOF


# --- lost and asked for again ----------------------------------------------------------------


def evicts(name: str) -> Fate:
    """The store drops an artifact of the request's, and then the cluster works on it."""

    def work(cluster: ClusterStandIn, row: pb.ProofRequest) -> None:
        MAKES(cluster, row)
        cluster.shelf.items.pop(getattr(row, name))  # type: ignore[attr-defined]
        if name != "proof_artifact_id":
            row.proof_status = PENDING
            MAKES(cluster, row)

    return work


@pytest.mark.parametrize("what", ["stdin_artifact_id", "program_artifact_id", "proof_artifact_id"])
async def test_what_the_store_evicts_is_uploaded_and_asked_for_again(
    cluster: ClusterStandIn, store: MemoryStore, what: str
):
    cluster.will(evicts(what), MAKES)
    assert await prove(cluster) == PROOF
    first, second = cluster.created
    assert first.proof_id != second.proof_id
    assert first.stdin_artifact_id != second.stdin_artifact_id
    assert only_the_program_is_left(store)


async def test_a_store_that_evicts_again_and_again_is_a_failure(
    cluster: ClusterStandIn, store: MemoryStore
):
    cluster.will(evicts("stdin_artifact_id"))
    error = await failure(cluster)
    assert isinstance(error, ProverFailed)
    assert "The shelf no longer has what was uploaded" in error.message
    assert len(cluster.created) == 2
    assert only_the_program_is_left(store)


async def test_a_request_that_the_database_lost_is_made_again(cluster: ClusterStandIn):
    cluster.will(lambda stand_in, _: stand_in.forget(), MAKES)
    assert await prove(cluster) == PROOF
    assert len(cluster.created) == 2


async def test_a_coordinator_that_restarts_in_the_middle_takes_the_request_up(
    cluster: ClusterStandIn,
):
    cluster.will(in_turn(lambda c, _: c.restart_coordinator(takes_up=True), MAKES))
    assert await prove(cluster, coordinated=True) == PROOF
    assert len(cluster.created) == 1


async def test_a_request_that_the_coordinator_forgot_is_made_again(
    cluster: ClusterStandIn, store: MemoryStore
):
    cluster.will(lambda stand_in, _: stand_in.restart_coordinator(takes_up=False), MAKES)
    assert await prove(cluster, coordinated=True, waits=FORGETFUL) == PROOF
    orphan, again = cluster.created
    assert cluster.rows[orphan.proof_id].proof_status == CANCELLED
    assert cluster.rows[again.proof_id].proof_status == COMPLETED
    assert only_the_program_is_left(store)


async def test_a_coordinator_that_is_away_has_forgotten_nothing(cluster: ClusterStandIn):
    cluster.will(in_turn(hangs, hangs, MAKES))
    cluster.trouble("GetTaskStatuses", UNAVAILABLE, UNAVAILABLE)
    assert await prove(cluster, coordinated=True, waits=FORGETFUL) == PROOF
    assert len(cluster.created) == 1


UNKNOWN_TASK = '{"proving_failure":{"task_type":"SECRET","reason":""}}'
NO_RUN = '{"status":3,"failure_cause":1,"cycles":9,"gas":0,"failure_message":"SECRET"}'


# --- no proof --------------------------------------------------------------------------------


def ends(status: int) -> Fate:
    def work(_: ClusterStandIn, row: pb.ProofRequest) -> None:
        row.proof_status = status  # type: ignore[assignment]

    return work


@pytest.mark.parametrize(
    ("fate", "text"),
    [
        pytest.param(fails(), "failed to make the proof (ProveShard).", id="a task"),
        pytest.param(fails(UNKNOWN_TASK), "failed to make the proof.", id="an unknown task"),
        pytest.param(fails(NO_RUN), "does not run there", id="an execution"),
        pytest.param(fails("SECRET"), "failed to make the proof.", id="no JSON"),
        pytest.param(fails(""), "failed to make the proof.", id="nothing"),
        pytest.param(ends(CANCELLED), "Somebody cancelled", id="cancelled"),
        pytest.param(ends(0), "does not exist", id="unspecified"),
        pytest.param(ends(77), "does not exist", id="unknown"),
    ],
)
async def test_an_end_without_a_proof_is_named_without_the_clusters_words(
    cluster: ClusterStandIn, store: MemoryStore, fate: Fate, text: str
):
    cluster.will(fate)
    error = await failure(cluster)
    assert isinstance(error, ProverFailed)
    assert text in error.message
    assert len(cluster.created) == 1
    assert only_the_program_is_left(store)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, ProverFailed),
        (grpc.StatusCode.UNAVAILABLE, ProverUnavailable),
        (grpc.StatusCode.UNIMPLEMENTED, ProverUnavailable),
        (grpc.StatusCode.UNAUTHENTICATED, ProverUnavailable),
    ],
)
async def test_a_refusal_tells_whose_fault_it_is(
    cluster: ClusterStandIn, store: MemoryStore, code: grpc.StatusCode, kind: type[FulfillError]
):
    cluster.will(MAKES)
    cluster.trouble("ProofRequestCreate", *[Trouble(code, "a SECRET")] * 100)
    error = await failure(cluster)
    assert type(error) is kind
    assert code.name in error.message
    assert only_the_program_is_left(store)


async def test_an_answer_that_is_none_is_a_failure_of_ours(cluster: ClusterStandIn):
    cluster.will(MAKES)
    cluster.trouble("ProofRequestGet", b"\xff\xff")
    assert "answer is none" in (await failure(cluster)).message


@pytest.mark.parametrize(
    "proof",
    [
        pytest.param(b"\x28\xb5\x2f\xfd broken", id="no frame"),
        pytest.param(PACKED[:-9], id="cut"),
        pytest.param(PACKED + b"more", id="followed by something"),
    ],
)
async def test_a_proof_that_is_broken_is_a_failure(cluster: ClusterStandIn, proof: bytes):
    cluster.will(proves(proof))
    error = await failure(cluster)
    assert isinstance(error, ProverFailed)
    assert "proof cannot be read" in error.message


async def test_a_store_that_stays_away_makes_the_prover_unavailable(
    cluster: ClusterStandIn, store: MemoryStore
):
    store.away["put"] = 1000
    assert isinstance(await failure(cluster), ProverUnavailable)
    assert cluster.created == []


@pytest.mark.parametrize("coordinated", [False, True])
async def test_a_request_that_nobody_waits_for_is_stopped_and_cleared_up(
    cluster: ClusterStandIn, store: MemoryStore, coordinated: bool
):
    cluster.will(hangs)
    async with proving(cluster, coordinated=coordinated) as prover:
        work = asyncio.ensure_future(prover.prove(a_task(), FAR))
        await asyncio.to_thread(cluster.asked("ProofRequestGet").wait, 30)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await within(work)
    (row,) = cluster.rows.values()
    assert (row.proof_status, row.handled) == (CANCELLED, True)
    assert cluster.stopped == ([row.id] if coordinated else [])
    assert only_the_program_is_left(store)


async def test_a_request_that_hangs_ends_at_its_deadline(
    cluster: ClusterStandIn, store: MemoryStore, listener: WorkerListener
):
    cluster.will(hangs)
    listener.offer(work := sample_work(mode=Mode.CORE, deadline=int(time.time()) + 2))
    async with proving(cluster) as prover, working(listener, prover):
        await listener.eventually(lambda: work.failure)
    assert work.failure is not None
    assert "deadline passed" in work.failure.text
    (row,) = cluster.rows.values()
    assert (row.proof_status, row.handled) == (CANCELLED, True)
    assert only_the_program_is_left(store)


# --- what an earlier life left ---------------------------------------------------------------


def left_over(status: int, instance: str, number: int) -> pb.ProofRequest:
    return pb.ProofRequest(
        id=f"req_{number}",
        proof_status=status,  # type: ignore[arg-type]
        stdin_artifact_id=f"stdin_{number}",
        proof_artifact_id=f"proof_{number}",
        scheduled_by=instance,
    )


async def test_what_a_worker_left_that_died_is_cleared_up_when_it_comes_back(
    cluster: ClusterStandIn, store: MemoryStore
):
    for number, status in enumerate((PENDING, COMPLETED, FAILED)):
        cluster.add(left_over(status, NAME, number))
    cluster.add(left_over(PENDING, "sp1tee/worker-2", 9))
    for number in (0, 1, 2, 9):
        store.items |= {f"stdin_{number}": b"in", f"proof_{number}": b"out"}
    cluster.will(MAKES)
    assert await prove(cluster) == PROOF
    assert set(store.items) == {PROGRAM, "stdin_9", "proof_9"}
    assert [cluster.rows[f"req_{n}"].proof_status for n in (0, 1, 2, 9)] == [
        CANCELLED,
        COMPLETED,
        FAILED,
        PENDING,
    ]
    assert [cluster.rows[f"req_{n}"].handled for n in (0, 1, 2, 9)] == [True, True, True, False]


async def test_what_cannot_be_removed_at_once_is_removed_before_the_next_request(
    cluster: ClusterStandIn, store: MemoryStore
):
    cluster.will(MAKES)
    async with proving(cluster) as prover:
        store.away["delete"] = 1
        await within(prover.prove(a_task(), FAR))
        (first,) = cluster.rows
        assert not cluster.rows[first].handled
        assert cluster.created[0].stdin_artifact_id in store.items
        await within(prover.prove(a_task(), FAR))
    assert cluster.rows[first].handled
    assert only_the_program_is_left(store)


async def test_a_left_over_that_cannot_be_removed_keeps_no_other(
    cluster: ClusterStandIn, store: MemoryStore
):
    for number in (0, 1):
        cluster.add(left_over(COMPLETED, NAME, number))
        store.items[f"stdin_{number}"] = b"in"
    store.away["delete"] = 1
    cluster.will(MAKES)
    async with proving(cluster) as prover:
        await within(prover.prove(a_task(), FAR))
        assert [cluster.rows[f"req_{n}"].handled for n in (0, 1)] == [False, True]
        await within(prover.prove(a_task(), FAR))
    assert cluster.rows["req_0"].handled
    assert only_the_program_is_left(store)


async def test_another_slots_request_is_no_left_over(cluster: ClusterStandIn):
    cluster.will(hangs, MAKES)
    async with proving(cluster) as prover:
        first = asyncio.ensure_future(prover.prove(a_task(), FAR))
        await asyncio.to_thread(cluster.asked("ProofRequestGet").wait, 30)
        prover._desk._unsettled = True
        await within(prover.prove(a_task(), FAR))
        assert cluster.rows[cluster.created[0].proof_id].proof_status == PENDING
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await within(first)


async def test_a_cluster_that_cannot_list_still_proves(cluster: ClusterStandIn):
    cluster.will(MAKES)
    cluster.trouble("ProofRequestList", Trouble(grpc.StatusCode.INVALID_ARGUMENT))
    assert await prove(cluster) == PROOF


# --- in a worker -----------------------------------------------------------------------------


async def test_a_worker_hands_in_what_the_cluster_made(
    cluster: ClusterStandIn, listener: WorkerListener
):
    cluster.will(MAKES)
    listener.offer(work := sample_work(mode=Mode.CORE))
    async with proving(cluster) as prover, working(listener, prover):
        await listener.eventually(lambda: work.finishes)
    assert work.proof == PROOF


async def test_a_clusters_proof_is_verified_here(cluster: ClusterStandIn, tmp_path: Any):
    judge = GpuServer(tmp_path / "judge", info=info())
    judge.refuted = b"invalid evaluation"
    with judge.serving():
        verifier = Verifier(ForeignServer(judge.path))
        async with proving(cluster, verifier=verifier) as prover:
            with pytest.raises(ProverFailed, match=r"refuses the cluster.s proof: invalid eval"):
                await within(prover.verify(a_task(), Made(PROOF, sample("-vk.bin"))))


# --- is it fit? ------------------------------------------------------------------------------


async def test_a_cluster_with_everything_is_fit(cluster: ClusterStandIn, store: MemoryStore):
    async with proving(cluster, coordinated=True) as prover:
        await within(prover.check())
        assert prover.capabilities()[0].version == V6.text
    assert store.items == {}


async def unfit(cluster: ClusterStandIn, **how: Any) -> str:
    async with proving(cluster, **how) as prover:
        with pytest.raises(ProverUnavailable) as found:
            await within(prover.check())
    return found.value.message


async def test_a_cluster_of_another_circuit_is_not_fit(cluster: ClusterStandIn):
    cluster.stats.sp1_circuit_version = "v6.0.0"
    assert "another circuit version" in await unfit(cluster, coordinated=True)


async def test_a_store_that_keeps_nothing_is_not_fit(cluster: ClusterStandIn, store: MemoryStore):
    store.keeps = False
    assert "does not keep" in await unfit(cluster)


async def test_an_api_that_is_none_is_not_fit(cluster: ClusterStandIn):
    cluster.trouble("Healthcheck", Trouble(grpc.StatusCode.UNIMPLEMENTED))
    assert "ask for nothing" in await unfit(cluster)


async def survey(cluster: ClusterStandIn) -> Any:
    async with proving(cluster) as prover:
        return {check.name: check for check in await within(prover.survey())}


async def test_a_doctor_counts_what_the_cluster_consists_of(cluster: ClusterStandIn):
    cluster.manifest.updated_at = int(time.time())
    for component in ("coordinator", "gpu-node", "gpu-node"):
        cluster.manifest.components.add(component=component, version="2.7.2")
    check = (await survey(cluster))["cluster"]
    assert check.ok
    assert "1 coordinator 2.7.2, 2 gpu-node 2.7.2" in check.text


async def test_a_doctor_misses_a_coordinator_that_is_silent(cluster: ClusterStandIn):
    cluster.manifest.updated_at = int(time.time()) - 3600
    check = (await survey(cluster))["cluster"]
    assert (check.ok, check.needed) == (False, False)
    assert "see its log" in check.advice


async def test_a_doctor_misses_nodes(cluster: ClusterStandIn):
    cluster.manifest.updated_at = int(time.time())
    cluster.manifest.components.add(component="coordinator", version="2.7.2")
    check = (await survey(cluster))["cluster"]
    assert (check.ok, check.needed) == (False, False)
    assert "No node" in check.advice


async def test_a_doctor_does_not_trip_over_a_time_that_cannot_be(cluster: ClusterStandIn):
    cluster.manifest.updated_at = (1 << 64) - 1
    assert "does not exist" in (await survey(cluster))["cluster"].text


async def test_a_doctor_says_what_it_does_not_know(cluster: ClusterStandIn):
    assert "not heard" in (await survey(cluster))["cluster"].text
    cluster.trouble("GetClusterComponentInfo", Trouble(grpc.StatusCode.UNIMPLEMENTED))
    assert "not heard" in (await survey(cluster))["cluster"].text


async def test_a_doctor_repeats_what_the_store_says(cluster: ClusterStandIn, store: MemoryStore):
    store.state = (False, "It evicts.", "Set it up.")
    check = (await survey(cluster))["cluster store"]
    assert (check.ok, check.text, check.needed) == (False, "It evicts.", False)
    store.away["health"] = 1
    assert not (await survey(cluster))["cluster store"].ok
