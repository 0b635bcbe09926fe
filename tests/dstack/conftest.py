"""A synthetic guest's agent, at a socket of this test's."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from sp1tee.sim.ingress import Host

AT = 1_790_000_000


@pytest.fixture
def host() -> Host:
    return Host(at=AT)


@pytest.fixture
def socket() -> Iterator[Path]:
    """A path for a socket: short, because the kernel takes 107 bytes."""
    with TemporaryDirectory(prefix="s") as folder:
        yield Path(os.path.realpath(folder), "dstack.sock")
