"""Files with secrets: who else may read them, and where that says nothing."""

import os
from pathlib import Path

import pytest

from sp1tee import private_files
from sp1tee.errors import ConfigError, ExposedSecretError
from sp1tee.private_files import check_private, write_new


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    write_new(path, b"a-secret-of-ours")
    return path


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_of_its_owner_s_alone_is_read(secret: Path, mode: int) -> None:
    secret.chmod(mode)
    check_private(secret)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o666])
def test_a_file_that_others_can_read_or_change_is_refused(secret: Path, mode: int) -> None:
    secret.chmod(mode)
    with pytest.raises(ExposedSecretError) as caught:
        check_private(secret)
    assert caught.value.code == "SP1TEE-C003"
    assert f"chmod 600 {secret}" in caught.value.advice
    assert "a-secret-of-ours" not in f"{caught.value.message}{caught.value.advice}"


def test_a_link_is_as_private_as_what_it_leads_to(secret: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(secret)
    check_private(tmp_path / "link")
    secret.chmod(0o644)
    with pytest.raises(ExposedSecretError):
        check_private(tmp_path / "link")


def test_what_systemd_hands_over_is_read_as_it_is(
    secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(secret.parent))
    check_private(secret)


@pytest.mark.parametrize(("container", "refused"), [("docker", False), ("", True)])
def test_what_a_container_s_runtime_mounts_is_read_as_it_is(
    secret: Path, monkeypatch: pytest.MonkeyPatch, *, container: str, refused: bool
) -> None:
    secret.chmod(0o444)
    monkeypatch.setattr(private_files, "_MOUNTED", secret.parent)
    monkeypatch.setattr(private_files, "_MARKS", ())
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.delenv("container", raising=False)
    if container:
        monkeypatch.setenv("container", container)
    if refused:
        with pytest.raises(ExposedSecretError):
            check_private(secret)
    else:
        check_private(secret)


def test_a_pipe_is_nobody_else_s() -> None:
    reader, writer = os.pipe()
    check_private(Path(f"/dev/fd/{reader}"))
    os.close(reader)
    os.close(writer)


def test_a_file_that_is_there_is_not_overwritten(secret: Path) -> None:
    with pytest.raises(ConfigError, match="exists already"):
        write_new(secret, b"another")
    assert secret.read_bytes() == b"a-secret-of-ours"
