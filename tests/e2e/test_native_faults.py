"""SP1's own executor among broken programs, broken inputs and broken machines.

A server and fulfillers that run programs in the real ``sp1tee-prover``, and prove nothing. Around
every case an innocent request is on its way, which must end with its proof; afterwards nothing of
a run may be left in shared memory, and nothing of an input anywhere.
"""

import contextlib
import hashlib
import os
import shlex
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from support.elf_maker import Elf, R, Segment, v6
from support.guest_programs import hostile
from support.guest_programs import program as guest_program
from support.hostile_client import Ended, Program, Refused, Requester, solvency
from support.native_programs import prover_program
from support.people import eventually
from support.wire_data import deferred, sample
from support.worker_listener import TOKEN, WorkerListener

from sp1tee import guests
from sp1tee.sim import canary
from sp1tee.sim.processes import LocalService, Process
from sp1tee.wire.artifacts import pack
from sp1tee.wire.keys import vk_hash_v6
from sp1tee.wire.pb import artifact_pb2, types_pb2
from sp1tee.wire.poseidon2 import PRIME
from sp1tee.wire.program import encode_program
from sp1tee.wire.signing import Signer
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family

pytestmark = [pytest.mark.e2e, pytest.mark.native]

ALICE, MALLORY = Signer.from_bytes(b"\x0a" * 32), Signer.from_bytes(b"\x0b" * 32)
INNOCENT, INPUT, _ = solvency()
FIBONACCI = Program.of(guests.load("fibonacci", Family.V6))
SECRET = b"balance=" + hashlib.sha256(b"a guest's secret").hexdigest().encode()
SHARED = Path("/dev/shm")
QUICK = ("--execute-seconds", "20")
PATIENCE_S = 120
LONG = 5_000_000
"""A number for the fibonacci guest that keeps SP1's executor busy for seconds."""


