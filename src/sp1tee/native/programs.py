"""Which native program a file is, and how it is started."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from sp1tee.errors import NativeGone
from sp1tee.native.frames import MAX_ANSWER, MAX_FRAME
from sp1tee.native.kept import Launch
from sp1tee.native.process import OwnServer
from sp1tee.wire.stark_tail import MAX_PUBLIC_VALUES

# Around an input: the tag, lengths, limits.
_HEADER_BYTES: Final = 1 << 20
PROVER: Final = "sp1tee-prover"
GPU_SERVER: Final = "sp1-gpu-server"

_VERSION_SECONDS: Final = 30.0
_OWN: Final = re.compile(r"sp1tee-prover (\S{1,40}) \(SP1 (6\.\d{1,3}\.\d{1,3}), .*\)")
# SP1's server prints nothing but its number.
_GPU: Final = re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,3}")
_MAJOR: Final = "6."


@dataclass(frozen=True, slots=True)
class NativeProgram:
    """A program that serves the protocol.

    Attributes:
        path: the file.
        gpu: whether it is SP1's GPU server; else it is ``sp1tee-prover``.
        sp1_version: of the SP1 inside, e.g. ``6.10.0``.
    """

    path: Path
    gpu: bool
    sp1_version: str

    @classmethod
    def at(cls, path: Path) -> Self:
        """Ask the program at `path` for its version.

        Raises:
            NativeGone: it cannot be run, or is another program or of another version.
        """
        said = _version(path)
        if own := _OWN.fullmatch(said):
            return cls(path, gpu=False, sp1_version=own[2])
        if _GPU.fullmatch(said) and said.startswith(_MAJOR):
            return cls(path, gpu=True, sp1_version=said)
        shown = f"says that it is {said!r}" if _GPU.fullmatch(said) else "is another program"
        raise NativeGone(
            f"{path} {shown}, not {GPU_SERVER} 6 or {PROVER}.",
            advice="Name the program of SP1 v6; `just native` builds sp1tee-prover.",
        )

    def server(self, device: int, *flags: str) -> OwnServer:
        """Make a server of it; `device` is the number of a GPU, and its socket's number."""
        environment = {"CUDA_VISIBLE_DEVICES": str(device)}
        if self.gpu:
            # Its socket cannot be chosen.
            socket = Path(f"/tmp/sp1-cuda-{device}.sock")  # noqa: S108 - whose it is, is checked
            return OwnServer(Launch((str(self.path),), socket, environment))
        socket = Path(tempfile.mkdtemp(prefix="sp1tee-")) / "socket"
        command = (str(self.path), "--socket", str(socket), *flags)
        return OwnServer(Launch(command, socket, environment), folder=socket.parent)

    def verifier(self) -> OwnServer:
        """Make a server of ``sp1tee-prover`` that makes no proofs, and takes the longest ones."""
        # Circuits of anybody's own making would do in SP1's development mode.
        mode = ("--set", "SP1_CIRCUIT_MODE=release")
        return self.server(0, "--no-proofs", *mode, *room_for(MAX_ANSWER + MAX_PUBLIC_VALUES))


def room_for(request_bytes: int) -> tuple[str, ...]:
    """Return the flags with which ``sp1tee-prover`` takes program and input of this size."""
    return ("--max-request", str(min(request_bytes + _HEADER_BYTES, MAX_FRAME)))


def find_program(named: Path | None, environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return what makes proofs: as named, as SP1TEE_PROVER says, or on PATH; None if nothing does.

    On PATH, SP1's GPU server goes first.
    """
    if named is not None:
        return named
    if ours := environment.get("SP1TEE_PROVER"):
        return Path(ours)
    found = shutil.which(GPU_SERVER) or shutil.which(PROVER)
    return None if found is None else Path(found)


def find_verifier(
    named: Path | None = None, environment: Mapping[str, str] = os.environ
) -> NativeProgram | None:
    """Return ``sp1tee-prover``, as named, in SP1TEE_PROVER or on PATH; None if it is in neither."""
    for place in (named, environment.get("SP1TEE_PROVER"), shutil.which(PROVER)):
        with suppress(NativeGone):
            if place and not (program := NativeProgram.at(Path(place))).gpu:
                return program
    return None


def _version(path: Path) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the operator names the program
            [path, "--version"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_VERSION_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ""
    except OSError as error:
        raise NativeGone(
            f"{path} cannot be run: {error.strerror}.",
            advice="Name a program that was built for this machine, in a place that allows "
            "programs (not mounted noexec).",
        ) from None
    return done.stdout[:200].decode("ascii", "replace").strip()
