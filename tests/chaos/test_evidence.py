"""The books as processes leave them: a real store and logs, in which what was planted is found."""

from pathlib import Path

import pytest
from support.stores import opened

from chaos import evidence
from chaos.ledger import Asked, Ledger, Told, read
from chaos.proofs import Marker

pytestmark = pytest.mark.anyio


async def test_requests_are_read_with_how_they_ended(tmp_path: Path) -> None:
    async with opened(tmp_path) as room:
        settled, waiting = await room.settled(), await room.bound()
    one, two = evidence.rows(tmp_path)
    assert (one.key, one.state, one.finished) == (settled.key, "settled", 1)
    assert (two.key, two.state, two.finished) == (waiting.key, "queued", 0)
    assert one.proof == settled.proof_blob
    assert two.request_id == (waiting.request_id or b"").hex()


async def test_every_blob_is_read_with_what_it_is_needed_for(tmp_path: Path) -> None:
    async with opened(tmp_path) as room:
        settled = await room.settled()
        unused = await room.upload()
    blobs = evidence.blobs(tmp_path)
    assert blobs[settled.proof_blob or ""] == "a proof in its retention"
    assert blobs[unused.blob or ""] == "an upload that may still be used"
    assert evidence.files(tmp_path) == blobs.keys()


async def test_an_input_that_outlives_its_request_is_found(tmp_path: Path) -> None:
    async with opened(tmp_path) as room:
        waiting = await room.bound()
        artifact = await room.store.artifacts.get(waiting.stdin_artifact)
    assert artifact is not None
    assert evidence.blobs(tmp_path)[artifact.blob or ""] == ""


async def test_a_file_that_nobody_has_a_key_of_is_found(tmp_path: Path) -> None:
    async with opened(tmp_path) as room:
        stray = await room.seal(b"never recorded")
    half = tmp_path / "blobs" / "incoming" / "stdin_half"
    half.write_bytes(b"half")
    assert evidence.files(tmp_path) - evidence.blobs(tmp_path).keys() == {stray.id, "stdin_half"}


@pytest.mark.parametrize(
    "line",
    [
        "Traceback (most recent call last):",
        "RuntimeWarning: coroutine 'x' was never awaited",
        '{"event": "Task exception was never retrieved", "level": "error"}',
        '{"event": "sweep_failed", "error": "this is a bug of sp1tee"}',
    ],
)
def test_complaints_are_found_in_every_log(tmp_path: Path, line: str) -> None:
    (tmp_path / "server.log").write_text('{"event": "fine"}\n')
    (tmp_path / "mock-1.log").write_text(f'{{"event": "fine"}}\n{line}\n')
    assert evidence.complaints(tmp_path) == (f"mock-1.log: {line}",)


def test_proofs_that_were_taken_are_read_from_the_logs_of_workers(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text('{"event": "proof handed in", "request": "req_1"}\nplain\n')
    (tmp_path / "b.log").write_text('{"event": "proving", "request": "req_2"}\n')
    assert evidence.handed_in(tmp_path) == ("req_1",)


def test_an_input_in_clear_is_found_and_so_is_a_search_that_sees_nothing(tmp_path: Path) -> None:
    marker = Marker.new()
    (tmp_path / "known").write_bytes(b'artifact_ "amount"')
    assert evidence.leaks(tmp_path, marker.balances) == ()
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "leak").write_bytes(b"..." + marker.input(7).encode())
    assert evidence.leaks(tmp_path, marker.balances) == (str(tmp_path / "deep" / "leak"),)
    (tmp_path / "known").unlink()
    assert any("not even" in leak for leak in evidence.leaks(tmp_path, marker.balances))


def test_the_ledger_keeps_the_last_word_on_each_request(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger")
    ledger.write(1, amount=11)
    ledger.write(2, amount=12)
    ledger.write(1, request_id="aa", deadline=5)
    ledger.write(3, amount=13)
    ledger.write(3, request_id="bb", deadline=6)
    ledger.write(1, told=Told.PROVED, proof="cc", wrong="")
    ledger.close()
    one, two, three = read(tmp_path / "ledger")
    assert one == Asked(1, 11, "aa", Told.PROVED, proof="cc")
    assert two.told is Told.UNCLEAR
    assert three.told is Told.OPEN
