"""A prover to measure, and SP1's executor and verifier beside it, as a worker has them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

from bench.lab import Lab, NotHereError
from bench.work import Work
from sp1tee.native.client import Client
from sp1tee.native.frames import Executed
from sp1tee.native.process import OwnServer
from sp1tee.native.programs import NativeProgram, find_program, find_verifier


@dataclass(slots=True)
class Line:
    """A server and one lasting connection to it, made anew after an error."""

    server: OwnServer
    client: Client | None = None

    def up(self) -> Client:
        if self.client is None:
            self.client = self.server.connect()
        return self.client

    def down(self) -> None:
        if self.client is not None:
            self.client.close()
            self.client = None

    @property
    def pid(self) -> int:
        pid = self.server.pid
        if pid is None:
            raise RuntimeError(f"{self.server.name} does not run")
        return pid


@dataclass(slots=True)
class Provers:
    """What is measured; nothing is started before it is used."""

    lab: Lab
    program: NativeProgram
    prover: Line
    judge: Line
    executed: dict[str, Executed] = field(default_factory=dict)

    def run(self, work: Work) -> Executed:
        """What becomes of a program on its input; run once."""
        if work.title not in self.executed:
            elf, stdin = work.guest.elf, work.stdin.encode()
            self.executed[work.title] = self.judge.up().execute(elf, stdin)
        return self.executed[work.title]

    def hang_up(self) -> None:
        """Let the next call begin on fresh connections."""
        self.prover.down()
        self.judge.down()

    def free_bytes(self) -> int:
        """Memory that a proof may use: what nobody has, and what the prover has already."""
        root = psutil.Process(self.prover.pid)
        held = sum(p.memory_info().rss for p in (root, *root.children(recursive=True)))
        return psutil.virtual_memory().available + held


@contextmanager
def provers(lab: Lab) -> Iterator[Provers]:
    """The prover that a worker here would find; raises `NotHereError` without one."""
    path, verifier = find_program(None), find_verifier()
    if path is None or verifier is None:
        raise NotHereError("sp1tee-prover is neither in SP1TEE_PROVER nor on PATH (`just native`)")
    program = NativeProgram.at(path)
    prover = program.server(0, *(() if program.gpu else ("--eager",)))
    judge = verifier.server(0, "--no-proofs")
    found = Provers(lab, program, Line(prover), Line(judge))
    try:
        yield found
    finally:
        found.hang_up()
        prover.close()
        judge.close()