@pytest.fixture(scope="module")
def prover(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SP1's executor, but nothing that is done here may take the machine's memory."""
    path = tmp_path_factory.mktemp("prover") / "sp1tee-prover"
    limit = f"--set MEMORY_LIMIT={512 << 20}"
    path.write_text(f'#!/bin/sh\nulimit -d {4 << 20} && exec {prover_program()} "$@" {limit}\n')
    path.chmod(0o755)
    return path


@pytest.fixture(scope="module")
def service(prover: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalService]:
    folder = tmp_path_factory.mktemp("faults")
    temporary = folder / "tmp"
    temporary.mkdir()
    with LocalService(folder, environment={"TMPDIR": str(temporary)}) as service:
        yield service
    # What stays is where SP1's runner was unpacked.
    assert [path.name for path in temporary.iterdir()] == [f"sp1tee-prover-{os.getuid()}"]
    [runner] = (temporary / f"sp1tee-prover-{os.getuid()}").iterdir()
    assert runner.name.startswith("sp1-native-runner")
    told_nobody(service)


@pytest.fixture(scope="module")
def server(service: LocalService) -> Process:
    server = service.serve("--allow-mock", "--log-level", "debug")
    for signer in (ALICE, MALLORY):
        with Requester(server.public_url, signer) as requester:
            requester.register(INNOCENT)
            requester.register(FIBONACCI)
    return server


@pytest.fixture(scope="module")
def worker(service: LocalService, server: Process, prover: Path) -> Process:
    return fulfilling(service, server, prover)


@pytest.fixture
def mallory(server: Process) -> Iterator[Requester]:
    with Requester(server.public_url, MALLORY) as requester:
        yield requester


@pytest.fixture
def innocent(server: Process, worker: Process) -> Iterator[None]:
    """Upload an input before the test, ask for its proof afterwards."""
    before = runs_files()
    with Requester(server.public_url, ALICE) as alice:
        uri = alice.upload(artifact_pb2.STDIN, INPUT)
        yield
        ended = alice.end(alice.send(alice.body(INNOCENT, uri)))
    assert ended.reply.fulfillment_status == types_pb2.FULFILLED, ended.reason
    assert worker.alive
    eventually(lambda: True if runs_files() <= before else None, "shared memory that is free again")


def fulfilling(
    service: LocalService, server: Process, program: Path, *flags: str, name: str = "fulfiller"
) -> Process:
    started = service.fulfill(
        server,
        *("--executor", "native", "--executor-program", str(program)),
        *(*QUICK, *flags),
        name=name,
    )
    service.wait_for(started, server)
    return started


def runs_files() -> set[str]:
    return {path.name for path in SHARED.glob("*sp1_*")}


def forged(elf: bytes) -> Program:
    """Any ELF of v6 under a key that fits it as far as can be seen without SP1's own setup."""
    (entry,) = struct.unpack_from("<Q", elf.ljust(32, b"\0"), 24)
    numbers = struct.unpack("<22I", hashlib.shake_256(elf).digest(88))
    limbs = (entry >> shift & 0xFFFF for shift in (0, 16, 32))
    vk = struct.pack("<26I", *limbs, *(number % PRIME for number in numbers), 0)
    return Program(Family.V6, vk_hash_v6(vk), vk, pack(encode_program(elf), Family.V6))


def asked(requester: Requester, program: Program, stdin: Stdin, **changes: object) -> bytes:
    return requester.request(program, pack(stdin.encode(), Family.V6), **changes)


def failed(requester: Requester, program: Program, stdin: Stdin, **changes: object) -> Ended:
    ended = requester.end(asked(requester, program, stdin, **changes))
    assert ended.reply.fulfillment_status == types_pb2.UNFULFILLABLE
    return ended


def details(requester: Requester, request_id: bytes) -> types_pb2.ProofRequest:
    ask = types_pb2.GetProofRequestDetailsRequest(request_id=request_id).SerializeToString()
    answer = requester.ask("GetProofRequestDetails", ask)
    said = types_pb2.GetProofRequestDetailsResponse.FromString(answer)
    return types_pb2.ProofRequest.FromString(said.request)


def cause_of(requester: Requester, request_id: bytes) -> int:
    return details(requester, request_id).execute_fail_cause


def told_nobody(service: LocalService, secret: bytes = SECRET) -> None:
    """Search all that the service wrote; ids of artifacts stand there, as they should."""
    report = canary.search([service.folder], [secret], controls=[b"artifact_"])
    assert (report.hits, report.missed_controls) == ((), ())


# --- programs that fail ----------------------------------------------------------------------


PANIC = Stdin(hostile("print_input_and_panic", SECRET))


@pytest.mark.usefixtures("innocent")
def test_a_panic_is_unexecutable_at_once_and_its_words_stay_here(
    service: LocalService, mallory: Requester
):
    program = forged(guest_program("hostile", Family.V6))
    mallory.register(program)
    request_id = asked(mallory, program, PANIC)
    ended = mallory.end(request_id)
    assert ended.reply.execution_status == types_pb2.UNEXECUTABLE
    assert cause_of(mallory, request_id) == types_pb2.HALT_WITH_NON_ZERO_EXIT_CODE
    assert "exit code 1" in ended.reason
    assert SECRET.decode() not in ended.reason
    told_nobody(service)


def test_a_panic_is_told_to_its_requester_alone_where_the_operator_allows_it(
    service: LocalService, prover: Path
):
    server = service.serve("--allow-mock", "--log-level", "debug", name="telling")
    fulfilling(service, server, prover, "--tell-guest-output", name="teller")
    program = forged(guest_program("hostile", Family.V6))
    with Requester(server.public_url, MALLORY) as mallory:
        mallory.register(program)
        ended = failed(mallory, program, PANIC)
        assert ended.reason.endswith(f"The program printed: panicked: {SECRET.decode()}")
        told_nobody(service)


@pytest.mark.usefixtures("innocent")
def test_a_program_that_takes_all_memory_is_stopped(mallory: Requester, service: LocalService):
    program = forged(guest_program("hostile", Family.V6))
    mallory.register(program)
    ended = failed(mallory, program, Stdin(hostile("use_all_memory", SECRET)))
    assert ended.reply.execution_status == types_pb2.UNEXECUTABLE
    assert "needs more memory than it may use here" in ended.reason


@pytest.mark.usefixtures("innocent")
@pytest.mark.parametrize(
    ("limit", "cause", "words"),
    [
        ({"cycle_limit": 100}, types_pb2.EXCEEDED_CYCLE_LIMIT, "more than 100"),
        ({"gas_limit": 100}, types_pb2.EXCEEDED_GAS_LIMIT, "gas, more than 100"),
    ],
    ids=["cycles", "gas"],
)
def test_a_limit_of_the_request_ends_it_with_the_networks_word(
    limit: dict[str, int], cause: int, words: str, mallory: Requester
):
    request_id = asked(mallory, FIBONACCI, guests.fibonacci_input(10), **limit)
    ended = mallory.end(request_id)
    assert ended.reply.execution_status == types_pb2.UNEXECUTABLE
    assert cause_of(mallory, request_id) == cause
    assert words in ended.reason


@pytest.mark.usefixtures("innocent")
def test_cycles_and_gas_of_a_run_are_told(mallory: Requester):
    request_id = asked(mallory, FIBONACCI, guests.fibonacci_input(10))
    assert mallory.end(request_id).reply.fulfillment_status == types_pb2.FULFILLED
    told = details(mallory, request_id)
    assert told.cycles == 8559
    assert told.gas_used > 0


@pytest.mark.usefixtures("innocent")
def test_a_program_without_end_runs_out_of_time(mallory: Requester):
    program = forged(guest_program("hostile", Family.V6))
    mallory.register(program)
    ended = failed(mallory, program, Stdin(hostile("never_end")))
    assert "longer than the 20 seconds" in ended.reason


CODE, DATA = 0x7800_0000, 0x7900_0000
BROKEN: dict[str, Elf] = {
    "program headers outside of the file": v6(segments_at=1 << 20),
    "more program headers than there are": v6(segment_count=200),
    "program headers of an odd size": v6(segment_entry_size=55),
    "segments that overlap": v6(segments=[Segment(CODE), Segment(CODE + 4, flags=R)]),
    "a segment of 256 GiB": v6(
        segments=[Segment(CODE), Segment(DATA, b"", R, memory_size=1 << 38)]
    ),
    "a segment whose end no address has": v6(
        segments=[Segment(CODE), Segment(DATA, b"", R, memory_size=(1 << 64) - 8)]
    ),
    "a segment that is cut": v6(segments=[Segment(CODE, file_size=1 << 20, memory_size=1 << 20)]),
    "an entry outside of the code": v6(entry=CODE + (1 << 20)),
    "an entry that is not aligned": v6(entry=CODE + 2),
    "no code": v6(segments=[Segment(CODE, flags=R)]),
    "words that are no instructions": v6(segments=[Segment(CODE, b"\xff" * 64)]),
}


@pytest.mark.usefixtures("innocent")
@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_program_ends_its_request_in_words(what: str, mallory: Requester):
    program = forged(BROKEN[what].build())
    mallory.register(program)
    ended = failed(mallory, program, Stdin.of(SECRET))
    assert ended.reply.execution_status == types_pb2.UNEXECUTABLE
    assert ended.reason.startswith("The program cannot be proved: ")
    assert SECRET.decode() not in ended.reason


def test_a_program_of_32_bits_is_refused_when_it_is_registered(mallory: Requester):
    with pytest.raises(Refused, match="The program is one of SP1 v5, its key is not"):
        mallory.register(forged(v6(bits=32).build()))


@pytest.mark.usefixtures("innocent")
def test_proofs_in_an_input_that_do_not_verify_fail_before_anything_is_proved(
    mallory: Requester, service: LocalService
):
    buffers = guests.fibonacci_input(3).buffers
    other = FIBONACCI.vk
    ended = failed(mallory, FIBONACCI, Stdin(buffers, 0, 1, deferred(other)))
    assert "deferred proof 0 failed verification" in ended.reason
    right = Stdin(buffers, 0, 1, deferred(sample("-vk.bin")))
    ended = mallory.end(asked(mallory, FIBONACCI, right))
    assert ended.reply.fulfillment_status == types_pb2.FULFILLED, ended.reason


@pytest.mark.usefixtures("innocent")
def test_proofs_in_an_input_that_are_none_are_refused(mallory: Requester):
    ended = failed(mallory, FIBONACCI, Stdin((SECRET,), 0, 1, SECRET))
    assert "not an SP1Stdin" in ended.reason


# --- processes that are killed ---------------------------------------------------------------


def descendant(worker: Process, fits: Callable[[psutil.Process], bool]) -> psutil.Process:
    """Wait for a process below a worker; nothing but the process list tells of it."""

    def look() -> psutil.Process | None:
        for process in psutil.Process(worker.popen.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if fits(process):
                    return process
        return None

    return eventually(look, "a process at work")


def is_runner(process: psutil.Process) -> bool:
    return process.name().startswith("sp1-native")


KILLED: dict[str, Callable[[psutil.Process], psutil.Process | None]] = {
    "the runner": lambda runner: runner,
    "the light worker": lambda runner: runner.parent(),
    "the server": lambda runner: next(
        one for one in runner.parents() if "--socket" in one.cmdline()
    ),
}


@pytest.mark.usefixtures("innocent")
@pytest.mark.parametrize("whose", KILLED)
def test_a_run_whose_process_is_killed_is_run_again(
    whose: str, worker: Process, mallory: Requester
):
    stdin = guests.fibonacci_input(LONG)
    request_id = asked(mallory, FIBONACCI, stdin, cycle_limit=1 << 30)
    victim = KILLED[whose](descendant(worker, is_runner))
    assert victim is not None
    victim.kill()
    ended = mallory.end(request_id)
    assert ended.reply.fulfillment_status == types_pb2.FULFILLED, ended.reason


# --- machines that lack something ------------------------------------------------------------


@pytest.fixture(scope="module")
def mounts() -> None:
    if subprocess.run(["unshare", "--mount", "true"], check=False).returncode != 0:
        pytest.skip("this user may not mount anything, not even in a namespace of its own")


# Nobody else sees the mount, and never more is written than fits into it.
CRAMPED = f"mount -t tmpfs -o size=64m tmpfs {SHARED}"
FULL = f"{CRAMPED} && head -c 64m /dev/zero >{SHARED}/filling 2>/dev/null || true"


def filled_while(flag: Path) -> str:
    """A command that keeps a small shared memory full for as long as a file is there."""
    look = f"[ -e {flag} ]"
    wait = f"for _ in $(seq 600); do {look} && break; sleep 0.1; done"
    fill = f"{look} && {{ head -c 64m /dev/zero >{SHARED}/filling; touch {flag}.done; }}"
    clear = f"while {look}; do sleep 0.1; done; rm -f {SHARED}/filling"
    return f"{CRAMPED} && {{ ({wait}; {fill}; {clear}) >/dev/null 2>&1 & }}"


def interpreter(path: Path, before: str) -> Path:
    """Write a Python that does something first, in a namespace of its own.

    Not the worker's own programs: they have given up what it takes to mount.
    """
    inside = f'{before} && exec {shlex.quote(sys.executable)} "$@"'
    path.write_text(f'#!/bin/sh\nexec unshare --mount sh -c {shlex.quote(inside)} python "$@"\n')
    path.chmod(0o755)
    return path


@pytest.mark.usefixtures("mounts")
def test_shared_memory_that_runs_full_fails_no_request(
    service: LocalService, prover: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    flag = tmp_path / "full"
    own = service.serve("--allow-mock", name="small")
    with monkeypatch.context() as patch:
        python = interpreter(tmp_path / "python", filled_while(flag))
        patch.setattr(sys, "executable", str(python))
        worker = fulfilling(service, own, prover, name="cramped")
    flag.touch()
    eventually(lambda: Path(f"{flag}.done").exists() or None, "shared memory that is full")
    with Requester(own.public_url, MALLORY) as mallory:
        mallory.register(FIBONACCI)
        request_id = asked(mallory, FIBONACCI, guests.fibonacci_input(10))
        eventually(lambda: "cannot work" in worker.log_tail() or None, "a worker that is unfit")
        assert "executor: It runs no program." in worker.log_tail()
        assert "the process at work was ended by signal 7" in worker.log_tail()
        assert mallory.status(request_id).reply.fulfillment_status == types_pb2.ASSIGNED
        flag.unlink()
        ended = mallory.end(request_id)
    assert ended.reply.fulfillment_status == types_pb2.FULFILLED, ended.reason
    assert worker.stop() == 0


@pytest.mark.usefixtures("mounts")
def test_a_server_that_cannot_start_again_makes_the_worker_unfit_and_it_says_why(
    service: LocalService, prover: Path, tmp_path: Path
):
    own = service.serve("--allow-mock", name="bereft")
    program = tmp_path / "sp1tee-prover"
    program.symlink_to(prover)
    worker = fulfilling(service, own, program, name="widowed")
    program.unlink()
    descendant(worker, lambda one: "--socket" in one.cmdline()).kill()
    with Requester(own.public_url, MALLORY) as mallory:
        mallory.register(FIBONACCI)
        request_id = asked(mallory, FIBONACCI, guests.fibonacci_input(10))
        eventually(lambda: "cannot work" in worker.log_tail() or None, "a worker that is unfit")
        assert "cannot be started: No such file or directory" in worker.log_tail()
        assert mallory.status(request_id).reply.fulfillment_status == types_pb2.ASSIGNED
        program.symlink_to(prover)
        ended = mallory.end(request_id)
    assert ended.reply.fulfillment_status == types_pb2.FULFILLED, ended.reason
    assert worker.stop() == 0


@pytest.fixture
def listening() -> Iterator[tuple[str, ...]]:
    """A stand-in for the server, as a doctor's flags name it."""
    with WorkerListener().serving() as listener:
        yield ("--server", listener.url)


def doctor(before: str, *flags: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `sp1tee doctor` after some other command, where nobody else sees what that mounts."""
    command = shlex.join([sys.executable, "-m", "sp1tee", "doctor", *flags])
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", f"{before} && exec {command}"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200", "SP1TEE_FULFILL_TOKEN": TOKEN, **variables},
        timeout=PATIENCE_S,
    )


def finding(said: str, name: str) -> str:
    """The row of a doctor's table that begins with a name."""
    rows = [row for row in said.splitlines() if row.split(maxsplit=1)[1:2] and f" {name} " in row]
    assert rows, said
    return rows[0]


@pytest.mark.usefixtures("mounts")
def test_a_doctor_names_shared_memory_that_is_full(prover: Path, listening: tuple[str, ...]):
    flags = ("--executor", "native", "--executor-program", str(prover), *listening)
    done = doctor(f"{{ {FULL}; }}", *flags)
    assert done.returncode == 1, done.stdout
    assert finding(done.stdout, "executor").startswith("FAIL")
    assert "0.0 of 0.1 GiB free at /dev/shm" in finding(done.stdout, "shared memory")


@pytest.mark.usefixtures("mounts")
def test_a_doctor_names_a_temporary_folder_that_allows_no_programs(
    prover: Path, listening: tuple[str, ...], tmp_path: Path
):
    flags = ("--executor", "native", "--executor-program", str(prover), *listening)
    mount = f"mount -t tmpfs -o noexec tmpfs {tmp_path}"
    done = doctor(mount, *flags, TMPDIR=str(tmp_path))
    assert done.returncode == 1, done.stdout
    assert finding(done.stdout, "executor").startswith("FAIL")
    row = finding(done.stdout, "temporary files")
    assert f"{tmp_path} allows no programs" in row
    assert "Set TMPDIR" in row


def test_a_doctor_names_the_versions_of_what_runs_programs(
    prover: Path, listening: tuple[str, ...]
):
    flags = ("--executor-program", str(prover), *listening)
    done = doctor("true", *flags)
    assert done.returncode == 0, done.stdout
    row = finding(done.stdout, "executor")
    assert "native (sp1tee-prover 0.1.0, SP1 6.10.0, circuits v6.1.0) for v6" in row
