"""`sp1tee verify all`: what is judged, the host or something that is saved under its name."""

from pathlib import Path

import pytest
from support.bundles import AT, HOST, folder, genuine
from support.commands import Run

from sp1tee.verify.evidence import save_bundle


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, body in folder().items():
        (tmp_path / name).write_bytes(body)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_saved_under_a_hosts_name_does_not_pass_for_the_host(
    sp1tee: Run, here: Path
) -> None:
    save_bundle(genuine(), here / HOST)
    arguments = ("--policy", "policy.toml", "--at", str(AT), "--offline", "--quiet")
    ran = sp1tee("verify", "all", HOST, *arguments)
    assert ran.code == 2
    assert "may be the host" in ran.err
    assert sp1tee("verify", "all", f"./{HOST}", *arguments).code == 0
    assert sp1tee("verify", "all", "--bundle", HOST, *arguments).code == 0


@pytest.mark.parametrize("name", ["evidence.tar", "evidence"])
def test_a_bundle_needs_no_path(sp1tee: Run, here: Path, name: str) -> None:
    save_bundle(genuine(), here / name)
    arguments = ("--policy", "policy.toml", "--at", str(AT), "--offline", "--quiet")
    assert sp1tee("verify", "all", name, *arguments).code == 0


@pytest.mark.parametrize("command", ["all", "cert"])
def test_saved_evidence_is_held_against_the_host_that_was_typed(
    sp1tee: Run, here: Path, command: str
) -> None:
    save_bundle(genuine(), here / "evidence.tar")
    flags = ("--bundle", "evidence.tar", "--policy", "policy.toml", "--at", str(AT), "--quiet")
    assert sp1tee("verify", command, f"{HOST}:443", *flags).code == 0
    other = sp1tee("verify", command, "tee.example.org", *flags)
    assert (other.code, other.out) == (2, "")
    assert f"about {HOST}:443" in other.err
