"""Runs in SP1's own executor, through the server."""

import hashlib
import struct
from pathlib import Path

import pytest
from native.peer import Client, Failure, Run, Server
from support.guest_programs import Golden, hostile, program, read_golden
from support.wire_data import deferred, sample

from sp1tee import guests
from sp1tee.wire.stdin import Stdin
from sp1tee.wire.versions import Family

pytestmark = [pytest.mark.native, pytest.mark.usefixtures("built")]

COMPLETED, FAILED, STOPPED = 0, 1, 2
EXIT_CODE, MEMORY_ACCESS, CYCLES, GAS = 1, 2, 5, 9
FIBONACCI = guests.load("fibonacci", Family.V6).elf
HOSTILE = program("hostile", Family.V6)


def fibonacci(n: int) -> bytes:
    return guests.fibonacci_input(n).encode()


def run(client: Client, elf: bytes, stdin: bytes, **limits: int) -> Run:
    answer = client.execute(elf, stdin, **limits)
    assert isinstance(answer, Run), answer
    return answer


def do(client: Client, deed: str, **limits: int) -> Run:
    return run(client, HOSTILE, Stdin(hostile(deed)).encode(), **limits)


@pytest.mark.parametrize("golden", read_golden(), ids=lambda golden: golden.label)
def test_a_run_gives_what_the_sdk_recorded(client: Client, golden: Golden) -> None:
    done = run(client, program(golden.guest, Family.V6), Stdin(golden.stdin).encode())
    assert (done.cycles, done.gas, done.exit_code) == (golden.cycles, golden.gas, golden.exit_code)
    assert done.public_values == golden.public_values
    assert done.outcome == (COMPLETED if golden.exit_code == 0 else FAILED)


def test_a_limit_may_be_reached(client: Client) -> None:
    free = run(client, FIBONACCI, fibonacci(10))
    limited = run(client, FIBONACCI, fibonacci(10), cycles=free.cycles, gas=free.gas)
    assert limited == free


def test_a_limit_may_not_be_exceeded(client: Client) -> None:
    free = run(client, FIBONACCI, fibonacci(10))
    cycles = run(client, FIBONACCI, fibonacci(10), cycles=free.cycles - 1)
    assert (cycles.outcome, cycles.cause) == (FAILED, CYCLES)
    assert str(free.cycles - 1) in cycles.text
    gas = run(client, FIBONACCI, fibonacci(10), gas=free.gas - 1)
    assert (gas.outcome, gas.cause, gas.gas) == (FAILED, GAS, free.gas)


def test_a_program_that_never_ends_is_stopped_and_the_next_runs(client: Client) -> None:
    stopped = do(client, "never_end", milliseconds=500)
    assert (stopped.outcome, stopped.cause) == (STOPPED, 0)
    assert "500 ms" in stopped.text
    assert run(client, FIBONACCI, fibonacci(1)).outcome == COMPLETED


def test_a_program_that_outgrows_its_memory_fails(path: Path) -> None:
    server = Server(path, "--no-proofs", "--set", f"MEMORY_LIMIT={256 << 20}")
    server.wait_until_it_listens()
    with Client(path) as small:
        done = do(small, "use_all_memory", milliseconds=60_000)
        assert (done.outcome, done.cause) == (FAILED, 0)
        assert done.text == "The program needs more memory than it may use here."
        assert run(small, FIBONACCI, fibonacci(1)).outcome == COMPLETED
    server.stop()


def test_another_exit_code_is_a_failure(client: Client) -> None:
    done = do(client, "exit_with_seven")
    assert (done.outcome, done.cause, done.exit_code) == (FAILED, EXIT_CODE, 7)


@pytest.mark.parametrize("deed", ["commit_nothing", "commit_other_digest", "commit_some_words"])
def test_a_run_that_could_not_be_verified_is_a_failure(client: Client, deed: str) -> None:
    done = do(client, deed)
    assert (done.outcome, done.cause, done.exit_code) == (FAILED, 0, 0)
    assert "commit" in done.text


