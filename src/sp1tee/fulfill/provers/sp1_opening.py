"""Making SP1's provers from what an operator says of them."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from sp1tee.errors import ConfigError, NativeGone
from sp1tee.fulfill.provers.sought_server import SoughtServer
from sp1tee.fulfill.provers.sp1 import Sp1Prover
from sp1tee.fulfill.provers.sp1_look import Choice
from sp1tee.fulfill.provers.verifying import Verifier
from sp1tee.native.gpus import memory_of
from sp1tee.native.process import ForeignServer, NativeServer
from sp1tee.native.programs import NativeProgram, find_program, room_for
from sp1tee.wire.modes import Mode

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
        modes: which kinds of proof they are to make; None for what their GPUs have memory for.
        request_bytes: the largest program and its largest input together.
    """

    program: Path | None
    socket: Path | None
    device: int
    slots: int
    modes: frozenset[Mode] | None
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
        verifier = Verifier.find(self.program)
        devices = range(self.device, self.device + self.slots)
        return tuple(self._prover(device, verifier) for device in devices)

    def _prover(self, device: int, verifier: Verifier | None) -> Sp1Prover:
        server = SoughtServer(lambda: self._server(device))
        choice = Choice(self.modes, partial(memory_of, device))
        return Sp1Prover(server, device, choice=choice, verifier=verifier)

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
