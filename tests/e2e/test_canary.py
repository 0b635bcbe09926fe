"""The search for inputs finds what it should: each place where one could show is tried."""

import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from support.lookout import Lookout, lookout_of
from support.people import detach, eventually, fetch, solvency

from sp1tee.errors import BlobDamaged
from sp1tee.sim.processes import LocalService, Process
from sp1tee.store.master_key import MasterKey
from sp1tee.store.sealing import KEY_SIZE, KeyWrap, Layout, Sealer
from sp1tee.wire.artifacts import unpack

pytestmark = pytest.mark.e2e

SECRET = bytes.fromhex("8f3b1ed0945cc2a7710be6f49d2865a3")

WRAPPED = 12 + KEY_SIZE + 16


@pytest.fixture
def careless(tmp_path: Path) -> Iterator[LocalService]:
    """A service whose own watch is called off, so that a test can look with one of its own."""
    with LocalService(tmp_path / "service") as service:
        yield service
        lookout_of(service).secrets.clear()


@pytest.fixture
def lookout(careless: LocalService) -> Lookout:
    lookout_of(careless).secrets.append(SECRET)
    return lookout_of(careless)


def spotted(lookout: Lookout) -> bool:
    try:
        lookout.look()
    except AssertionError:
        return True
    return False


@pytest.mark.parametrize("place", ["log", "wal", "temporary"])
def test_an_input_in_a_file_is_found(lookout: Lookout, careless: LocalService, place: str) -> None:
    server = careless.serve("--allow-mock")
    assert not spotted(lookout)
    file = {
        "log": server.log,
        "wal": careless.folder / "server" / "store.db-wal",
        "temporary": lookout.temporary / "left",
    }[place]
    with file.open("ab") as sink:
        sink.write(SECRET.hex().encode())
    # Files alone: a server that is asked how it is writes to its database, and shortens its log.
    with pytest.raises(AssertionError):
        lookout.search()


def test_an_input_in_a_freed_page_of_a_database_is_found(
    lookout: Lookout, careless: LocalService
) -> None:
    careless.serve("--allow-mock")
    database = sqlite3.connect(careless.folder / "other.db")
    database.execute("PRAGMA secure_delete = OFF")
    database.execute("CREATE TABLE inputs (content BLOB)")
    database.execute("INSERT INTO inputs VALUES (?)", (SECRET,))
    database.commit()
    database.execute("DROP TABLE inputs")
    database.commit()
    database.close()
    assert spotted(lookout)


def test_an_input_among_a_process_s_arguments_is_found(
    lookout: Lookout, careless: LocalService
) -> None:
    careless.serve("--allow-mock", "--program-sources", f"https://{SECRET.hex()}.example/")
    assert spotted(lookout)


def test_an_input_in_a_process_s_environment_is_found(tmp_path: Path) -> None:
    environment = {"NOTE": SECRET.hex()}
    with LocalService(tmp_path / "service", environment=environment) as service:
        service.serve("--allow-mock")
        lookout_of(service).secrets.append(SECRET)
        assert spotted(lookout_of(service))
        lookout_of(service).secrets.clear()


def test_an_input_that_the_public_port_answers_with_is_found(
    lookout: Lookout, careless: LocalService, tmp_path: Path
) -> None:
    (tmp_path / "evidences").mkdir()
    careless.serve("--allow-mock", "--evidences-dir", str(tmp_path / "evidences"))
    lookout.secrets[:] = [b'"workers"']
    (tmp_path / "evidences" / "index").write_bytes(SECRET)
    assert not spotted(lookout)
    lookout.secrets[:] = [b'"status":']
    assert spotted(lookout)


def test_what_a_network_hears_is_searched(
    lookout: Lookout, careless: LocalService, tmp_path: Path, folder: Path, key: Path
) -> None:
    network = careless.network()
    prove_at(network, folder, key)
    assert (careless.folder / "network.heard").stat().st_size > 0
    lookout.secrets[:] = [b"GetNonce"]
    assert spotted(lookout)


def test_the_key_of_an_input_is_nowhere_when_its_proof_is_there(
    service: LocalService, folder: Path, key: Path, tmp_path: Path
) -> None:
    server = service.serve("--allow-mock")
    task = solvency(folder)
    request = detach(task, server, key)
    data = service.folder / "server"
    sealed = shutil.copytree(data / "blobs", tmp_path / "kept")
    wrap = KeyWrap(MasterKey.from_file(data / "vault.key"))
    kept = {path.name: path.read_bytes() for path in sealed.glob("*/*")}
    (stdin,) = (name for name in kept if name.startswith("stdin_"))
    content = opened(kept, data, wrap)[stdin]
    assert unpack(content, 1 << 20) == task.stdin.read_bytes()

    worker = service.fulfill(server)
    fetch(request, server, folder / "proof.bin")
    # A copy lingers in the database's log until the next sweep. What the program needs is kept,
    # and shows that the search still opens what it can.
    eventually(lambda: stdin not in opened(kept, data, wrap) or None, "the last trace of the key")
    assert {name.partition("_")[0] for name in opened(kept, data, wrap)} == {"program"}
    for process in (worker, server):
        process.stop()
    assert stdin not in opened(kept, data, wrap)


def opened(kept: Mapping[str, bytes], data: Path, wrap: KeyWrap) -> dict[str, bytes]:
    """Open sealed files with any wrapped key that stands anywhere in what is left."""
    left = [path.read_bytes() for path in data.glob("store.db*")]
    return {
        name: content
        for name, file in kept.items()
        if (content := _opened(name, file, left, wrap)) is not None
    }


def _opened(blob: str, file: bytes, left: list[bytes], wrap: KeyWrap) -> bytes | None:
    # No 60 random bytes have four zeros in a row, and most of a database is zeros.
    parts = [part for text in left for part in text.split(bytes(4))]
    for part in parts:
        for start in range(len(part) - WRAPPED + 1):
            try:
                key = wrap.unwrap(blob, part[start : start + WRAPPED])
            except BlobDamaged:
                continue
            return _content(file, Sealer(blob, key))
    return None


def _content(file: bytes, sealer: Sealer) -> bytes:
    layout = Layout(len(file) - 16 - 16)
    return b"".join(
        sealer.open(piece.index, file[piece.position :][: piece.sealed_size], last=piece.last)
        for piece in layout.pieces(0, None)
    )


def prove_at(network: Process, folder: Path, key: Path) -> None:
    """Have a network asked for something; what becomes of it does not matter."""
    detach(solvency(folder), network, key)
