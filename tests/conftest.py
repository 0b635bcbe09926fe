"""Settings every test shares."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import settings

# Nothing is ever asserted about time: the machines that run this are shared.
settings.register_profile("sp1tee", deadline=None)
settings.load_profile("sp1tee")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asyncio is what the servers run on."""
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
async def one_loop(anyio_backend: str) -> AsyncIterator[None]:
    """Keep one event loop for all tests.

    grpc.aio has one queue of events for the process: an event of a closed loop that comes late is
    thrown into whichever loop runs next.
    """
    yield  # noqa: PT022 - a fixture that returned would not hold the loop
