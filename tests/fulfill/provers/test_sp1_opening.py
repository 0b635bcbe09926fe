"""From an operator's settings to SP1's prover, and what doctor says of it."""

import asyncio
import shlex
import sys
from pathlib import Path

import pytest
from support import gpu_server
from support.fulfilling import sample_work, settings_for, within, working
from support.gpu_server import GpuServer, info
from support.wire_data import real_proof, sample
from support.worker_listener import WorkerListener

from sp1tee.errors import ConfigError
from sp1tee.fulfill.assembly import make_provers
from sp1tee.fulfill.doctor import Check, check_up
from sp1tee.wire.modes import Mode
from sp1tee.wire.pb import types_pb2

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SP1TEE_PROVER", raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A stand-in for sp1tee-prover, as a program that is started."""
    (tmp_path / "vk").write_bytes(sample("-vk.bin"))
    (tmp_path / "proof").write_bytes(real_proof("compressed"))
    (tmp_path / "info").write_bytes(info(1, 2))
    run = shlex.join([sys.executable, gpu_server.__file__, str(tmp_path)])
    path = tmp_path / "sp1tee-prover"
    path.write_text(
        "#!/bin/sh\n"
        "[ $1 = --version ] && echo 'sp1tee-prover 0.1.0 (SP1 6.10.0, circuits v6.1.0)' && exit\n"
        f'exec {run} "$2"\n'
    )
    path.chmod(0o755)
    return path


async def prover_check(listener: WorkerListener, **settings: object) -> Check:
    checks = await within(check_up(settings_for(listener, prover="sp1", **settings)))
    return next(check for check in checks if check.name == "prover")


async def test_doctor_starts_the_program_and_says_what_it_makes(
    listener: WorkerListener, program: Path, tmp_path: Path
):
    check = await prover_check(listener, sp1_program=program, sp1_device=2, slots=2)
    assert check.ok
    assert check.text == "2 at once, real proofs: sp1-v6.1.0: core, compressed."
    starts = (tmp_path / "starts").read_text().splitlines()
    assert [line.split()[1] for line in starts] == ["2", "3"]


async def test_doctor_asks_a_server_that_runs(listener: WorkerListener, tmp_path: Path):
    with GpuServer(tmp_path / "gpu-0.sock").serving():
        check = await prover_check(listener, sp1_socket=tmp_path / "gpu-{device}.sock")
    assert check.text.endswith("sp1-v6.1.0: core, compressed, plonk, groth16.")


async def test_doctor_says_that_there_is_no_program(listener: WorkerListener):
    check = await prover_check(listener)
    assert not check.ok
    assert "neither sp1-gpu-server nor sp1tee-prover" in check.text
    assert "just native" in check.advice


async def test_doctor_names_a_program_of_another_version(listener: WorkerListener, tmp_path: Path):
    old = tmp_path / "sp1-gpu-server"
    old.write_text("#!/bin/sh\necho 5.2.4\n")
    old.chmod(0o755)
    check = await prover_check(listener, sp1_program=old)
    assert "says that it is '5.2.4', not sp1-gpu-server 6" in check.text


async def test_slots_do_not_share_a_socket(listener: WorkerListener, tmp_path: Path):
    settings = settings_for(listener, prover="sp1", sp1_socket=tmp_path / "s", slots=2)
    with pytest.raises(ConfigError, match="cannot use one socket"):
        make_provers(settings)
    two = settings_for(listener, prover="sp1", sp1_socket=tmp_path / "s-{device}", slots=2)
    provers = make_provers(two)
    assert [prover.name for prover in provers] == ["sp1 0", "sp1 1"]
    await asyncio.gather(*(prover.aclose() for prover in provers))


# --- a whole request -------------------------------------------------------------------------


@pytest.mark.parametrize("right", [True, False], ids=["its key", "another key"])
async def test_a_request_gets_its_proof_or_is_told_of_the_key(
    listener: WorkerListener, program: Path, tmp_path: Path, right: bool
):
    if not right:
        (tmp_path / "vk").write_bytes(sample("-vk.bin")[:-8] + bytes(8))
    work = sample_work(mode=Mode.COMPRESSED)
    [prover] = make_provers(settings_for(listener, prover="sp1", sp1_program=program))
    await prover.check()
    listener.offer(work)
    async with working(listener, prover):
        await listener.eventually(lambda: not work.open)
    if right:
        assert work.proof == real_proof("compressed")
        assert not work.finishes[0].mock
    else:
        assert work.failure is not None
        assert work.failure.error == types_pb2.VERIFICATION_KEY_MISMATCH
        assert "Nothing was proved" in work.failure.text
