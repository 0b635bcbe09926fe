"""A cluster on loopback ports, and a prover that asks it."""

from collections.abc import Iterator

import pytest
from support.cluster import ClusterStandIn, MemoryStore
from support.worker_listener import WorkerListener


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def cluster(store: MemoryStore) -> Iterator[ClusterStandIn]:
    with ClusterStandIn(store) as cluster:
        yield cluster


@pytest.fixture
def listener() -> Iterator[WorkerListener]:
    with WorkerListener().serving() as listener:
        yield listener
