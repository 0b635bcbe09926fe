"""A prover whose proofs take a given time and no work: what is measured around it is ours alone.

    python -m bench.peers.prover SOCKET PROOF VK SECONDS

Speaks what `sp1tee-prover` speaks (native/README.md), gives every request the same proof, and
prints when each request for one was there as a whole and when its proof was gone again.
"""

import hashlib
import json
import socket
import sys
import threading
import time
from pathlib import Path

from sp1tee.wire.bincode import Reader, Writer

PROVE = 1


class StandIn:
    def __init__(self, proof: bytes, vk: bytes, seconds: float) -> None:
        self.proof = proof
        self.vk = vk
        self.seconds = seconds

    def serve(self, connected: socket.socket) -> None:
        """Answer one request after the other until the client hangs up."""
        with connected:
            while frame := _receive(connected):
                arrived = time.monotonic()
                reader = Reader(frame)
                tag = reader.u32()
                if tag == PROVE:
                    time.sleep(self.seconds)
                _send(connected, self.answer(tag, reader))
                if tag == PROVE:
                    times = {"arrived": arrived, "answered": time.monotonic()}
                    print(json.dumps(times), flush=True)

    def answer(self, tag: int, asked: Reader) -> bytes:
        match tag:
            case 0:
                key = hashlib.sha256(asked.byte_string()).digest()
                return Writer().u32(1).raw(key).raw(self.vk).done()
            case 1:
                return Writer().u32(2).raw(self.proof).done()
            case 2:
                return Writer().u32(0).done()
            case 0x80000000:
                return _info()
            case 0x80000002:
                return Writer().u32(tag).u32(0).string("").done()
        return Writer().u32(4).string("not understood").done()


def _info() -> bytes:
    info = Writer().u32(0x80000000)
    for text in ("sp1tee-prover", "0.1.0", "6.10.0", "v6.1.0"):
        info.string(text)
    return info.u64(2).u32(1).u32(2).string("a stand-in").done()


def _receive(connected: socket.socket) -> bytearray:
    """A frame; empty at the end."""
    size = bytearray(4)
    if connected.recv_into(size, 4, socket.MSG_WAITALL) < 4:
        return bytearray()
    frame = bytearray(int.from_bytes(size, "little"))
    view = memoryview(frame)
    while view:
        count = connected.recv_into(view, len(view), socket.MSG_WAITALL)
        if not count:
            return bytearray()
        view = view[count:]
    return frame


def _send(connected: socket.socket, body: bytes) -> None:
    connected.sendall(len(body).to_bytes(4, "little"))
    connected.sendall(body)


def main(path: Path, proof: Path, vk: Path, seconds: float) -> None:
    stand_in = StandIn(proof.read_bytes(), vk.read_bytes(), seconds)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        print(json.dumps({"socket": str(path)}), flush=True)
        while True:
            connected, _ = listener.accept()
            threading.Thread(target=stand_in.serve, args=(connected,), daemon=True).start()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), float(sys.argv[4]))
