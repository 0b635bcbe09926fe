"""A proof that was received is saved as the SDK saves it, whole or not at all."""

import stat
from pathlib import Path

import pytest
from support.wire_data import real_proof

from sp1tee.client.received import Expected, Received, check_writable, examine
from sp1tee.client.transfer import Download
from sp1tee.errors import OutputFileError


@pytest.fixture
def received() -> Received:
    return examine(bytes(32), Download(real_proof("compressed"), mock=False), Expected())


def test_a_saved_proof_is_what_the_sdk_saved(received: Received, tmp_path: Path) -> None:
    path = tmp_path / "proof.bin"
    assert received.save(path) == path.stat().st_size
    assert path.read_bytes() == real_proof("compressed")


def test_saving_replaces_an_older_proof_and_leaves_nothing_beside_it(
    received: Received, tmp_path: Path
) -> None:
    path = tmp_path / "proof.bin"
    path.write_bytes(b"old")
    received.save(path)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == real_proof("compressed")


def test_a_saved_proof_can_be_read_like_any_new_file(received: Received, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.touch()
    received.save(tmp_path / "proof.bin")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(modes) == 1


def test_saving_to_nowhere_says_so_and_leaves_nothing(received: Received, tmp_path: Path) -> None:
    with pytest.raises(OutputFileError, match="No such file"):
        received.save(tmp_path / "missing" / "proof.bin")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OutputFileError):
        received.save(tmp_path / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("name", [".", "missing/proof.bin"])
def test_an_impossible_output_is_found_out_early(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputFileError):
        check_writable(tmp_path / name)


def test_a_possible_output_passes(tmp_path: Path) -> None:
    check_writable(tmp_path / "proof.bin")


def test_a_received_proof_shows_nothing_of_itself(received: Received) -> None:
    assert len(repr(received)) < 300
