"""A stand-in server, and a requester who loses no time between attempts."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina
from support.prover_stand_in import ProverStandIn
from support.wire_data import key, sample

from sp1tee.client import Patience, Program, Requester

HASTY = Patience(give_up_s=20, first_wait_s=0.001, longest_wait_s=0.01, jitter_s=0)


@pytest.fixture(autouse=True)
def _no_retry_logs() -> Iterator[None]:
    stamina.instrumentation.set_on_retry_hooks([])
    yield
    stamina.instrumentation.set_on_retry_hooks(None)


@pytest.fixture
def server() -> Iterator[ProverStandIn]:
    with ProverStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def requester(server: ProverStandIn) -> Iterator[Requester]:
    with Requester.at(server.url, key("test_key_1"), patience=HASTY) as made:
        yield made


@pytest.fixture
def elf(tmp_path: Path) -> Path:
    path = tmp_path / "solvency.elf"
    path.write_bytes(sample(".elf"))
    return path


@pytest.fixture
def program(elf: Path) -> Program:
    elf.with_name("solvency.elf.vk").write_bytes(sample("-vk.bin"))
    return Program.read(elf)
