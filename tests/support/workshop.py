"""A workshop for the tools that build: nothing is compiled, installed or downloaded in it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from support.tools import ROOT


class Workshop:
    """A copy of `tools/` and `native/`, a cache, and stand-ins for the programs they call."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir()
        no_builds = shutil.ignore_patterns("target", "__pycache__")
        for part in ("tools", "native"):
            shutil.copytree(ROOT / part, folder / part, ignore=no_builds)
        self.stand_in("rustc", 'echo "rustc 1.95.0 (a stand-in)"', 'echo "$@"')
        for name in ("protoc", "cc", "c++", "cmake", "clang", "go", "rustfmt", "clippy-driver"):
            self.stand_in(name)

    def stand_in(self, name: str, *lines: str) -> None:
        program = self.bin / name
        program.write_text(
            "\n".join(["#!/bin/sh -e", f'log() {{ echo "$@" >> {self._log}; }}', *lines])
        )
        program.chmod(0o755)

    def without(self, name: str) -> dict[str, str]:
        """Return an environment in which this program is nowhere to be found."""
        (self.bin / name).unlink()
        return {"PATH": str(self.bin)}

    def start(self, tool: str, *flags: str, **variables: str) -> "subprocess.Popen[str]":
        environment = {
            "PATH": f"{self.bin}:/usr/bin:/bin",
            "PYTHONPATH": str(self.folder / "python"),
            "SP1TEE_NATIVE_CACHE": str(self.folder / "cache"),
        }
        return subprocess.Popen(
            [sys.executable, str(self.folder / "tools" / tool), *flags],
            env=os.environ | environment | variables,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, tool: str, *flags: str, **variables: str) -> tuple[int, str, str]:
        """Return the exit code, what was said and what was complained about."""
        process = self.start(tool, *flags, **variables)
        said, complained = process.communicate()
        return process.returncode, said, complained

    @property
    def _log(self) -> Path:
        return self.folder / "calls"

    def calls(self) -> list[str]:
        """Return what the stand-ins were told to do."""
        return self._log.read_text().splitlines() if self._log.exists() else []
