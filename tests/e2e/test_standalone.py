"""A private input goes in, a checked proof comes out: every dialect, real processes."""

from pathlib import Path

import pytest
from support.people import Task, prove, solvency, sp1tee, write_guest

from sp1tee.sim.processes import LocalService
from sp1tee.wire.proof import decode_proof
from sp1tee.wire.versions import Family

pytestmark = pytest.mark.e2e

DIALECTS = [
    pytest.param(Family.V5, ("--dialect", "5"), id="SDK 5.2 reserved"),
    pytest.param(Family.V5, ("--dialect", "5", "--strategy", "hosted"), id="SDK 5.2 hosted"),
    pytest.param(Family.V6, ("--dialect", "6"), id="SDK 6 reserved"),
    pytest.param(Family.V6, ("--dialect", "6", "--strategy", "hosted"), id="SDK 6 hosted"),
    pytest.param(Family.V6, ("--dialect", "6", "--private-stdin"), id="SDK 6 private stdin"),
    pytest.param(Family.V6, ("--dialect", "6-mainnet"), id="SDK 6 mainnet"),
]


@pytest.mark.parametrize(("family", "flags"), DIALECTS)
def test_a_private_input_becomes_a_checked_proof(
    family: Family,
    flags: tuple[str, ...],
    service: LocalService,
    folder: Path,
    key: Path,
    watched: list[bytes],
) -> None:
    server = service.serve("--allow-mock")
    service.fulfill(server)
    task = solvency(folder, family)
    watched.extend(task.secret)
    for mode in ("core", "groth16", "plonk"):
        out = folder / f"{mode}.bin"
        result = prove(task, server, key, out, "--mode", mode, *flags)
        assert result["mock"] is True
        assert result["public_values"] == task.public_values.hex()
        proof = decode_proof(out.read_bytes())
        assert proof.public_values == task.public_values
        assert str(proof.mode) == mode


def test_a_detached_request_is_fetched_later(
    service: LocalService, folder: Path, key: Path, watched: list[bytes]
) -> None:
    server = service.serve("--allow-mock")
    task = solvency(folder)
    watched.extend(task.secret)
    to_server = ("--server", server.public_url)
    asked = sp1tee("prove", *task.flags, *to_server, "--key-file", str(key), "--detach")
    request_id = asked.stdout.strip()
    assert len(bytes.fromhex(request_id.removeprefix("0x"))) == 32
    waiting = sp1tee("status", request_id, *to_server)
    assert "assigned" in waiting.stdout
    service.fulfill(server)
    out = folder / "proof.bin"
    fetched = sp1tee("wait", request_id, *to_server, "-o", str(out))
    assert fetched.returncode == 0, fetched.stderr
    assert decode_proof(out.read_bytes()).public_values == task.public_values


def test_what_the_mock_cannot_make_is_refused_with_what_it_can(
    service: LocalService, folder: Path, key: Path
) -> None:
    server = service.serve("--allow-mock")
    service.fulfill(server)
    prove(solvency(folder), server, key, folder / "proof.bin")
    refused = sp1tee(
        *("prove", *solvency(folder).flags, "--server", server.public_url),
        *("--key-file", str(key), "--mode", "compressed"),
    )
    assert refused.returncode == 4
    assert "core" in refused.stderr
    assert "groth16" in refused.stderr


def test_a_guest_that_fails_is_told_with_its_reason(
    service: LocalService, folder: Path, key: Path
) -> None:
    server = service.serve("--allow-mock")
    service.fulfill(server)
    elf = write_guest(folder, "solvency", Family.V6)
    bad = Task(elf, folder / "bad.stdin", (), b"")
    bad.stdin.write_bytes(bytes.fromhex("01000000000000000100000000000000ff") + bytes(16))
    failed = sp1tee(
        *("prove", *bad.flags, "--server", server.public_url, "--key-file", str(key)),
        *("-o", str(folder / "none.bin")),
    )
    assert failed.returncode == 1
    assert "exit" in failed.stderr
    assert not (folder / "none.bin").exists()


def test_a_server_that_wants_real_proofs_refuses_a_mock_worker(
    service: LocalService, folder: Path, key: Path
) -> None:
    server = service.serve()
    fulfiller = service.fulfill(server)
    assert fulfiller.popen.wait(60) != 0
    assert "mock" in fulfiller.log_tail()


def test_the_demo_ends_with_a_private_checked_proof() -> None:
    done = sp1tee("demo")
    assert done.returncode == 0, done.stderr
    assert "MOCK" in done.stdout
    assert "checked" in done.stdout
    assert "0 hits" in done.stderr
