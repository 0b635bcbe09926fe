"""What is kept is tried again, and some that is new: no input is more than refused."""

import os
from pathlib import Path

import pytest

from fuzz import blind, corpus
from fuzz.meter import Meter
from fuzz.target import Target
from fuzz.targets import TARGETS

SEED = int(os.environ.get("SP1TEE_FUZZ_SEED", "1"))
FRESH = 40
PARSERS = [target for target in TARGETS.values() if not target.blind]
LISTENERS = [target for target in TARGETS.values() if target.blind]


def named(target: Target) -> str:
    return target.name


def tried(target: Target, room: Path) -> Meter:
    """Give a target its corpus and some mutations of it."""
    begin = len(corpus.inputs(target))
    with Meter(room / "meter") as meter:
        blind.fuzz(target, meter, room, inputs=begin + FRESH, seconds=600, seed=SEED)
        assert meter.inputs == begin + FRESH
        return meter


@pytest.mark.parametrize("target", PARSERS, ids=named)
def test_a_parser_takes_or_refuses_whatever_comes(target: Target, tmp_path: Path) -> None:
    tried(target, tmp_path)


@pytest.mark.e2e
@pytest.mark.parametrize("target", LISTENERS, ids=named)
def test_a_server_stays_well_whatever_it_is_sent(target: Target, tmp_path: Path) -> None:
    tried(target, tmp_path)


@pytest.mark.parametrize("target", PARSERS, ids=named)
def test_a_parser_refuses_nothing_at_all_or_a_seed_is_taken(target: Target) -> None:
    """A target that refuses all of its seeds tries but its first lines."""
    never = {"client.http_reply", "serve.headers", "verify.groth16"}
    taken = [target.try_one(data) for data in corpus.inputs(target)]
    assert any(taken) or target.name in never
