"""A stand-in for ``sp1tee-prover``: its protocol, instant proofs, and one fault on demand.

Whoever wants a fault writes its name to ``order`` in the control folder. The next proof takes the
order, notes in ``acts`` that it did, and goes wrong in that way. `write_program` makes the file
that a worker starts.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from chaos.proofs import CIRCUIT, MODE, guest, public_values, revealed_by, sealed, why_not
from sp1tee.wire.bincode import Reader, Writer

ORDER: Final = "order"
ACTS: Final = "acts"
PID: Final = "pid"

HANG: Final = "hang"
CRASH: Final = "crash"
WRONG_PROOF: Final = "wrong-proof"
WRONG_VALUES: Final = "wrong-values"
GARBAGE: Final = "garbage"
FAILS: Final = "fails"
SLOW: Final = "slow"

SLOW_SECONDS: Final = 0.6

_OURS: Final = 1 << 31
_NONCE_SIZE: Final = 16
_PROVE_HEAD: Final = 4 + 32
_LENGTH: Final = 4


def write_program(path: Path, control: Path) -> None:
    """Write the program that a worker is told to start."""
    control.mkdir()
    root = Path(__file__).parent.parent
    search = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    path.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = --version ]; then\n'
        "  echo 'sp1tee-prover 0.1.0 (SP1 6.10.0, chaos)'; exit\n"
        "fi\n"
        f"PYTHONPATH='{search}' exec '{sys.executable}' -m chaos.prover '{control}' \"$@\"\n"
    )
    path.chmod(0o755)


def order(control: Path, fault: str) -> None:
    """Have the next proof go wrong."""
    draft = control / "order.draft"
    draft.write_text(fault)
    draft.rename(control / ORDER)


class Prover:
    """Answers on connections; only one that makes proofs takes orders."""

    def __init__(self, control: Path, *, proves: bool) -> None:
        self._control = control
        self._proves = proves

    def serve(self, path: Path) -> None:
        """Take connections until the process ends."""
        # A predecessor that was killed left its own behind.
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen()
        if self._proves:
            (self._control / PID).write_text(str(os.getpid()))
        while True:
            connected, _ = listener.accept()
            threading.Thread(target=self._talk, args=(connected,), daemon=True).start()

    def _talk(self, connected: socket.socket) -> None:
        with connected, contextlib.suppress(OSError):
            while frame := _frame(connected):
                answer = self._answer(frame)
                connected.sendall(len(answer).to_bytes(_LENGTH, "little") + answer)

    def _answer(self, frame: bytes) -> bytes:
        reader = Reader(frame)
        match reader.u32():
            case 0:
                return self._set_up(reader.byte_string())
            case 1:
                return self._prove(frame[_LENGTH + _PROVE_HEAD : -_NONCE_SIZE])
            case 2:
                return Writer().u32(0).done()
            case tag if tag == _OURS:
                return self._info()
            case tag if tag == _OURS + 2:
                reader.byte_string()
                values = reader.byte_string()
                reason = why_not(reader.bytes(reader.remaining), values)
                return Writer().u32(tag).u32(bool(reason)).string(reason).done()
        return _failed("unknown request", proving=False)

    def _info(self) -> bytes:
        writer = Writer().u32(_OURS)
        for text in ("sp1tee-prover", "0.1.0", "6.10.0", CIRCUIT):
            writer.string(text)
        modes = (MODE,) if self._proves else ()
        writer.u64(len(modes))
        for mode in modes:
            writer.u32(mode)
        return writer.string("CHAOS=1\n").done()

    def _set_up(self, elf: bytes) -> bytes:
        import hashlib  # noqa: PLC0415 - the verifier's process never needs it

        key = hashlib.sha256(elf).digest()
        return Writer().u32(1).raw(key).raw(guest().vk or b"").done()

    def _prove(self, stdin: bytes) -> bytes:
        values = revealed_by(stdin)
        match self._taken_order():
            case "hang":
                threading.Event().wait()
            case "crash":
                os.kill(os.getpid(), signal.SIGKILL)
            case "wrong-proof":
                return _proved(sealed(values, seal=bytes(32)))
            case "wrong-values":
                return _proved(sealed(public_values(0)))
            case "garbage":
                return b"\xff" * 64
            case "fails":
                return _failed("the device is out of memory", proving=True)
            case "slow":
                threading.Event().wait(SLOW_SECONDS)
        return _proved(sealed(values))

    def _taken_order(self) -> str:
        taken = self._control / f"taken.{os.getpid()}"
        try:
            (self._control / ORDER).rename(taken)
        except FileNotFoundError:
            return ""
        fault = taken.read_text()
        with (self._control / ACTS).open("a") as acts:
            acts.write(f"{fault}\n")
        return fault


def _proved(proof: bytes) -> bytes:
    return Writer().u32(2).raw(proof).done()


def _failed(text: str, *, proving: bool) -> bytes:
    return Writer().u32(3 if proving else 4).string(text).done()


def _frame(connected: socket.socket) -> bytes:
    return _exactly(connected, int.from_bytes(_exactly(connected, _LENGTH), "little"))


def _exactly(connected: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size and (part := connected.recv(size - len(data))):
        data += part
    return bytes(data) if len(data) == size else b""


def main(arguments: Sequence[str]) -> None:
    """Serve as a worker starts it: ``CONTROL --socket PATH … [--no-proofs]``."""
    control, _, path, *flags = arguments
    Prover(Path(control), proves="--no-proofs" not in flags).serve(Path(path))


if __name__ == "__main__":
    main(sys.argv[1:])
