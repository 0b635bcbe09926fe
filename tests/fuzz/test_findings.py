"""A fuzzer that finds nothing proves nothing: planted faults are found."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz import blind, guided, minimising
from fuzz.blind import TooSlow
from fuzz.meter import Meter
from fuzz.target import TalkativeError, Target
from sp1tee.errors import Sp1teeError, WireError

ROOT = Path(__file__).parents[2]
PLANTED = Path(__file__).parent / "planted.py"


def target(entry: object, **changes: object) -> Target:
    given = {"seeds": lambda: [b"abcd" * 4], "refusals": (WireError,)} | changes
    return Target("planted", (), entry, **given)  # type: ignore[arg-type]


def fuzzed(planted: Target, room: Path, *, inputs: int = 3000) -> None:
    with Meter(room / "meter") as meter:
        blind.fuzz(planted, meter, room, inputs=inputs, seconds=600, seed=1)


def found(room: Path) -> list[bytes]:
    return [path.read_bytes() for path in (room / "found").iterdir()]


def test_an_exception_that_is_not_documented_is_a_finding_whose_input_is_kept(
    tmp_path: Path,
) -> None:
    planted = target(lambda data: {}[data] if data.count(b"\xff") > 3 else None)
    with pytest.raises(KeyError):
        fuzzed(planted, tmp_path)
    (blamed,) = found(tmp_path)
    with pytest.raises(KeyError):
        planted.try_one(blamed)


def test_a_documented_refusal_is_none(tmp_path: Path) -> None:
    def refuse(data: bytes) -> None:
        if data.startswith(b"abc"):
            raise WireError("It begins with abc.")

    fuzzed(target(refuse), tmp_path, inputs=200)
    assert not (tmp_path / "found").exists()


def test_another_error_of_the_tree_is_a_finding(tmp_path: Path) -> None:
    def refuse(_data: bytes) -> None:
        raise Sp1teeError("It is of no class that was documented.")

    with pytest.raises(Sp1teeError):
        fuzzed(target(refuse), tmp_path)


def test_an_input_that_takes_too_long_is_a_finding(tmp_path: Path) -> None:
    def hang(data: bytes) -> None:
        while data:
            pass

    with pytest.raises(TooSlow):
        fuzzed(target(hang, seconds=1), tmp_path)
    assert found(tmp_path)


def test_a_refusal_as_long_as_its_sender_likes_is_a_finding(tmp_path: Path) -> None:
    def repeat(data: bytes) -> None:
        raise WireError(data.decode("latin-1") * 200)

    with pytest.raises(TalkativeError):
        fuzzed(target(repeat), tmp_path)


def test_a_seed_repeats_its_inputs(tmp_path: Path) -> None:
    rounds = []
    for name in ("one", "two"):
        seen: list[bytes] = []
        (tmp_path / name).mkdir()
        fuzzed(target(seen.append), tmp_path / name, inputs=100)
        rounds.append(seen)
    assert rounds[0] == rounds[1]


@pytest.mark.skipif(
    not guided.available(), reason="Atheris is not installed: pip install '.[fuzz]'"
)
@pytest.mark.parametrize(
    ("fault", "said"), [("crash", b"KeyError"), ("hang", b"timeout"), ("memory", b"out-of-memory")]
)
def test_atheris_finds_what_only_coverage_leads_to(fault: str, said: bytes, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, str(PLANTED), fault, str(tmp_path)],
        check=False,
        capture_output=True,
        # A program finds its own folder, and this one needs that of the fuzzers.
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        timeout=600,
    )
    assert ran.returncode != 0
    assert said in ran.stdout + ran.stderr
    assert any(data.startswith(b"FUZ") for data in found(tmp_path)), ran.stderr[-2000:]


def test_a_campaign_shows_what_was_done_and_how_to_repeat_a_finding(tmp_path: Path) -> None:
    planted = "wire.retry_hint", "serve.range"
    command = [sys.executable, "-m", "fuzz", *planted, "--inputs", "300", "--seconds", "60"]
    ran = subprocess.run(
        [*command, "--seed", "7", "--findings", str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=600,
    )
    assert ran.returncode == 0, ran.stderr
    assert "seed 7" in ran.stdout
    assert all(name in ran.stdout for name in planted)
    assert list(tmp_path.iterdir()) == []


def test_of_many_inputs_the_few_that_reach_something_are_kept(tmp_path: Path) -> None:
    from sp1tee.wire.retry_hint import decode_hint

    many = tmp_path / "found"
    many.mkdir()
    chance = random.Random(1)
    for number in range(50):
        (many / str(number)).write_bytes(chance.randbytes(number))
    planted = target(decode_hint, refusals=(), seeds=tuple)
    kept = minimising.minimise(planted, many, tmp_path / "kept")
    assert 0 < kept < 50
    assert kept == len(list((tmp_path / "kept" / "planted").iterdir()))
