"""From an operator's settings to SP1's prover, and what doctor says of it."""

import asyncio
import shlex
import sys
from pathlib import Path

import pytest
from support import gpu_server
from support.fulfilling import sample_work, settings_for, within, working
from support.gpu_server import GpuServer, failed, framed, info
from support.wire_data import real_proof, sample
from support.worker_listener import Work, WorkerListener

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
    """A stand-in for sp1tee-prover, as a program that is started; does what a file `faults` says."""
    (tmp_path / "vk").write_bytes(sample("-vk.bin"))
    (tmp_path / "proof").write_bytes(real_proof("compressed"))
    (tmp_path / "info").write_bytes(info(1, 2))
    run = shlex.join([sys.executable, gpu_server.__file__, str(tmp_path)])
    path = tmp_path / "sp1tee-prover"
    path.write_text(
        "#!/bin/sh\n"
        "[ $1 = --version ] && echo 'sp1tee-prover 0.1.0 (SP1 6.10.0, circuits v6.1.0)' && exit\n"
        f'exec {run} "$2" $(cat {tmp_path}/faults 2>/dev/null)\n'
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


async def outcome(listener: WorkerListener, **settings: object) -> Work:
    work = sample_work(mode=Mode.COMPRESSED)
    [prover] = make_provers(settings_for(listener, prover="sp1", **settings))
    await prover.check()
    listener.offer(work)
    async with working(listener, prover):
        await listener.eventually(lambda: not work.open)
    return work


@pytest.mark.parametrize("fault", ["", "crash-once", "late"])
async def test_a_request_gets_its_proof(
    listener: WorkerListener, program: Path, tmp_path: Path, fault: str
):
    (tmp_path / "faults").write_text(fault)
    work = await outcome(listener, sp1_program=program)
    assert work.proof == real_proof("compressed")
    assert not work.finishes[0].mock


async def test_a_request_of_another_key_is_told_so_and_nothing_is_proved(
    listener: WorkerListener, program: Path, tmp_path: Path
):
    (tmp_path / "vk").write_bytes(sample("-vk.bin")[:-8] + bytes(8))
    (tmp_path / "faults").write_text("crash")
    failure = (await outcome(listener, sp1_program=program)).failure
    assert failure is not None
    assert failure.error == types_pb2.VERIFICATION_KEY_MISMATCH
    assert not failure.retryable
    assert "Nothing was proved. Register it again" in failure.text
    assert not (tmp_path / "crashed").exists()


async def test_a_prover_that_dies_twice_in_the_middle_is_told_and_others_may_try(
    listener: WorkerListener, program: Path, tmp_path: Path
):
    (tmp_path / "faults").write_text("crash")
    failure = (await outcome(listener, sp1_program=program)).failure
    assert failure is not None
    assert failure.error == types_pb2.PROVING_FAILURE
    assert failure.retryable
    assert "The prover failed: It failed twice. sp1tee-prover was ended by SIGKILL" in failure.text
    assert "PRIVATE" not in failure.text


async def test_a_lack_of_memory_is_named_after_a_second_try(
    listener: WorkerListener, tmp_path: Path
):
    # What sp1tee-prover says of a worker that was killed (native/prover/src/worker_process.rs).
    killed = b"the process at work was killed, as a machine does that runs out of memory"
    server = GpuServer(tmp_path / "s", vk=sample("-vk.bin"), info=info(1, 2))
    server.answers[1] = lambda _: framed(failed(killed))
    with server.serving():
        failure = (await outcome(listener, sp1_socket=server.path)).failure
    assert failure is not None
    assert failure.error == types_pb2.PROVING_FAILURE
    assert failure.retryable
    assert "It failed twice." in failure.text
    assert "runs out of memory" in failure.text
    assert server.tags() == [0, 1] * 2


async def test_a_proof_is_verified_by_the_named_program_beside_the_prover(
    listener: WorkerListener, program: Path, tmp_path: Path
):
    prover = GpuServer(
        tmp_path / "gpu", vk=sample("-vk.bin"), proof=real_proof("compressed"), info=None
    )
    with prover.serving():
        work = await outcome(listener, sp1_program=program, sp1_socket=prover.path)
    assert work.proof
    assert prover.tags() == [0, 1]
    assert len((tmp_path / "starts").read_text().splitlines()) == 1
