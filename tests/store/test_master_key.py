"""The vault key: made once, kept private, never replaced in silence."""

import shutil
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.stores import opened

from sp1tee.errors import MissingVaultKeyError, VaultKeyError
from sp1tee.store.master_key import MasterKey

DATABASES = ("sqlite",)


def key_file(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_key_is_made_on_first_start_and_read_on_the_next(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "vault.key"
    made, fresh = MasterKey.made_or_read(path, data_dir=tmp_path / "data")
    again, not_fresh = MasterKey.made_or_read(path, data_dir=tmp_path / "data")
    assert (fresh, not_fresh) == (True, False)
    assert made.derive("x") == again.derive("x")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["vault.key"]


def test_two_made_keys_differ(tmp_path: Path) -> None:
    one, _ = MasterKey.made_or_read(tmp_path / "1", data_dir=tmp_path / "data")
    two, _ = MasterKey.made_or_read(tmp_path / "2", data_dir=tmp_path / "data")
    assert one.derive("x") != two.derive("x")


@pytest.mark.anyio
@pytest.mark.parametrize("left", ["everything", "blobs", "store.db"])
async def test_an_existing_vault_never_gets_a_new_key(tmp_path: Path, left: str) -> None:
    async with opened(tmp_path):
        pass
    if left == "blobs":
        (tmp_path / "store.db").unlink()
    elif left == "store.db":
        shutil.rmtree(tmp_path / "blobs")
    path = tmp_path / "vault.key"
    with pytest.raises(MissingVaultKeyError):
        MasterKey.made_or_read(path, data_dir=tmp_path)
    assert not path.exists()


def test_hex_and_raw_files_hold_the_same_key(tmp_path: Path) -> None:
    raw = bytes(range(32))
    keys = [
        MasterKey.from_file(key_file(tmp_path / str(n), content))
        for n, content in enumerate([raw, raw.hex().encode(), raw.hex().upper().encode() + b"\n"])
    ]
    assert {key.derive("x") for key in keys} == {MasterKey(raw).derive("x")}


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o666, 0o602])
def test_a_key_file_that_everyone_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path / "key", bytes(32), mode)
    with pytest.raises(VaultKeyError) as caught:
        MasterKey.from_file(path)
    assert caught.value.advice == f"chmod 600 {path}"


def test_a_key_file_that_a_group_can_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VaultKeyError, match="Others"):
        MasterKey.from_file(key_file(tmp_path / "key", bytes(32), 0o640))


def test_a_missing_file_and_a_directory_are_told(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(VaultKeyError, match="cannot be read"):
            MasterKey.from_file(path)


def test_a_place_where_no_key_can_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(VaultKeyError, match="No vault key file can be made"):
        MasterKey.made_or_read(tmp_path / "file" / "key", data_dir=tmp_path / "data")


@given(content=st.binary(max_size=100) | st.text("0123456789abcdef \n").map(str.encode))
def test_any_other_content_is_refused_without_repeating_it(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = key_file(tmp_path_factory.mktemp("k") / "key", content)
    try:
        MasterKey.from_file(path)
    except VaultKeyError as error:
        shown = str(error) + error.advice
        assert content.hex() not in shown.replace(str(path), "") or len(content) < 2


def test_a_key_shows_nothing_of_itself() -> None:
    key = MasterKey(b"K" * 32)
    assert repr(key) == str(key) == "MasterKey(…)"
    assert not hasattr(key, "__dict__")


def test_derived_keys_differ_by_purpose_and_from_the_key() -> None:
    key = MasterKey(b"K" * 32)
    assert len({key.derive("a"), key.derive("b"), b"K" * 32}) == 3
