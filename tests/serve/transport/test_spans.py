"""What spans say of calls and requests, of a real server on real sockets."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest
from grpc.aio import AioRpcError
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode, Tracer
from support.running import AUTH, Running, lease_request, running
from support.serving import record

from sp1tee.serve import service
from sp1tee.serve.spans import RequestSpans
from sp1tee.store.records import State
from sp1tee.wire.pb import worker_pb2

pytestmark = pytest.mark.anyio

LINK = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter) -> TracerProvider:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


@pytest.fixture
async def served(
    tmp_path: Path, provider: TracerProvider, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Running]:
    @contextmanager
    def tracing(_: str) -> Iterator[Tracer]:
        yield provider.get_tracer("tests")

    monkeypatch.setattr(service, "tracing", tracing)
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(running(tmp_path))


def named(exporter: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in exporter.get_finished_spans() if span.name == name]


async def test_a_path_that_nobody_knows_is_in_no_span(
    served: Running, exporter: InMemorySpanExporter
) -> None:
    await served.public.get("/hunter2/nowhere?token=hunter2")
    with pytest.raises(AioRpcError):
        await served.channel.unary_unary("/hunter2.Service/hunter2")(b"")
    names = {span.name for span in exporter.get_finished_spans()}
    assert names == {"GET (unknown path)", "(unknown method)"}
    assert "hunter2" not in "".join(span.to_json() for span in exporter.get_finished_spans())


async def test_strangers_do_not_say_where_their_spans_belong_and_workers_do(
    served: Running, exporter: InMemorySpanExporter
) -> None:
    await served.public.get("/nowhere", headers={"traceparent": LINK})
    await served.worker.get("/nowhere", headers={"traceparent": LINK})
    stranger, worker = named(exporter, "GET (unknown path)")
    assert stranger.parent is None
    assert worker.parent is not None
    assert f"{worker.parent.trace_id:032x}" == "ab" * 16


@pytest.mark.parametrize(
    "said", ["", "nonsense", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "\xff"]
)
async def test_a_link_that_is_none_is_no_fault(
    served: Running, exporter: InMemorySpanExporter, said: str
) -> None:
    headers = [(b"traceparent", said.encode("latin-1"))]
    assert (await served.worker.get("/nowhere", headers=headers)).status_code == 404
    assert named(exporter, "GET (unknown path)")[0].parent is None


async def test_a_lease_says_which_span_its_work_belongs_to(
    served: Running, exporter: InMemorySpanExporter
) -> None:
    await served.queued()
    call = served.workers.Lease(lease_request(), metadata=AUTH)
    lease = (await call).lease
    link = str(dict(await call.trailing_metadata())["traceparent"])
    await served.workers.Release(
        worker_pb2.ReleaseRequest(lease_id=lease.lease_id, lease_token=lease.lease_token),
        metadata=AUTH,
    )
    (leased,) = named(exporter, "leased")
    assert f"{leased.get_span_context().span_id:016x}" in link


async def test_what_fails_is_marked_and_what_is_dull_has_no_span(
    served: Running, exporter: InMemorySpanExporter
) -> None:
    with pytest.raises(AioRpcError):
        await served.workers.Heartbeat(worker_pb2.HeartbeatRequest(worker="gpu-1"))
    (call,) = named(exporter, "sp1tee.worker.v1.Workers/Heartbeat")
    assert call.status.status_code is StatusCode.ERROR
    exporter.clear()
    await served.worker.get("/metrics")
    await served.worker.get("/health/ready")
    assert exporter.get_finished_spans() == ()


def test_a_request_that_ends_without_a_proof_is_marked(
    provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    spans = RequestSpans(provider.get_tracer("tests"))
    for state in (State.QUEUED, State.QUEUED, State.EXPIRED, State.EXPIRED):
        spans.changed(record(state=state))
    queued, whole = exporter.get_finished_spans()
    assert (queued.name, whole.name) == ("queued", "request")
    assert whole.status.status_code is StatusCode.ERROR
    assert spans.traceparent("req_1") == ""


def test_a_server_that_stops_ends_the_spans_of_what_is_open(
    provider: TracerProvider, exporter: InMemorySpanExporter
) -> None:
    spans = RequestSpans(provider.get_tracer("tests"))
    spans.changed(record(state=State.QUEUED))
    spans.end()
    assert [span.name for span in exporter.get_finished_spans()] == ["queued", "request"]
