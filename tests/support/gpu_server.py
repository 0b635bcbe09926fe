"""A stand-in for sp1-gpu-server and sp1tee-prover: the same frames, misbehaving on demand.

As a program (``python gpu_server.py PATH FAULT…``) it can be started, killed and restarted as the
real ones are; as a `GpuServer` in a test it remembers what it was asked.
"""

import hashlib
import os
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

OURS = 0x80000000
Answer = bytes | None


def u32(number: int) -> bytes:
    return struct.pack("<I", number)


def counted(data: bytes) -> bytes:
    return struct.pack("<Q", len(data)) + data


def framed(body: bytes) -> bytes:
    return u32(len(body)) + body


def failed(text: bytes, *, proving: bool = False) -> bytes:
    return u32(3 if proving else 4) + counted(text)


def info(*modes: int, circuit: bytes = b"v6.1.0") -> bytes:
    names = (b"sp1tee-prover", b"0.1.0", b"6.10.0", circuit)
    numbers = struct.pack("<Q", len(modes)) + b"".join(u32(mode) for mode in modes)
    return u32(OURS) + b"".join(map(counted, names)) + numbers + counted(b"NAME=value\n")


def take_counted(data: bytes) -> tuple[bytes, bytes]:
    (size,) = struct.unpack_from("<Q", data)
    return data[8 : 8 + size], data[8 + size :]


@dataclass
class GpuServer:
    """Answers requests; `info` None makes it a GPU server, which hangs up when asked who it is.

    `answers` overrides what is answered to a tag: with a body, with raw bytes, or by doing.
    """

    path: Path
    vk: bytes = b""
    proof: bytes = b""
    info: bytes | None = None
    answers: dict[int, Callable[[bytes], Answer]] = field(default_factory=dict)
    asked: list[tuple[int, bytes]] = field(default_factory=list)
    connections: int = 0
    refuted: bytes = b""

    @contextmanager
    def serving(self) -> Iterator["GpuServer"]:
        listener = self.listen()
        thread = threading.Thread(target=self.accept, args=(listener,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(30)
            listener.close()
            self.path.unlink(missing_ok=True)

    def listen(self) -> socket.socket:
        self.path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.path))
        listener.listen()
        return listener

    def accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connected, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connected,), daemon=True).start()

    def tags(self) -> list[int]:
        return [tag for tag, _ in self.asked if tag != OURS]

    def _serve(self, connected: socket.socket) -> None:
        keys: set[bytes] = set()
        with connected:
            try:
                while body := self._frame(connected):
                    (tag,) = struct.unpack_from("<I", body)
                    self.asked.append((tag, body[4:]))
                    answer = self._answer(tag, body[4:], keys)
                    if answer is None:
                        return
                    connected.sendall(answer)
            except OSError:
                return

    @staticmethod
    def _frame(connected: socket.socket) -> bytes:
        def exactly(count: int) -> bytes:
            data = b""
            while len(data) < count:
                part = connected.recv(count - len(data))
                if not part:
                    return b""
                data += part
            return data

        head = exactly(4)
        return exactly(struct.unpack("<I", head)[0]) if head else b""

    def _answer(self, tag: int, body: bytes, keys: set[bytes]) -> Answer:  # noqa: PLR0911 - a table
        if tag in self.answers:
            return self.answers[tag](body)
        match tag:
            case 0:
                key = hashlib.sha256(take_counted(body)[0]).digest()
                keys.add(key)
                return framed(u32(1) + key + self.vk)
            case 1:
                known = body[4:36] in keys
                return framed(u32(2) + self.proof if known else failed(b"unknown key"))
            case 2:
                keys.discard(body)
                return framed(u32(0))
            case 0x80000000 if self.info is not None:
                return framed(self.info)
            case 0x80000002:
                return framed(u32(tag) + u32(bool(self.refuted)) + counted(self.refuted))
        return framed(failed(b"malformed request"))


# --- as a program ----------------------------------------------------------------------------


def _die(_: bytes) -> Answer:
    os.write(2, b"thread 'main' panicked at src/server.rs:42:7:\nPRIVATE\n")
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def _die_once(mark: Path) -> Callable[[bytes], Answer] | None:
    if mark.exists():
        return None
    mark.touch()
    return _die


def _hang(_: bytes) -> Answer:
    threading.Event().wait()
    return None


def _main(folder: Path, path: Path, faults: list[str]) -> None:
    """Serve what `folder` holds: ``vk``, ``proof`` and, for sp1tee-prover, ``info``."""
    (folder / "starts").open("a").write(f"{os.getpid()} {os.environ['CUDA_VISIBLE_DEVICES']}\n")
    if "broken" in faults:
        sys.exit("thread 'main' panicked:\nCUDA driver version is insufficient")
    if "late" in faults:
        time.sleep(0.5)
    server = GpuServer(path, *((folder / name).read_bytes() for name in ("vk", "proof")))
    who = folder / "info"
    server.info = who.read_bytes() if who.exists() else None
    crash = _die if "crash" in faults else None
    if "crash-once" in faults:
        crash = _die_once(folder / "crashed")
    doing = _hang if "hang" in faults else crash
    if doing:
        server.answers[1] = doing
    server.accept(server.listen())


if __name__ == "__main__":
    _main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
