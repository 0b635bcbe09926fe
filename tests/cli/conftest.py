"""Commands run in this process, or as processes of their own where that matters."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina
from support.commands import Ran, Run, Start
from support.prover_stand_in import ProverStandIn
from support.wire_data import key, sample

from sp1tee.cli.app import run
from sp1tee.cli.render import talk
from sp1tee.wire.signing import checksum_address

KEY = "11" * 32
ADDRESS = checksum_address(key("test_key_1").address)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith("SP1TEE_") or name in ("NETWORK_RPC_URL", "NETWORK_PRIVATE_KEY"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    yield
    # A console keeps the stream it was made with, and that stream is this test's.
    talk.cache_clear()
    stamina.instrumentation.set_on_retry_hooks(None)
    logging.getLogger("grpc").setLevel(logging.NOTSET)


@pytest.fixture
def sp1tee(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line in this process."""

    def run_it(*arguments: object) -> Ran:
        talk.cache_clear()
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return run_it


@pytest.fixture
def process() -> Iterator[Start]:
    """Start a command line as a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: object) -> subprocess.Popen[str]:
        popen = subprocess.Popen(
            [sys.executable, "-m", "sp1tee", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(popen)
        return popen

    yield start
    for popen in started:
        popen.kill()
        popen.communicate()


@pytest.fixture
def server() -> Iterator[ProverStandIn]:
    with ProverStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(KEY)
    path.chmod(0o600)
    return path


@pytest.fixture
def elf(tmp_path: Path) -> Path:
    """A program with its verifying key beside it."""
    path = tmp_path / "solvency.elf"
    path.write_bytes(sample(".elf"))
    path.with_name("solvency.elf.vk").write_bytes(sample("-vk.bin"))
    return path
