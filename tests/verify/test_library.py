"""`sp1tee.verify` as a library: what its documentation shows, without a command line or a network."""

import subprocess
import sys
from pathlib import Path

import pytest

import sp1tee.verify
from sp1tee.sim.ingress import Host, build, reader, saved
from sp1tee.verify import Verdict

AT = 1_790_000_000


def imported_by(code: str) -> set[str]:
    """Return the modules that a fresh interpreter has after running some code."""
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(told.stdout.split())


@pytest.mark.parametrize("name", sp1tee.verify.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(sp1tee.verify, name).__name__ == name
    assert name in dir(sp1tee.verify)


def test_no_other_name_is_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sp1tee.verify.nothing


def test_judging_needs_neither_a_command_line_nor_a_network() -> None:
    modules = imported_by(f"from sp1tee.verify import {', '.join(sp1tee.verify.__all__)}")
    assert "sp1tee.verify.appraisal" in modules
    assert not modules & {"typer", "requests", "OpenSSL", "docker", "grpc", "sp1tee.verify.fetch"}


def test_the_documented_example_gives_a_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = Path(__file__).parents[2].joinpath("docs/verification.md").read_text("utf-8")
    code = text.split("```python\n")[1].split("```")[0]
    host = Host(at=AT)
    for name, body in reader.files(host).items():
        (tmp_path / name).write_bytes(body)
    sp1tee.verify.save_bundle(saved.save(build(host)), tmp_path / "evidence.tar")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/verification.md", "exec"), {})
    verdict, digest = capsys.readouterr().out.split()
    assert verdict == Verdict.PASS
    assert len(digest) == 64
