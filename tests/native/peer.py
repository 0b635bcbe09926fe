"""A client of `sp1tee-prover`, written from the byte layouts in native/README.md alone."""

import os
import shutil
import signal
import socket
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

OURS: Final = 0x80000000
NO_LIMIT: Final = 2**64 - 1
PATIENCE_S: Final = 120


def program() -> str | None:
    """Where the prover is, if it was built."""
    return os.environ.get("SP1TEE_PROVER") or shutil.which("sp1tee-prover")


def u32(number: int) -> bytes:
    return struct.pack("<I", number)


def u64(number: int) -> bytes:
    return struct.pack("<Q", number)


def counted(data: bytes) -> bytes:
    return u64(len(data)) + data


class Fields:
    """Takes fields off the front of an answer."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def take(self, count: int) -> bytes:
        assert len(self.data) >= count
        head, self.data = self.data[:count], self.data[count:]
        return head

    def u32(self) -> int:
        return int(struct.unpack("<I", self.take(4))[0])

    def u64(self) -> int:
        return int(struct.unpack("<Q", self.take(8))[0])

    def counted(self) -> bytes:
        return self.take(self.u64())

    def text(self) -> str:
        return self.counted().decode()


@dataclass(frozen=True)
class Failure:
    """ProverError (3) or InternalError (4)."""

    tag: int
    text: str


@dataclass(frozen=True)
class Run:
    """The answer to Execute."""

    outcome: int
    cause: int
    exit_code: int
    cycles: int
    gas: int
    public_values: bytes
    text: str
    stdout: str
    stderr: str


class Client:
    """One connection."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(str(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, frame: bytes) -> None:
        self.socket.sendall(u32(len(frame)) + frame)

    def receive(self) -> bytes | None:
        """The next frame; None at the end of the stream."""
        head = self._exactly(4)
        return None if head is None else self._exactly(struct.unpack("<I", head)[0])

    def _exactly(self, count: int) -> bytes | None:
        parts = bytearray()
        while len(parts) < count:
            part = self.socket.recv(min(count - len(parts), 1 << 20))
            if not part:
                return None
            parts += part
        return bytes(parts)

    def ask(self, frame: bytes) -> bytes:
        self.send(frame)
        answer = self.receive()
        assert answer is not None, "the server hung up"
        return answer

    def ask_for(self, tag: int, frame: bytes) -> Fields | Failure:
        fields = Fields(self.ask(frame))
        found = fields.u32()
        if found in {3, 4}:
            return Failure(found, fields.text())
        assert found == tag
        return fields

    def setup(self, elf: bytes) -> tuple[bytes, bytes] | Failure:
        answer = self.ask_for(1, u32(0) + counted(elf))
        return answer if isinstance(answer, Failure) else (answer.take(32), answer.data)

    def prove(self, mode: int, key: bytes, stdin: bytes) -> bytes | Failure:
        answer = self.ask_for(2, u32(1) + u32(mode) + key + stdin + bytes(16))
        return answer if isinstance(answer, Failure) else answer.data

    def destroy(self, key: bytes) -> None:
        assert self.ask(u32(2) + key) == u32(0)

    def info(self) -> tuple[list[str], list[int], str]:
        fields = self.ask_for(OURS, u32(OURS))
        assert isinstance(fields, Fields)
        names = [fields.text() for _ in range(4)]
        modes = [fields.u32() for _ in range(fields.u64())]
        return names, modes, fields.text()

    def execute(
        self,
        elf: bytes,
        stdin: bytes,
        cycles: int = NO_LIMIT,
        gas: int = NO_LIMIT,
        milliseconds: int = NO_LIMIT,
    ) -> Run | Failure:
        fields = self.ask_for(OURS + 1, self.execution(elf, stdin, cycles, gas, milliseconds))
        if isinstance(fields, Failure):
            return fields
        run = Run(
            outcome=fields.u32(),
            cause=fields.u32(),
            exit_code=fields.u64(),
            cycles=fields.u64(),
            gas=fields.u64(),
            public_values=fields.counted(),
            text=fields.text(),
            stdout=fields.text(),
            stderr=fields.text(),
        )
        assert not fields.data
        return run

    @staticmethod
    def execution(
        elf: bytes,
        stdin: bytes,
        cycles: int = NO_LIMIT,
        gas: int = NO_LIMIT,
        milliseconds: int = NO_LIMIT,
    ) -> bytes:
        limits = u64(cycles) + u64(gas) + u64(milliseconds)
        return u32(OURS + 1) + limits + counted(elf) + stdin

    def verify(self, vk: bytes, public_values: bytes, proof: bytes) -> str | Failure:
        """Why the proof doesn't hold; empty if it does."""
        frame = u32(OURS + 2) + counted(vk) + counted(public_values) + proof
        fields = self.ask_for(OURS + 2, frame)
        if isinstance(fields, Failure):
            return fields
        refuted, reason = fields.u32(), fields.text()
        assert bool(refuted) is bool(reason)
        return reason


class Server:
    """A running `sp1tee-prover`; one that makes no proofs unless its flags say otherwise."""

    def __init__(self, path: Path, *flags: str) -> None:
        command = program()
        assert command is not None
        self.path = path
        self.process = subprocess.Popen(
            [command, "--socket", str(path), *(flags or ["--no-proofs"])],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def wait_until_it_listens(self) -> None:
        """Read what it says until it says so."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if line.startswith(b"listening"):
                return
        raise AssertionError(f"it ended with {self.process.wait()}")

    def stop(self) -> bytes:
        """End it as an operator does, and return what else it said."""
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=PATIENCE_S)
        return said or b""
