"""A store that each test has to itself."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.stores import Room, opened


@pytest.fixture
async def room(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Room]:
    async with opened(tmp_path / "data") as room:
        yield room
