"""Which kinds of proof a native server is offered for: what it can make, or is let to."""

from pathlib import Path

import pytest
from support.gpu_server import GpuServer, info
from support.wire_data import real_proof, sample

from sp1tee.errors import ProverUnavailable
from sp1tee.fulfill.provers.sp1_look import Choice, look
from sp1tee.fulfill.provers.sp1_opening import Sp1Plan
from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.native.process import ForeignServer
from sp1tee.settings import load
from sp1tee.wire.modes import Mode

GB = 10**9
ALL = frozenset(Mode)
SNARKS = frozenset({Mode.PLONK, Mode.GROTH16})


def offered(folder: Path, choice: Choice, who: bytes | None = None) -> frozenset[Mode]:
    """What a server makes; a GPU server, unless it says who it is."""
    server = GpuServer(folder / "s", vk=sample("-vk.bin"), proof=real_proof("core"), info=who)
    with server.serving():
        return look(ForeignServer(server.path), choice).capability.modes


@pytest.mark.parametrize(
    ("choice", "modes"),
    [
        pytest.param(Choice(), ALL, id="nothing is known"),
        pytest.param(Choice(None, lambda: 80 * GB), ALL, id="a large GPU"),
        pytest.param(Choice(None, lambda: 40 * GB), ALL, id="a GPU just large enough"),
        pytest.param(Choice(None, lambda: 40 * GB - 1), ALL - SNARKS, id="a small GPU"),
        pytest.param(Choice(SNARKS, lambda: 24 * GB), SNARKS, id="the operator decides"),
    ],
)
def test_a_gpu_is_offered_for_what_it_has_memory_for(
    tmp_path: Path, choice: Choice, modes: frozenset[Mode]
) -> None:
    assert offered(tmp_path, choice) == modes


def test_a_prover_on_the_processor_needs_no_memory_of_a_gpu(tmp_path: Path) -> None:
    small = Choice(None, lambda: 8 * GB)
    assert offered(tmp_path, small, info(1, 4)) == {Mode.CORE, Mode.GROTH16}


def test_of_what_a_prover_makes_only_what_was_chosen_is_offered(tmp_path: Path) -> None:
    assert offered(tmp_path, Choice(frozenset({Mode.CORE, *SNARKS})), info(1, 2)) == {Mode.CORE}


def test_a_prover_of_none_of_the_chosen_kinds_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(ProverUnavailable, match="sp1_modes") as refused:
        offered(tmp_path, Choice(SNARKS), info(1, 2))
    assert refused.value.advice == "It makes core, compressed."


def plan(**environment: str) -> Sp1Plan:
    settings = load(FulfillSettings, "fulfill", environment=environment, prover="sp1")
    return settings.sp1_plan


def test_the_kinds_are_a_setting() -> None:
    assert plan().modes is None
    chosen = plan(SP1TEE_FULFILL_SP1_MODES="core,groth16").modes
    assert chosen == {Mode.CORE, Mode.GROTH16}
