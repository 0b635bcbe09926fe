"""A cluster that only executes counts gas; it is asked when it matters, and believed when it fits."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Any

import grpc
import pytest
from support.cluster import ClusterStandIn, MemoryStore, Trouble, executes, fails, hangs
from support.cluster_tasks import PROGRAM
from support.fulfilling import CLEAN_RUN, ScriptedExecutor, failed_run, sample_work, within, working
from support.wire_data import SAMPLE_PUBLIC_VALUES, sample
from support.worker_listener import WorkerListener

from sp1tee.errors import ExecutorUnavailable
from sp1tee.fulfill.executors import Cause, Execution, Limits
from sp1tee.fulfill.provers.cluster.desk import Desk, Waits
from sp1tee.fulfill.provers.cluster.line import Address, Api
from sp1tee.fulfill.provers.cluster.oracle import CountsGas, Oracle
from sp1tee.wire.stdin import StdinLimits, decode_stdin
from sp1tee.wire.versions import Family

pytestmark = pytest.mark.anyio

STDIN = decode_stdin(sample(".stdin"), StdinLimits(size=1 << 20))
LIMITS = Limits(cycles=None, memory_bytes=1 << 30, seconds=30.0)
HASH = list(sha256(SAMPLE_PUBLIC_VALUES).digest())
REPORT = {
    "status": 2,
    "failure_cause": 0,
    "cycles": CLEAN_RUN.cycles,
    "gas": 777,
    "public_values_hash": HASH,
}


def says(**changes: Any) -> Any:
    return executes(json.dumps({**REPORT, **changes}))


@asynccontextmanager
async def counting(
    cluster: ClusterStandIn, run: Execution = CLEAN_RUN, *, patience: float = 30.0
) -> AsyncIterator[CountsGas]:
    store: Any = cluster.shelf
    desk = Desk(Api(Address(cluster.url)), store, "sp1tee/one", waits=Waits(patience=patience))
    executor = CountsGas(ScriptedExecutor(run), Oracle(desk))
    try:
        yield executor
    finally:
        await executor.aclose()


async def execute(
    cluster: ClusterStandIn,
    run: Execution = CLEAN_RUN,
    *,
    family: Family = Family.V6,
    patience: float = 30.0,
    **limits: Any,
) -> Execution:
    async with counting(cluster, run, patience=patience) as executor:
        work = executor.execute(
            sample(".elf"), STDIN, family=family, limits=replace(LIMITS, **limits), tenant="t"
        )
        return await within(work)


async def test_a_clean_run_has_the_gas_that_the_oracle_counts(
    cluster: ClusterStandIn, store: MemoryStore
):
    cluster.will(says())
    assert await execute(cluster) == replace(CLEAN_RUN, gas=777)
    assert set(store.items) == {PROGRAM}
    assert next(iter(cluster.rows.values())).handled


async def test_more_gas_than_is_allowed_ends_the_run(cluster: ClusterStandIn):
    cluster.will(says())
    run = await execute(cluster, gas=776)
    assert run.cause is Cause.EXCEEDED_GAS_LIMIT
    assert "777" in run.text
    assert (await execute(cluster, gas=777)).cause is None


@pytest.mark.parametrize(
    ("run", "family"),
    [
        pytest.param(replace(CLEAN_RUN, gas=5), Family.V6, id="gas is known"),
        pytest.param(failed_run(Cause.BREAKPOINT), Family.V6, id="the run failed"),
        pytest.param(replace(CLEAN_RUN, exit_code=1), Family.V6, id="the program failed"),
        pytest.param(CLEAN_RUN, Family.V5, id="another SP1"),
    ],
)
async def test_the_oracle_is_not_asked_in_vain(
    cluster: ClusterStandIn, run: Execution, family: Family
):
    assert await execute(cluster, run, family=family) == run
    assert cluster.calls == []


@pytest.mark.parametrize(
    "fate",
    [
        pytest.param(says(cycles=1), id="other cycles"),
        pytest.param(says(public_values_hash=[0] * 32), id="other public values"),
        pytest.param(says(public_values_hash=[]), id="no public values"),
        pytest.param(says(status=3), id="a failed run"),
        pytest.param(says(gas=-1), id="negative gas"),
        pytest.param(says(gas="777"), id="gas in words"),
        pytest.param(says(gas=True), id="no number"),
        pytest.param(says(public_values_hash=[256] * 32), id="no bytes"),
        pytest.param(executes("[]"), id="a list"),
        pytest.param(executes(""), id="nothing"),
        pytest.param(executes("[" * 60_000), id="deep"),
        pytest.param(executes(f'"{"x" * 70_000}"'), id="long"),
        pytest.param(fails(), id="failure"),
    ],
)
async def test_what_does_not_fit_the_run_here_does_not_count(cluster: ClusterStandIn, fate: Any):
    cluster.will(fate)
    assert await execute(cluster) == CLEAN_RUN
    with pytest.raises(ExecutorUnavailable, match="limit to gas") as unavailable:
        await execute(cluster, gas=1000)
    assert "--cluster-oracle-url" in unavailable.value.advice


async def test_an_oracle_that_is_away_counts_nothing(cluster: ClusterStandIn):
    cluster.trouble("ProofRequestCreate", *[Trouble(grpc.StatusCode.UNAVAILABLE)] * 100)
    assert await execute(cluster, patience=0.1) == CLEAN_RUN


async def test_an_oracle_that_hangs_has_as_long_as_a_run_may_take(
    cluster: ClusterStandIn, store: MemoryStore
):
    cluster.will(hangs)
    assert await execute(cluster, seconds=0.5) == CLEAN_RUN
    assert set(store.items) == {PROGRAM}


async def test_a_run_that_nobody_waits_for_is_cleared_up(
    cluster: ClusterStandIn, store: MemoryStore
):
    cluster.will(hangs)
    work = asyncio.ensure_future(execute(cluster))
    await asyncio.to_thread(cluster.asked("ProofRequestGet").wait, 30)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await within(work)
    assert set(store.items) == {PROGRAM}


async def test_who_runs_programs_is_told_with_who_counts(cluster: ClusterStandIn):
    async with counting(cluster) as executor:
        assert executor.name == "scripted, gas by the cluster's oracle"
        assert executor.verifies == frozenset()


async def test_a_requesters_limit_to_gas_is_kept(cluster: ClusterStandIn, listener: WorkerListener):
    cluster.will(says())
    listener.offer(work := sample_work(gas_limit=700))
    async with counting(cluster) as executor, working(listener, executor=executor):
        await listener.eventually(lambda: work.failure)
    assert work.failure is not None
    assert work.failure.cause == Cause.EXCEEDED_GAS_LIMIT
    assert "777 gas; 700 are allowed" in work.failure.text
