"""Where the guest agent's socket is looked for."""

import socket
from pathlib import Path

from sp1tee.dstack import find_socket
from sp1tee.dstack.sockets import PLACES


def test_the_newer_agents_socket_is_preferred_wherever_it_is() -> None:
    names = [place.name for place in PLACES]
    assert names == sorted(names)
    assert PLACES[0] == Path("/var/run/dstack.sock")
    assert Path("/var/run/tappd.sock") in PLACES


def test_only_a_socket_counts(tmp_path: Path) -> None:
    file, folder, loop, there = (tmp_path / name for name in ("file", "folder", "loop", "there"))
    file.touch()
    folder.mkdir()
    loop.symlink_to(loop)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(there))
        assert find_socket([file, folder, loop, tmp_path / "absent", there]) == there
    assert find_socket([file, folder, loop, Path("a\0b")]) is None
