"""Swap that inputs could get to a disk by."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.swap import exposed, swaps

HEAD = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


@pytest.fixture
def block(tmp_path: Path) -> Path:
    for name, uuid in (("dm-0", "CRYPT-PLAIN-swap"), ("dm-1", "LVM-abc")):
        (tmp_path / name / "dm").mkdir(parents=True)
        (tmp_path / name / "dm" / "uuid").write_text(uuid + "\n")
    for name, backing in (("zram0", "none"), ("zram1", "/dev/sda3")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "backing_dev").write_text(backing + "\n")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "kilobytes"),
    [
        ("/dev/sda2", 1024),
        ("/swapfile", 1024),
        ("/dev/dm-0", 0),
        ("/dev/dm-1", 1024),
        ("/dev/zram0", 0),
        ("/dev/zram1", 1024),
    ],
)
def test_only_encrypted_swap_and_swap_in_memory_are_safe(
    block: Path, path: str, kilobytes: int
) -> None:
    listing = block / "swaps"
    listing.write_text(f"{HEAD}{path}   partition\t1024\t0\t-2\n")
    assert exposed(swaps(listing, block)) == kilobytes * 1024


def test_where_there_is_no_swap_there_is_nothing_to_say(block: Path) -> None:
    (block / "swaps").write_text(HEAD)
    assert swaps(block / "swaps", block) == ()
    assert swaps(block / "missing", block) == ()


@given(st.binary())
def test_any_listing_is_read_without_an_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    listing = tmp_path_factory.getbasetemp() / "swaps"
    listing.write_bytes(content)
    assert exposed(swaps(listing)) >= 0
