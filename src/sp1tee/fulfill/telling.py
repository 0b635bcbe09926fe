"""The last word on a request that this worker does not prove."""

import asyncio

from sp1tee.errors import FulfillError, JobFailed, LeaseGone, WorkerTokenRefused
from sp1tee.fulfill.executors import Execution
from sp1tee.fulfill.lease import Lease
from sp1tee.fulfill.patience import persist
from sp1tee.fulfill.server import Server
from sp1tee.logs import get

_RELEASE_SECONDS = 10.0

_log = get(__name__)


async def tell_failure(
    server: Server, lease: Lease, failure: JobFailed, execution: Execution | None, seconds: float
) -> None:
    """Say why there will be no proof, offering it for so many seconds.

    Raises:
        WorkerTokenRefused: nothing of this worker is taken any more.
    """
    _log.warning("no proof", reason=failure.message, retryable=failure.retryable)

    async def tell() -> None:
        await server.fail(lease, failure, execution)

    try:
        async with asyncio.timeout(seconds):
            await persist("telling of a failure", tell)
    except WorkerTokenRefused:
        raise
    except (FulfillError, TimeoutError) as error:
        _log.info("the failure was not taken", reason=str(error))


async def give_back(server: Server, lease: Lease) -> None:
    """Give a request back as if it had never been leased; if that fails the lease just ends."""

    async def release() -> None:
        await server.release(lease)

    try:
        async with asyncio.timeout(_RELEASE_SECONDS):
            await persist("giving back", release)
    except LeaseGone as gone:
        _log.info("lease gone", reason=gone.message, **lease.names)
    except (FulfillError, TimeoutError) as error:
        # The lease ends by itself soon; somebody else gets the request then.
        _log.warning("not given back", reason=str(error), **lease.names)
    else:
        _log.info("given back", **lease.names)
