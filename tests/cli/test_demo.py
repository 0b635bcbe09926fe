"""`sp1tee demo`: what is refused before anything starts, and real proofs by a stand-in prover.

The stand-in hands out a recorded real proof, so these run in seconds; everything else is real.
"""

import contextlib
import os
import signal
from pathlib import Path

import pytest
from support import people
from support.commands import Run, Start
from support.cpu_prover import install
from support.people import PATIENCE_S, eventually
from support.wire_data import SAMPLE_PUBLIC_VALUES, sample

from sp1tee.sim import memory
from sp1tee.wire.proof import decode_proof

CPU = ("demo", "--prover", "cpu")


@pytest.fixture
def prover(tmp_path: Path) -> Path:
    return install(tmp_path / "prover")


@pytest.fixture
def task(tmp_path: Path) -> tuple[str, ...]:
    """What the stand-in's proof was made from."""
    elf, stdin = tmp_path / "sample.elf", tmp_path / "sample.stdin"
    elf.write_bytes(sample(".elf"))
    elf.with_name("sample.elf.vk").write_bytes(sample("-vk.bin"))
    stdin.write_bytes(sample(".stdin"))
    return ("--program", str(elf), "--stdin", str(stdin))


class TestRefusals:
    """Nothing is started."""

    @pytest.mark.parametrize(
        ("flags", "said"),
        [
            (("--mode", "compressed"), "The mock prover makes no compressed proofs"),
            (("--mode", "shrunk"), "This proof mode does not exist"),
            (("--prover-program", "x"), "--prover-program goes with --prover cpu"),
            (("--program", "x"), "needs its input"),
            (("--stdin", "x"), "needs its input"),
            (("--program", "x", "--stdin", "none"), "none cannot be read"),
        ],
    )
    def test_flags_that_do_not_go_together_are_named(
        self, sp1tee: Run, flags: tuple[str, ...], said: str
    ) -> None:
        ran = sp1tee("demo", *flags)
        assert ran.code in {1, 2}
        assert said in ran.plain

    @pytest.mark.parametrize("mode", ["groth16", "plonk"])
    def test_the_cpu_prover_makes_no_proofs_for_chains(
        self, sp1tee: Run, prover: Path, mode: str
    ) -> None:
        ran = sp1tee(*CPU, "--prover-program", prover, "--mode", mode)
        assert ran.code == 2
        assert f"SP1's CPU prover makes no {mode} proofs" in ran.plain
        assert "core or compressed" in ran.plain

    def test_without_a_prover_it_says_how_to_build_one(
        self, sp1tee: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        ran = sp1tee(*CPU)
        assert ran.code == 2
        assert "just native" in ran.plain

    def test_a_folder_in_use_is_left_alone(self, sp1tee: Run, tmp_path: Path) -> None:
        folder = tmp_path / "kept"
        folder.mkdir()
        (folder / "proof.bin").write_bytes(b"of yesterday")
        ran = sp1tee("demo", "--folder", folder)
        assert ran.code == 2
        assert "is not empty" in ran.plain
        assert [entry.name for entry in folder.iterdir()] == ["proof.bin"]

    def test_a_folder_that_is_a_file_is_named(self, sp1tee: Run, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        ran = sp1tee("demo", "--folder", tmp_path / "file")
        assert ran.code == 2
        assert "cannot be used" in ran.plain


@pytest.mark.e2e
class TestProvingForReal:
    def test_the_proof_is_verified_kept_and_can_be_verified_again(
        self, prover: Path, task: tuple[str, ...], tmp_path: Path
    ) -> None:
        folder = tmp_path / "kept"
        done = people.sp1tee(*CPU, "--prover-program", str(prover), *task, "--folder", str(folder))
        assert done.returncode == 0, done.stderr
        assert "by SP1 6.10.0: program, public values, exit code" in done.stdout
        assert "the prover's start included" in done.stdout
        assert SAMPLE_PUBLIC_VALUES.hex() in done.stdout
        assert "MOCK" not in done.stdout
        assert "a real core proof" in done.stderr
        assert "0 hits" in done.stderr
        saved = folder / "proof.bin"
        assert decode_proof(saved.read_bytes()).public_values == SAMPLE_PUBLIC_VALUES
        [command] = [line for line in done.stderr.splitlines() if line.startswith("sp1tee verify")]
        again = people.sp1tee(*command.split()[1:])
        assert again.returncode == 0, again.stdout + again.stderr

    def test_a_proof_that_does_not_hold_is_an_error(
        self, prover: Path, task: tuple[str, ...]
    ) -> None:
        (prover.parent / "refuted").write_bytes(b"the sum is wrong")
        done = people.sp1tee(*CPU, "--prover-program", str(prover), *task)
        assert done.returncode == 1
        assert done.stdout == ""
        assert "refuses the proof" in done.stderr

    def test_a_prover_that_is_killed_twice_is_given_up(
        self, prover: Path, task: tuple[str, ...]
    ) -> None:
        (prover.parent / "crash").touch()
        done = people.sp1tee(*CPU, "--prover-program", str(prover), *task)
        assert done.returncode == 1
        assert "It failed twice" in done.stderr
        assert "SIGKILL" in done.stderr

    def test_a_prover_that_does_not_start_is_told_at_once(
        self, prover: Path, task: tuple[str, ...]
    ) -> None:
        (prover.parent / "broken").write_text("no shared memory")
        done = people.sp1tee(*CPU, "--prover-program", str(prover), *task)
        assert done.returncode != 0
        assert "no shared memory" in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_fulfiller_that_dies_ends_the_wait(
        self, prover: Path, task: tuple[str, ...], tmp_path: Path, process: Start
    ) -> None:
        (prover.parent / "hang").touch()
        folder = tmp_path / "kept"
        demo = process(*CPU, "--prover-program", prover, *task, "--folder", folder)
        eventually(lambda: (prover.parent / "proving").exists() or None, "a prover at work")
        for pid in processes_of(folder, "fulfill"):
            os.kill(pid, signal.SIGKILL)
        _, said = demo.communicate(timeout=PATIENCE_S)
        assert demo.returncode != 0
        assert "`sp1tee fulfill` ended" in said
        assert processes_of(prover.parent) == []

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_whoever_stops_it_stops_the_prover_too(
        self,
        number: signal.Signals,
        prover: Path,
        task: tuple[str, ...],
        tmp_path: Path,
        process: Start,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        (prover.parent / "hang").touch()
        scratch = tmp_path / "tmp"
        scratch.mkdir()
        monkeypatch.setenv("TMPDIR", str(scratch))
        demo = process(*CPU, "--prover-program", prover, *task)
        eventually(lambda: (prover.parent / "proving").exists() or None, "a prover at work")
        assert len(processes_of(prover.parent)) >= 2
        demo.send_signal(number)
        _, said = demo.communicate(timeout=PATIENCE_S)
        assert demo.returncode == 130
        assert processes_of(prover.parent) == []
        assert list(scratch.iterdir()) == []
        assert "Traceback" not in said


def test_too_little_memory_is_warned_of(
    sp1tee: Run, prover: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(memory, "available", lambda: 5_000_000_000)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    # Said before anything else, so a folder in use is far enough.
    ran = sp1tee(*CPU, "--prover-program", prover, "--folder", tmp_path / "full")
    assert "warning: Only 5 GB of memory are free" in ran.plain
    assert "is not empty" in ran.plain


def processes_of(folder: Path, *words: str) -> list[int]:
    """Processes whose arguments name a folder, and are these words among others."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            arguments = (entry / "cmdline").read_text() if entry.name.isdigit() else ""
            if str(folder) in arguments and set(words) <= set(arguments.split("\0")):
                found.append(int(entry.name))
    return found
