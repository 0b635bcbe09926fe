"""How much memory is there: of the machine, and of a container's limit."""

from pathlib import Path

import pytest

from sp1tee.sim.memory import available

GIB = 1 << 30


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine that has 8 GiB to give."""
    path = tmp_path / "meminfo"
    path.write_text(f"MemTotal: 99 kB\nMemFree: 1 kB\nMemAvailable:   {8 << 20} kB\n")
    return path


def group(folder: Path, **files: object) -> Path:
    for name, content in files.items():
        (folder / f"memory.{name}").write_text(f"{content}\n")
    return folder


def test_this_machine_has_some() -> None:
    assert available()


def test_without_a_limit_it_is_the_machines(machine: Path, tmp_path: Path) -> None:
    assert available(machine, tmp_path) == 8 * GIB
    assert available(machine, group(tmp_path, max="max", current=5)) == 8 * GIB


def test_a_containers_limit_counts_less_what_is_used(machine: Path, tmp_path: Path) -> None:
    assert available(machine, group(tmp_path, max=4 * GIB, current=GIB)) == 3 * GIB


def test_copies_of_files_are_given_up_when_memory_is_needed(machine: Path, tmp_path: Path) -> None:
    stat = f"anon 5\ninactive_file {GIB // 2}\nactive_file 7"
    container = group(tmp_path, max=4 * GIB, current=GIB, stat=stat)
    assert available(machine, container) == 3 * GIB + GIB // 2


def test_a_limit_beyond_the_machine_changes_nothing(machine: Path, tmp_path: Path) -> None:
    assert available(machine, group(tmp_path, max=64 * GIB, current=GIB)) == 8 * GIB


@pytest.mark.parametrize("content", ["", "MemTotal: 5 kB\n", "MemAvailable:\n", "MemAvailable: x"])
def test_what_cannot_be_found_out_is_none(content: str, tmp_path: Path) -> None:
    path = tmp_path / "meminfo"
    path.write_text(content)
    assert available(path, tmp_path) is None
    assert available(tmp_path / "none", tmp_path) is None
