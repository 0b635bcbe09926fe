"""Rows of the matrix run side by side, because the SDK takes seconds to set a program up."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
from conformance.matrix import Row
from conformance.places import a_place, start
from conformance.tasks import Tasks, write_tasks
from support.lookout import looking_out
from support.native_programs import Said, find_prover, sdk_at_work, sdk_program

from sp1tee.sim.processes import Process

AT_ONCE: Final = 4

Ask = Callable[[Row], Said]


@pytest.fixture(scope="module", autouse=True)
def canary() -> Iterator[None]:
    """No input of any test may show anywhere, whether the test thinks of it or not."""
    with looking_out():
        yield


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Tasks:
    return write_tasks(tmp_path_factory.mktemp("requester"))


@pytest.fixture(scope="module")
def ask(
    request: pytest.FixtureRequest, tasks: Tasks, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ask]:
    """How a row's run ended. Whoever asks first starts the runs of all the module's tests."""
    sdk_program()
    rows, folder = _rows(request), tmp_path_factory.mktemp("rows")
    names = sorted({row.place for row in rows})
    sample, secrets = tasks["sample"], [part for task in tasks.values() for part in task.secret]
    with ExitStack() as stack:
        places = [stack.enter_context(a_place(folder / name, sample, secrets)) for name in names]
        pool = ThreadPoolExecutor(AT_ONCE)
        stack.callback(pool.shutdown, cancel_futures=True)
        servers = dict(zip(names, pool.map(start, names, places), strict=True))

        def begin(row: Row) -> Future[Said]:
            return pool.submit(_run, row, servers[row.place], tasks, folder)

        # Two who find at once that a program is new both register it, and one of them is refused,
        # by the Prover Network as by its simulator.
        first = {(row.place, row.task): row for row in reversed(rows)}.values()
        runs = {row.name: begin(row) for row in first}
        wait(runs.values())
        runs |= {row.name: begin(row) for row in rows if row.name not in runs}
        yield lambda row: runs[row.name].result()


def _rows(request: pytest.FixtureRequest) -> list[Row]:
    """The rows of those tests of this module that were chosen and can be run."""
    items = [item for item in request.session.items if item.parent is request.node]
    rows = [item.callspec.params["row"] for item in items if hasattr(item, "callspec")]
    return [row for row in rows if not row.native or find_prover()]


def _run(row: Row, server: Process, tasks: Tasks, folder: Path) -> Said:
    own = folder / row.name
    own.mkdir()
    task, url = tasks[row.task], server.public_url
    arguments = row.arguments(url, str(task.elf), str(task.stdin))
    with sdk_at_work(own, *arguments, variables=row.environment(url)) as run:
        return run.said()