@pytest.mark.parametrize(
    "deed", ["read_null", "write_null", "jump_outside", "breakpoint", "unknown_call", "fence"]
)
def test_misdeeds_fail_and_the_next_program_runs(client: Client, deed: str) -> None:
    done = do(client, deed, milliseconds=20_000)
    assert done.outcome == FAILED
    assert done.text
    assert run(client, FIBONACCI, fibonacci(1)).outcome == COMPLETED


def test_a_panic_is_returned_apart_from_the_reason(client: Client) -> None:
    stdin = Stdin(hostile("print_input_and_panic", b"of SECRET")).encode()
    done = run(client, HOSTILE, stdin)
    assert (done.outcome, done.cause, done.exit_code) == (FAILED, EXIT_CODE, 1)
    assert done.stderr == "panicked:\nof SECRET\n"
    assert done.stdout == "before\n"
    assert "SECRET" not in done.text


def test_what_a_guest_prints_is_returned(client: Client) -> None:
    done = do(client, "print_without_end", milliseconds=2_000)
    assert "text" in done.stdout
    assert len(done.stdout) <= 2048


@pytest.mark.parametrize(
    "elf",
    [b"", b"\x7fELF", FIBONACCI[:100], FIBONACCI[:200] + bytes(len(FIBONACCI) - 200)],
    ids=["empty", "magic", "cut", "zeroed"],
)
def test_a_file_that_is_no_program_fails(client: Client, elf: bytes) -> None:
    done = run(client, elf, fibonacci(1))
    assert done.outcome == FAILED
    assert done.text


def test_code_that_the_loader_cannot_decode_fails(client: Client) -> None:
    """SP1's loader panics on it."""
    (entry,) = struct.unpack_from("<Q", FIBONACCI, 24)
    (table,) = struct.unpack_from("<Q", FIBONACCI, 32)
    elf = bytearray(FIBONACCI)
    struct.pack_into("<Q", elf, 24, entry + 2)
    struct.pack_into("<Q", elf, table + 32, 2**63)
    assert run(client, bytes(elf), fibonacci(1)).outcome == FAILED
    assert run(client, FIBONACCI, fibonacci(1)).outcome == COMPLETED


def test_an_input_that_is_none_fails(client: Client) -> None:
    done = run(client, FIBONACCI, b"\xff" * 9)
    assert (done.outcome, done.text) == (FAILED, "The input is not an SP1Stdin.")


def test_proofs_in_an_input_are_verified_before_anything_is_proved(client: Client) -> None:
    buffers = guests.fibonacci_input(3).buffers
    proved = Stdin(buffers, proof_count=1, proofs=deferred(sample("-vk.bin")))
    assert run(client, FIBONACCI, proved.encode()).outcome == COMPLETED
    other = guests.load("fibonacci", Family.V6).vk
    assert other is not None
    forged = Stdin(buffers, proof_count=1, proofs=deferred(other))
    done = run(client, FIBONACCI, forged.encode())
    assert (done.outcome, done.cause) == (FAILED, 0)
    assert "deferred proof 0 failed verification" in done.text
    assert run(client, FIBONACCI, fibonacci(1)).outcome == COMPLETED


def test_public_values_are_what_the_program_committed_to(client: Client) -> None:
    stdin = guests.solvency_input(1000, [600, 400]).encode()
    done = run(client, guests.load("solvency", Family.V6).elf, stdin)
    assert (
        hashlib.sha256(done.public_values).digest()
        == hashlib.sha256((1000).to_bytes(8, "little") + b"\x01").digest()
    )


def test_setup_refuses_what_is_no_program(client: Client) -> None:
    assert isinstance(client.setup(b"\x7fELF"), Failure)
    assert isinstance(client.setup(FIBONACCI), tuple)
