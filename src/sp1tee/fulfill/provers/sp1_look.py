"""Who answers at a prover's socket, and what it makes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sp1tee.errors import NativeError, NativeFailed, ProverUnavailable, VersionError
from sp1tee.fulfill.provers import Capability
from sp1tee.logs import get
from sp1tee.native.client import Client
from sp1tee.native.frames import Info
from sp1tee.native.preflight import missing_circuits, obstacles
from sp1tee.native.process import START_SECONDS, NativeServer
from sp1tee.wire.modes import Mode
from sp1tee.wire.versions import CircuitVersion, Family, latest, parse_circuit

WRAPPING_MEMORY: Final = 40 * 10**9
"""Bytes of a GPU that SP1's documents ask for where proofs are wrapped for a chain."""

_INFO_SECONDS: Final = 30.0

_log = get(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a server says of itself.

    Attributes:
        capability: what it makes.
        ours: whether it is ``sp1tee-prover``, which verifies too and quotes no input; else it is
            ``sp1-gpu-server``.
    """

    capability: Capability
    ours: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """Which kinds of proof a server is to make, of those that it can.

    Attributes:
        modes: as the operator says; None for what its GPU has memory for.
        memory: tells how many bytes the GPU has, None if that is not known; may block.
    """

    modes: frozenset[Mode] | None = None
    memory: Callable[[], int | None] = lambda: None

    def of(self, able: frozenset[Mode], *, gpu: bool) -> frozenset[Mode]:
        """Choose.

        Raises:
            ProverUnavailable: nothing is left.
        """
        if self.modes is None:
            return able - _too_large(self.memory()) if gpu else able
        if not (chosen := able & self.modes):
            raise ProverUnavailable(
                "The prover makes none of the kinds of proof in sp1_modes.",
                advice=f"It makes {', '.join(map(str, sorted(able)))}.",
            )
        return chosen


def connected(server: NativeServer) -> Client:
    """Connect to a prover; raises `ProverUnavailable`, which says what this machine lacks."""
    try:
        return server.connect(START_SECONDS)
    except NativeError as error:
        why = " ".join((error.message, *obstacles()))
        raise ProverUnavailable(why, advice=error.advice) from None


def look(server: NativeServer, choice: Choice) -> Seen:
    """Ask a server who it is.

    Raises:
        ProverUnavailable: it does not start, is another program, or makes no proofs.
    """
    with connected(server) as client:
        info = _ask(client)
    if info is None:
        modes = choice.of(frozenset(Mode), gpu=True)
        _warn_of_circuits(modes)
        return Seen(Capability(latest(Family.V6).text, modes), ours=False)
    if not info.modes:
        raise ProverUnavailable(
            f"{server.name} makes no proofs.", advice="Start it without --no-proofs."
        )
    modes = choice.of(info.modes, gpu=False)
    return Seen(Capability(_version(server, info).text, modes), ours=True)


def _ask(client: Client) -> Info | None:
    """Return who answers; None for a GPU server, which does not understand the question."""
    try:
        return client.info(_INFO_SECONDS)
    except NativeFailed:
        return None
    except NativeError as error:
        raise ProverUnavailable(error.message, advice=error.advice) from None


def _version(server: NativeServer, info: Info) -> CircuitVersion:
    try:
        return parse_circuit(info.circuit)
    except VersionError as error:
        raise ProverUnavailable(
            f"{server.name} proves with circuits of a version that this release does not know. "
            f"{error.message}",
            advice="Run the prover that belongs to this release.",
        ) from None


def _too_large(memory: int | None) -> frozenset[Mode]:
    """Return what a GPU with so much memory may not be able to make, and say so."""
    if memory is None or memory >= WRAPPING_MEMORY:
        return frozenset()
    left_out = frozenset(mode for mode in Mode if mode.is_snark)
    _log.warning(
        "the GPU is small for wrapping proofs",
        gib=memory >> 30,
        left_out=sorted(map(str, left_out)),
        advice="SP1's documents ask for 40 GB; to try it all the same, name them in sp1_modes.",
    )
    return left_out


def _warn_of_circuits(modes: frozenset[Mode]) -> None:
    missing = [mode for mode in missing_circuits(latest(Family.V6).circuit) if mode in modes]
    if missing:
        _log.warning(
            "circuits are not here",
            modes=[str(mode) for mode in missing],
            advice="sp1-gpu-server downloads gigabytes at the first such proof; give it "
            "SP1_GROTH16_CIRCUIT_PATH and SP1_PLONK_CIRCUIT_PATH.",
        )
