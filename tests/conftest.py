"""Settings every test shares."""

import pytest
from hypothesis import settings

# Nothing is ever asserted about time: the machines that run this are shared.
settings.register_profile("sp1tee", deadline=None)
settings.load_profile("sp1tee")


@pytest.fixture
def anyio_backend() -> str:
    """Asyncio is what the servers run on."""
    return "asyncio"
