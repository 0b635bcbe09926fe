"""What a worker tells Prometheus of its own work."""

import socket
from collections.abc import Mapping

import httpx
import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.parser import text_string_to_metric_families
from support.fulfilling import (
    ScriptedExecutor,
    ScriptedProver,
    Worker,
    failed_run,
    sample_work,
    working,
)
from support.worker_listener import WorkerListener

from sp1tee.errors import ListenError
from sp1tee.fulfill import catalogue
from sp1tee.fulfill.executors import Cause
from sp1tee.fulfill.metrics_listener import metrics_listener
from sp1tee.fulfill.provers.mock import MockProver
from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.fulfill.slots import Slots

pytestmark = pytest.mark.anyio


def value(worker: Worker, name: str, **labels: str) -> float | None:
    return worker.tools.figures.registry.get_sample_value(name, labels)


def ended(worker: Worker, result: str) -> float | None:
    return value(worker, "sp1tee_worker_proofs_total", mode="groth16", result=result)


async def test_a_proof_that_is_handed_in_shows_with_its_stages(listener: WorkerListener) -> None:
    work = sample_work()
    async with working(listener, ScriptedProver().open()) as worker:
        listener.offer(work)
        await listener.eventually(lambda: ended(worker, "handed_in") == 1)
        for stage in ("fetching", "executing", "waiting", "proving", "checking", "handing_in"):
            assert value(worker, "sp1tee_worker_stage_seconds_count", stage=stage) == 1
            assert value(worker, "sp1tee_worker_jobs", stage=stage) == 0
        assert value(worker, "sp1tee_worker_executions_total", outcome="finished") == 1


async def test_a_busy_prover_and_what_waits_for_it_show(listener: WorkerListener) -> None:
    prover = ScriptedProver()
    async with working(listener, prover) as worker:
        listener.offer(sample_work(), sample_work())
        await listener.eventually(lambda: value(worker, "sp1tee_worker_jobs", stage="waiting") == 1)
        assert value(worker, "sp1tee_worker_jobs", stage="proving") == 1
        assert value(worker, "sp1tee_worker_slots", state="busy") == 1
        assert value(worker, "sp1tee_worker_slots", state="free") == 0
        assert value(worker, "sp1tee_worker_fit") == 1
        prover.open()


async def test_a_program_that_fails_and_one_that_breaks_its_executor_are_told_apart(
    listener: WorkerListener,
) -> None:
    executor = ScriptedExecutor(failed_run(Cause.HALT_WITH_NON_ZERO_EXIT_CODE), crashes=1)
    async with working(listener, ScriptedProver().open(), executor=executor) as worker:
        listener.offer(sample_work())
        await listener.eventually(lambda: ended(worker, "failed") == 1)
        assert value(worker, "sp1tee_worker_executions_total", outcome="crashed") == 1
        assert value(worker, "sp1tee_worker_executions_total", outcome="failed") == 1


async def test_a_request_that_the_server_drops_is_lost(listener: WorkerListener) -> None:
    prover, work = ScriptedProver(), sample_work(ttl_ms=300)
    async with working(listener, prover) as worker:
        listener.offer(work)
        await prover.started.wait()
        listener.drop(work)
        await listener.eventually(lambda: ended(worker, "lost") == 1)


async def test_what_is_under_way_when_a_worker_stops_is_given_back(
    listener: WorkerListener,
) -> None:
    prover = ScriptedProver()
    async with working(listener, prover, drain_s=0) as worker:
        listener.offer(sample_work())
        await prover.started.wait()
    assert ended(worker, "given_back") == 1


async def test_a_mode_that_nobody_knows_has_one_name(listener: WorkerListener) -> None:
    listener.careless = True
    async with working(listener, ScriptedProver().open()) as worker:
        listener.offer(sample_work(mode=77))
        await listener.eventually(
            lambda: value(worker, "sp1tee_worker_proofs_total", mode="unknown", result="passed_on")
        )


class Restarted(MockProver):
    """A prover whose process was started so often."""

    def __init__(self, starts: int) -> None:
        self.starts = starts


async def test_starts_of_provers_processes_are_counted_together(listener: WorkerListener) -> None:
    async with working(listener, Restarted(1), Restarted(3)) as worker:
        assert value(worker, "sp1tee_worker_prover_starts_total") == 4
    assert Slots([MockProver()]).starts == 0


@pytest.fixture
async def page(listener: WorkerListener) -> Mapping[str, str]:
    """What a worker told after a proof, its metrics' kinds by name."""
    async with working(listener, ScriptedProver().open()) as worker:
        listener.offer(sample_work())
        await listener.eventually(lambda: ended(worker, "handed_in") == 1)
        with metrics_listener("127.0.0.1:0", worker.tools.figures.registry) as url:
            async with httpx.AsyncClient() as client:
                text = (await client.get(url)).text
    families = text_string_to_metric_families(text)
    return {f"{x.name}_total" if x.type == "counter" else x.name: x.type for x in families}


async def test_the_page_has_exactly_what_the_documents_say(page: Mapping[str, str]) -> None:
    assert page == {metric.name: metric.kind for metric in catalogue.METRICS}


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:0"])
async def test_the_page_is_where_the_operator_wants_it(address: str) -> None:
    registry = CollectorRegistry()
    Gauge("example", "An example.", registry=registry).set(3)
    with metrics_listener(address, registry) as url:
        assert url.startswith(f"http://{address[:-1]}")
        async with httpx.AsyncClient() as client:
            assert "example 3.0" in (await client.get(url)).text


def test_an_address_that_is_taken_is_said_to_be() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with (
            pytest.raises(ListenError, match="metrics_listen"),
            metrics_listener(address, CollectorRegistry()),
        ):
            pass


def test_a_client_that_goes_away_stops_nobody() -> None:
    with metrics_listener("127.0.0.1:0", CollectorRegistry()) as url:
        port = httpx.URL(url).port or 0
        for said in (b"\xff\xfe\r\n\r\n", b"GET /metrics HTTP/1.1\r\n", b""):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(said)
        assert httpx.get(url).status_code == 200


@pytest.mark.parametrize(
    ("written", "address"), [("9464", "127.0.0.1:9464"), ("[::1]:1", "[::1]:1")]
)
def test_a_port_alone_is_one_of_this_machine(written: str, address: str) -> None:
    assert FulfillSettings(metrics_listen=written).metrics_listen == address


@pytest.mark.parametrize("written", ["99999", "host:1", "127.0.0.1", "", "²"])
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="metrics_listen"):
        FulfillSettings(metrics_listen=written)
