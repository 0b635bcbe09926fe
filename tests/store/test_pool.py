"""Threads for work on bytes and disks: what was begun ends, whatever becomes of who asked."""

import asyncio
import gc
import threading
from typing import Any

import pytest

from sp1tee.store.pool import Pool

pytestmark = pytest.mark.anyio


async def test_a_failure_that_nobody_waits_for_any_more_is_nobody_s() -> None:
    unheard: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    usual = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, told: unheard.append(told))
    go_on, pool = threading.Event(), Pool(1, "test")

    ours = OSError("the disk")

    def fail() -> None:
        go_on.wait()
        raise ours

    try:
        waiting = asyncio.ensure_future(pool.run(fail))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    finally:
        go_on.set()
        await pool.aclose()
    await asyncio.sleep(0)
    gc.collect()
    loop.set_exception_handler(usual)
    assert ours not in [told.get("exception") for told in unheard]


async def test_a_failure_reaches_who_waits() -> None:
    def fail() -> None:
        raise OSError("the disk")

    pool = Pool(1, "test")
    with pytest.raises(OSError, match="the disk"):
        await pool.run(fail)
    await pool.aclose()
