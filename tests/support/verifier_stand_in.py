"""A program in the place of ``sp1tee-prover --no-proofs``, which knows what holds by heart.

It accepts the real proofs of tests/data/proofs under their program's key and refutes everything
else, writes down what it is asked, and breaks on demand.
"""

import hashlib
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.gpu_server import (
    OURS,
    Answer,
    GpuServer,
    counted,
    failed,
    framed,
    info,
    take_counted,
    u32,
)

VERIFY = OURS + 2
SETUP = 0
NAME = "sp1tee-prover 0.1.0 (SP1 6.10.0)"
VERSION = "sp1tee-prover 0.1.0 (SP1 6.10.0, circuits v6.1.0)"
REFUTED = "Core machine verification error: invalid shard proof"
SAID = "the process at work panicked at crates/verifier.rs:42:7"
FAULTS = ("dies", "hangs up", "fails", "garbles", "never listens")

_SCRIPT = """#!{python}
import sys
sys.path.insert(0, {tests!r})
from support.verifier_stand_in import main
main({folder!r}, sys.argv[1:])
"""


@dataclass(frozen=True)
class VerifierStandIn:
    """The program, and what it wrote down."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "sp1tee-prover"

    def asked(self, tag: int) -> list[dict[str, str]]:
        """What it was asked to do, and with which flags it was started."""
        notes = self.folder / "asked"
        lines = notes.read_text().splitlines() if notes.exists() else []
        return [entry for entry in map(json.loads, lines) if entry["tag"] == tag]


def verifier_stand_in(
    folder: Path, *, fault: str = "", circuit: str = "v6.1.0", refutes: str = REFUTED
) -> VerifierStandIn:
    """Make the program in a folder of its own."""
    from support.wire_data import SAMPLE_PUBLIC_VALUES, real_proof, sample

    proofs = [real_proof(mode) for mode in ("core", "compressed")]
    forms = [form for proof in proofs for form in (proof, proof[:-1])]
    knows = {
        "fault": fault,
        "circuit": circuit,
        "refutes": refutes,
        "claim": [sample("-vk.bin").hex(), SAMPLE_PUBLIC_VALUES.hex()],
        "proofs": [hashlib.sha256(form).hexdigest() for form in forms],
        "keys": {hashlib.sha256(sample(".elf")).hexdigest(): sample("-vk.bin").hex()},
    }
    folder.mkdir()
    made = VerifierStandIn(folder)
    (folder / "knows").write_text(json.dumps(knows))
    tests = str(Path(__file__).parents[1])
    made.path.write_text(_SCRIPT.format(python=sys.executable, tests=tests, folder=str(folder)))
    made.path.chmod(0o755)
    return made


# --- as a program ----------------------------------------------------------------------------


@dataclass
class _Mind:
    """What the program knows, and where it writes."""

    notes: Path
    flags: list[str]
    knows: dict[str, Any]

    def setup(self, body: bytes) -> Answer:
        elf = hashlib.sha256(take_counted(body)[0])
        self._note(SETUP, elf=elf.hexdigest())
        key = self.knows["keys"].get(elf.hexdigest())
        return framed(
            failed(b"invalid ELF") if key is None else u32(1) + elf.digest() + bytes.fromhex(key)
        )

    def verify(self, body: bytes) -> Answer:
        vk, rest = take_counted(body)
        values, proof = take_counted(rest)
        digest = hashlib.sha256(proof).hexdigest()
        self._note(VERIFY, vk=vk.hex(), public_values=values.hex(), proof=digest)
        holds = [vk.hex(), values.hex()] == self.knows["claim"] and digest in self.knows["proofs"]
        reason = b"" if holds else self.knows["refutes"].encode()
        return framed(u32(VERIFY) + u32(not holds) + counted(reason))

    def _note(self, tag: int, **what: str) -> None:
        entry = {"tag": tag, **what, "flags": " ".join(self.flags)}
        with self.notes.open("a") as file:
            file.write(json.dumps(entry) + "\n")


def _die(_: bytes) -> Answer:
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def main(folder: str, arguments: list[str]) -> None:
    """Be ``sp1tee-prover``."""
    if arguments == ["--version"]:
        print(VERSION)  # noqa: T201 - as the real one
        return
    mind = _Mind(
        Path(folder) / "asked", arguments, json.loads((Path(folder) / "knows").read_text())
    )
    fault = mind.knows["fault"]
    if fault == "never listens":
        sys.exit("cannot listen here")
    server = GpuServer(Path(arguments[arguments.index("--socket") + 1]))
    server.info = info(circuit=mind.knows["circuit"].encode())
    faulty = {
        "dies": _die,
        "hangs up": lambda _: None,
        "fails": lambda _: framed(failed(SAID.encode())),
        "garbles": lambda _: framed(b"\xff" * 20),
    }
    server.answers = {SETUP: mind.setup, VERIFY: faulty.get(fault, mind.verify)}
    server.accept(server.listen())
