"""Settings every test shares."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Asyncio is what the servers run on."""
    return "asyncio"
