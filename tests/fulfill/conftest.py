"""What tests of the worker share."""

from collections.abc import Iterator

import pytest
from support.worker_listener import WorkerListener


@pytest.fixture
def listener() -> Iterator[WorkerListener]:
    with WorkerListener().serving() as listener:
        yield listener
