"""`sp1tee keys`."""

import stat
from pathlib import Path

from support.commands import Run


def test_a_new_key_is_private_and_its_address_is_printed(sp1tee: Run, tmp_path: Path) -> None:
    made = sp1tee("keys", "new", "--out", "new")
    assert made.code == 0
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
    assert sp1tee("keys", "show", "--key-file", "new").out == made.out
    assert made.out.startswith("0x")


def test_a_key_is_not_printed(sp1tee: Run, tmp_path: Path) -> None:
    made = sp1tee("keys", "new", "--out", "new")
    assert (tmp_path / "new").read_text().strip() not in made.out + made.err


def test_an_existing_file_is_not_touched(sp1tee: Run, key_file: Path) -> None:
    before = key_file.read_text()
    ran = sp1tee("keys", "new", "--out", key_file)
    assert ran.code == 2
    assert "exists already" in ran.err
    assert key_file.read_text() == before


def test_the_address_of_a_key_is_the_one_the_sdk_has(sp1tee: Run, key_file: Path) -> None:
    ran = sp1tee("keys", "show", "--key-file", key_file)
    assert ran.out.lower() == "0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a\n"


def test_alone_it_shows_what_there_is(sp1tee: Run) -> None:
    ran = sp1tee("keys")
    assert "new" in ran.out
    assert "show" in ran.out
