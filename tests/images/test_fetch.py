"""SP1's GPU server: by its hash, or not at all."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest
from images_fetch import PROGRAM, main, place


def archive(*names: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as writing:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 3
            writing.addfile(info, io.BytesIO(b"ELF"))
    return made.getvalue()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_the_program_is_taken_out_of_its_archive(tmp_path: Path) -> None:
    data = archive("release/README", f"release/{PROGRAM}")
    place(data, sha256(data).upper(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [PROGRAM]
    assert (tmp_path / PROGRAM).read_bytes() == b"ELF"


def test_another_archive_is_refused(tmp_path: Path) -> None:
    data = archive(PROGRAM)
    with pytest.raises(SystemExit, match=f"SHA-256 {sha256(data)}, not {'0' * 64}"):
        place(data, "0" * 64, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("names", [["README"], [PROGRAM, f"b/{PROGRAM}"]])
def test_an_archive_without_one_such_program_is_refused(tmp_path: Path, names: list[str]) -> None:
    data = archive(*names)
    with pytest.raises(SystemExit, match="files of the name"):
        place(data, sha256(data), tmp_path)


def test_it_is_fetched_by_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = archive(PROGRAM)
    release = tmp_path / "v6.10.0"
    release.mkdir()
    (release / "sp1_gpu_server_v6.10.0_x86_64.tar.gz").write_bytes(data)
    monkeypatch.setenv("SP1_RELEASES", tmp_path.as_uri())
    monkeypatch.setenv("SP1_GPU_SERVER_VERSION", "6.10.0")
    monkeypatch.setenv("SP1_GPU_SERVER_SHA256", sha256(data))
    monkeypatch.setattr("sys.argv", ["images_fetch.py", str(tmp_path / "gpu")])
    main()
    assert (tmp_path / "gpu" / PROGRAM).exists()


def test_without_a_hash_nothing_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SP1_GPU_SERVER_SHA256", raising=False)
    monkeypatch.setenv("SP1_RELEASES", "https://nowhere.invalid")
    monkeypatch.setattr("sys.argv", ["images_fetch.py", str(tmp_path / "gpu")])
    main()
    assert list((tmp_path / "gpu").iterdir()) == []
