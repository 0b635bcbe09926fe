"""Layers: the same files make the same bytes, whoever wrote them down before."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from images_layers import Entry, Layer, entries_of, pack, write_layer

EPOCH = 1_790_000_000
NAMES = st.text("abc-é.", min_size=1, max_size=6).filter(lambda name: name not in (".", ".."))
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
FILES = st.dictionaries(PATHS, st.binary(max_size=2000), max_size=8).filter(
    lambda files: not any(a.startswith(f"{b}/") for a in files for b in files)
)


def archive(*members: tarfile.TarInfo, content: bytes = b"") -> tarfile.TarFile:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as writing:
        for member in members:
            member.size = len(content) if member.isfile() else 0
            writing.addfile(member, io.BytesIO(content))
    made.seek(0)
    return tarfile.open(fileobj=made)


def member(name: str, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    for key, value in fields.items():
        setattr(info, key, value)
    return info


def layer_of(folder: Path, *members: tarfile.TarInfo, content: bytes = b"x") -> Layer:
    with archive(*members, content=content) as reading:
        return write_layer(entries_of(reading), folder / "layer", EPOCH)


def read(layer: Layer) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(layer.path) as reading:
        return {each.name: each for each in reading}


@given(FILES)
def test_what_is_written_can_be_read_and_is_written_alike_again(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("layer")
    first = write_layer({k: Entry.file(v) for k, v in files.items()}, folder / "a", EPOCH)
    with tarfile.open(first.path) as reading:
        kept = entries_of(reading)
        assert {k: e.content.read() for k, e in kept.items() if e.content} == files
        again = write_layer(dict(reversed(kept.items())), folder / "b", EPOCH)
    assert (again.digest, again.diff_id, again.size) == (first.digest, first.diff_id, first.size)


@pytest.mark.parametrize(
    "other",
    [
        member("a/f", mtime=7, uname="builder", gname="builder"),
        member("./a/f"),
        member("/a/f"),
        member("a/f", pax_headers={"SCHILY.xattr.user.x": "y", "mtime": "1.5"}),
    ],
)
def test_times_names_and_attributes_have_no_say(tmp_path: Path, other: tarfile.TarInfo) -> None:
    plain = layer_of(tmp_path, member("a/f"))
    assert layer_of(tmp_path, other).digest == plain.digest


@pytest.mark.parametrize(
    "other",
    [member("a/f", mode=0o755), member("a/f", uid=1), member("a/g"), member("a/f", mode=0o4644)],
)
def test_modes_owners_and_paths_have(tmp_path: Path, other: tarfile.TarInfo) -> None:
    plain = layer_of(tmp_path, member("a/f"))
    assert layer_of(tmp_path, other).digest != plain.digest


def test_order_has_no_say(tmp_path: Path) -> None:
    one, two = member("a"), member("b")
    assert layer_of(tmp_path, one, two).digest == layer_of(tmp_path, two, one).digest


def test_folders_above_stand_in_it_whether_or_not_they_were_there(tmp_path: Path) -> None:
    folder = member("a", type=tarfile.DIRTYPE, mode=0o755)
    with_folder = layer_of(tmp_path, folder, member("a/b/f"))
    assert with_folder.digest == layer_of(tmp_path, member("a/b/f")).digest
    assert list(read(with_folder)) == ["a", "a/b", "a/b/f"]


def test_a_folder_of_its_own_mode_keeps_it(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, member("tmp", type=tarfile.DIRTYPE, mode=0o1777))
    assert read(layer)["tmp"].mode == 0o1777


def test_everything_was_changed_at_the_same_time(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, member("a/f", mtime=3))
    assert {each.mtime for each in read(layer).values()} == {EPOCH}


def test_a_symbolic_link_stays_one(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, member("python3", type=tarfile.SYMTYPE, linkname="python3.11"))
    assert read(layer)["python3"].linkname == "python3.11"


def test_a_hard_link_becomes_a_file(tmp_path: Path) -> None:
    link = member("b", type=tarfile.LNKTYPE, linkname="a")
    kept = read(layer_of(tmp_path, member("a"), link, content=b"same"))
    assert (kept["b"].isfile(), kept["b"].size) == (True, 4)


def test_devices_are_left_out(tmp_path: Path) -> None:
    assert list(read(layer_of(tmp_path, member("null", type=tarfile.CHRTYPE)))) == []


def test_of_a_name_that_is_there_twice_the_last_one_counts(tmp_path: Path) -> None:
    layer = layer_of(tmp_path, member("f", mode=0o600), member("./f", mode=0o644))
    assert [each.mode for each in read(layer).values()] == [0o644]


def test_packing_tells_no_time_and_no_name(tmp_path: Path) -> None:
    packed = pack(io.BytesIO(b"plain"), tmp_path / "layer").path.read_bytes()
    assert packed[:2] == b"\x1f\x8b"
    assert (packed[3], packed[4:8]) == (0, bytes(4))
    assert gzip.decompress(packed) == b"plain"
