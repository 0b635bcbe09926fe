"""Key files: private from their first byte on, and never overwritten."""

import stat
from pathlib import Path

import pytest

from sp1tee.client.keyfile import new_key, read_key
from sp1tee.errors import ConfigError, ExposedSecretError, SigningKeyError


def test_a_new_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "key"
    signer = new_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_mode & 0o077 == 0
    assert read_key(path).address == signer.address


def test_two_new_keys_differ(tmp_path: Path) -> None:
    assert new_key(tmp_path / "a").address != new_key(tmp_path / "b").address


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("precious")
    with pytest.raises(ConfigError, match="exists already"):
        new_key(path)
    assert path.read_text() == "precious"


def test_a_key_cannot_be_made_nowhere(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        new_key(tmp_path / "missing" / "key")


@pytest.mark.parametrize("text", ["11" * 32, "0x" + "11" * 32, "  " + "11" * 32 + "\r\n"])
def test_a_key_file_may_be_written_by_hand(tmp_path: Path, text: str) -> None:
    path = tmp_path / "key"
    path.write_text(text)
    assert read_key(path).address.hex() == "19e7e376e7c213b7e7e7e46cc70a5dd086daff2a"


@pytest.mark.parametrize("content", [b"", b"no key", b"00" * 32, b"\xff" * 64, b"1" * 5000])
def test_what_is_no_key_is_refused_without_being_repeated(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(SigningKeyError) as caught:
        read_key(path)
    assert content.decode("latin1") not in caught.value.message or not content


def test_a_missing_key_file_leads_to_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file") as caught:
        read_key(tmp_path / "key")
    assert "sp1tee keys new" in caught.value.advice


def test_a_key_that_others_can_read_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "key"
    new_key(path)
    path.chmod(0o640)
    with pytest.raises(ExposedSecretError):
        read_key(path)
