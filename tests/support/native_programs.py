"""SP1's programs as `just native` builds them: the prover, and the unmodified SDK as a requester.

Each is named by a variable or found on PATH; tests that need one which is not here are skipped.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PATIENCE_S = 180.0

_HEARD = ("SP1TEE_", "SP1_PROVER", "NETWORK_", "SKIP_SIMULATION", "RUST_")


def find_prover() -> str | None:
    return _find("SP1TEE_PROVER", "sp1tee-prover")


def prover_program() -> str:
    return find_prover() or _missing("SP1TEE_PROVER", "sp1tee-prover")


def sdk_program() -> str:
    return _find("SP1TEE_SDK_CLIENT", "sdk-client") or _missing("SP1TEE_SDK_CLIENT", "sdk-client")


def _find(variable: str, name: str) -> str | None:
    return os.environ.get(variable) or shutil.which(name)


def _missing(variable: str, name: str) -> str:
    pytest.skip(f"no {name} on PATH, and {variable} names none (just native builds it)")


@dataclass(frozen=True)
class Said:
    """How a run of the SDK ended, and what its user was told."""

    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"exit code {self.code}\n{self.out}\n{self.err}"


@dataclass(frozen=True)
class SdkRun:
    """The SDK at work; what it says stands in two files."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def said(self, seconds: float = PATIENCE_S) -> Said:
        """Wait for its end."""
        code = self.process.wait(seconds)
        return Said(code, self.out.read_text(), self.err.read_text())

    def heard(self) -> str:
        """What it has said so far."""
        return self.out.read_text() + self.err.read_text()


@contextmanager
def sdk_at_work(
    folder: Path, *arguments: str, variables: Mapping[str, str] | None = None
) -> Iterator[SdkRun]:
    """Run the SDK, its output in the folder, for as long as the block lasts."""
    out, err = folder / "out", folder / "err"
    with out.open("wb") as to_out, err.open("wb") as to_err:
        process = subprocess.Popen(
            [sdk_program(), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=to_out,
            stderr=to_err,
            env=_environment() | dict(variables or {}),
        )
    try:
        yield SdkRun(process, out, err)
    finally:
        process.kill()
        process.wait()


def sdk_client(*arguments: str, seconds: float = PATIENCE_S) -> subprocess.CompletedProcess[str]:
    """Run the SDK to its end."""
    return subprocess.run(
        [sdk_program(), *arguments],
        capture_output=True,
        text=True,
        env=_environment(),
        timeout=seconds,
        check=False,
    )


def _environment() -> dict[str, str]:
    """This environment without what the SDK listens to: a run must not depend on who starts it."""
    return {name: text for name, text in os.environ.items() if not name.startswith(_HEARD)}
