"""One connection to a native server. Every call blocks: use it from one thread at a time.

After an error other than `NativeFailed` the connection is closed, because nobody could tell which
answer belongs to which request any more.
"""

import socket
import struct
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

from sp1tee.errors import NativeFailed, NativeGarbled, NativeGone, NativeTimeout
from sp1tee.native import frames
from sp1tee.native.frames import (
    Answer,
    Done,
    Executed,
    Failed,
    Info,
    Parts,
    Proved,
    SetUp,
    Verified,
)
from sp1tee.wire.modes import Mode

_LENGTH: Final = struct.Struct("<I")
_PEER: Final = struct.Struct("3i")
_TIMEVAL: Final = struct.Struct("ll")
_MICRO: Final = 1_000_000
_RECEIVED_AT_ONCE: Final = 1 << 20
# The kernel takes all of it in one call, and a device may be idle until the last byte is there.
_SENT_AT_ONCE: Final = 16 << 20

_A = TypeVar("_A", bound=Answer)


class Client:
    """A connection. `seconds`, where it can be given, is for the whole call; None is for ever.

    Every call raises:
        NativeGone: the connection ended before the answer, or was aborted.
        NativeTimeout: the time was over before the answer.
        NativeGarbled: the answer is none, or answers something else.
        NativeFailed: the server says that it failed.
    """

    def __init__(self, connected: socket.socket, limit: int = frames.MAX_ANSWER) -> None:
        """Take over a connected socket; answers over `limit` bytes are not read."""
        self._socket = connected
        self._limit = limit

    @classmethod
    def connect(cls, path: Path) -> Self:
        """Connect to the server that listens at `path`.

        Raises:
            NativeGone: none does.
        """
        unconnected = socket.socket(socket.AF_UNIX)
        try:
            unconnected.connect(str(path))
        except OSError as error:
            unconnected.close()
            reason = error.strerror or str(error)
            raise NativeGone(f"Nobody answers at the socket {path}: {reason}.") from None
        return cls(unconnected)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection; every later call raises `NativeGone`."""
        self._socket.close()

    def abort(self) -> None:
        """End the connection from any thread: a call that waits raises `NativeGone` at once."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            self._socket.close()

    def peer(self) -> int:
        """Return the id of the process that listens at the other end; 0 if it is out of sight."""
        size = _PEER.size
        credentials = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
        pid: int = _PEER.unpack(credentials)[0]
        return pid

    def info(self, seconds: float | None = None) -> Info:
        """Ask who is there; ``sp1-gpu-server`` answers `NativeFailed` and hangs up."""
        return self._ask(Info, frames.info(), seconds)

    def setup(self, elf: bytes, seconds: float | None = None) -> SetUp:
        """Make a program ready to be proved on this connection."""
        return self._ask(SetUp, frames.setup(elf), seconds)

    def prove(self, mode: Mode, key: bytes, stdin: bytes, seconds: float | None = None) -> bytes:
        """Prove a program that was set up; return ``ProofFromNetwork`` bytes."""
        return self._ask(Proved, frames.prove(mode, key, stdin), seconds).proof

    def destroy(self, key: bytes, seconds: float | None = None) -> None:
        """Forget a program that was set up."""
        self._ask(Done, frames.destroy(key), seconds)

    def execute(
        self,
        elf: bytes,
        stdin: bytes,
        *,
        cycles: int | None = None,
        gas: int | None = None,
        milliseconds: int | None = None,
        seconds: float | None = None,
    ) -> Executed:
        """Run a program on an encoded ``SP1Stdin`` within limits.

        `milliseconds` is for the run; `seconds` for the call, and should be more.
        """
        request = frames.execute(elf, stdin, cycles=cycles, gas=gas, milliseconds=milliseconds)
        return self._ask(Executed, request, seconds)

    def verify(
        self, vk: bytes, public_values: bytes, proof: bytes, seconds: float | None = None
    ) -> str:
        """Return why a proof does not hold; empty if it does."""
        return self._ask(Verified, frames.verify(vk, public_values, proof), seconds).reason

    def _ask(self, kind: type[_A], request: Parts, seconds: float | None) -> _A:
        until = None if seconds is None else time.monotonic() + seconds
        try:
            answer = _expect(kind, self._exchange(request, until))
        except (TimeoutError, BlockingIOError):
            self.close()
            raise NativeTimeout("The native server did not answer in time.") from None
        except OSError:
            self.close()
            raise NativeGone("The native server hung up before it answered.") from None
        except BaseException:
            self.close()
            raise
        if isinstance(answer, Failed):
            raise NativeFailed(answer.text, proving=answer.proving)
        return answer

    def _exchange(self, request: Parts, until: float | None) -> Answer:
        if frames.length(request) > frames.MAX_FRAME:
            raise NativeFailed("The request is longer than the protocol allows.", proving=False)
        try:
            self._send(request, until)
        except ConnectionError:
            # It may have said why before it hung up.
            return self._receive(until)
        return self._receive(until)

    def _send(self, request: Parts, until: float | None) -> None:
        # Python's own time limits would have it wait, and wake up, for every 200 KB.
        self._socket.settimeout(None)
        for part in (_LENGTH.pack(frames.length(request)), *request):
            view = memoryview(part)
            while view:
                self._limit_sending(_left(until))
                view = view[self._socket.send(view[:_SENT_AT_ONCE]) :]

    def _limit_sending(self, seconds: float | None) -> None:
        # Zero is for ever.
        microseconds = 0 if seconds is None else max(1, int(seconds * _MICRO))
        limit = _TIMEVAL.pack(*divmod(microseconds, _MICRO))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)

    def _receive(self, until: float | None) -> Answer:
        (length,) = _LENGTH.unpack(self._exactly(_LENGTH.size, until))
        if length > self._limit:
            raise NativeGarbled(
                f"The native server announces an answer of {length} bytes; "
                f"{self._limit} are taken at most."
            )
        return frames.decode_answer(self._exactly(length, until))

    def _exactly(self, count: int, until: float | None) -> bytearray:
        """Read so many bytes; memory grows with those that arrive, not with those announced."""
        data = bytearray()
        while len(data) < count:
            self._socket.settimeout(_left(until))
            part = self._socket.recv(min(count - len(data), _RECEIVED_AT_ONCE))
            if not part:
                raise ConnectionResetError
            data += part
        return data


def _left(until: float | None) -> float | None:
    """Return the seconds left; None for ever. Raises TimeoutError if none are."""
    if until is None:
        return None
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _expect(kind: type[_A], answer: Answer) -> _A | Failed:
    if not isinstance(answer, kind | Failed):
        raise NativeGarbled("The native server answered something that was not asked.")
    return answer
