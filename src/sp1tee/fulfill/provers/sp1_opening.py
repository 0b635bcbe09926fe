"""Making SP1's provers from what an operator says of them."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sp1tee.errors import ConfigError, NativeGone
from sp1tee.fulfill.native.client import Client
from sp1tee.fulfill.native.process import START_SECONDS, ForeignServer, NativeServer
from sp1tee.fulfill.native.programs import NativeProgram, find_program, find_verifier, room_for
from sp1tee.fulfill.provers.sp1 import Sp1Prover

_DEVICE: Final = "{device}"


@dataclass(frozen=True, slots=True)
class Sp1Plan:
    """What an operator says.

    Attributes:
        program: the server's program; None to find it.
        socket: where a server listens that somebody else starts; then no program is started.
            ``{device}`` in it stands for the device's number.
        device: the first device's number; those of other slots count up.
        slots: how many devices.
        request_bytes: the largest program and its largest input together.
    """

    program: Path | None
    socket: Path | None
    device: int
    slots: int
    request_bytes: int

    def provers(self) -> tuple[Sp1Prover, ...]:
        """Make a prover for every slot; no server is started or looked for yet.

        Raises:
            ConfigError: several slots are to use one socket.
        """
        if self.socket is not None and self.slots > 1 and _DEVICE not in str(self.socket):
            raise ConfigError(
                "Several slots cannot use one socket: a server proves one thing at a time.",
                advice="Write {device} where the device's number stands in the socket's path.",
            )
        devices = range(self.device, self.device + self.slots)
        # Its version is asked of the program itself: once, not for every slot.
        judge = find_verifier()
        return tuple(self._prover(device, judge) for device in devices)

    def _prover(self, device: int, judge: NativeProgram | None) -> Sp1Prover:
        server = SoughtServer(lambda: self._server(device))
        if judge is None:
            return Sp1Prover(server, device)
        verifier = SoughtServer(lambda: judge.server(device, "--no-proofs"))
        return Sp1Prover(server, device, verifier=verifier)

    def _server(self, device: int) -> NativeServer:
        if self.socket is not None:
            return ForeignServer(Path(str(self.socket).replace(_DEVICE, str(device))))
        program = find_program(self.program)
        if program is None:
            raise NativeGone(
                "No prover of SP1 is named or on PATH: neither sp1-gpu-server nor sp1tee-prover.",
                advice="Build sp1tee-prover (`just native`) and name it in SP1TEE_PROVER.",
            )
        return NativeProgram.at(program).server(device, *room_for(self.request_bytes))


class SoughtServer:
    """A server that is looked for when it is first needed, so that only then it can be missing."""

    def __init__(self, seek: Callable[[], NativeServer]) -> None:
        """Look for nothing yet; `seek` may raise `NativeGone`."""
        self._seek = seek
        self._found: NativeServer | None = None
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The found server's name."""
        return self._found.name if self._found else "the server"

    def connect(self, seconds: float = START_SECONDS) -> Client:
        """Find the server, and connect to it; raises `NativeGone`."""
        with self._lock:
            if self._found is None:
                self._found = self._seek()
        return self._found.connect(seconds)

    def stop(self) -> None:
        """End the server if it is ours and was found."""
        if self._found is not None:
            self._found.stop()

    def close(self) -> None:
        """End the server for good."""
        if self._found is not None:
            self._found.close()

    def post_mortem(self) -> str:
        """Return how the server ended."""
        return self._found.post_mortem() if self._found else ""
