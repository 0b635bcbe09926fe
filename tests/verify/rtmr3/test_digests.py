"""Digests of events and what they make of a register."""

import hashlib

import pytest
from support import event_logs

from sp1tee.verify.rtmr3 import read_events
from sp1tee.verify.rtmr3.digests import digest_of, preimage, replay, runtime_event


@pytest.mark.parametrize("name", [name for name in event_logs.REAL if "lite" not in name])
def test_every_real_digest_is_recomputed(name: str) -> None:
    events = [event for event in read_events(event_logs.REAL[name]().log) if event.imr == 3]
    assert events
    assert all(digest_of(event) == event.digest for event in events)


@pytest.mark.parametrize("name", event_logs.REAL)
def test_every_real_log_replays_to_all_four_registers(name: str) -> None:
    real = event_logs.REAL[name]()
    facts = real.examined()
    assert facts.replays
    assert [register.replayed for register in facts.boot] == list(real.boot)


def test_version_1_is_type_name_and_payload_between_colons() -> None:
    assert preimage(runtime_event("app-id", b"\x01")) == b"\x01\x00\x00\x08:app-id:\x01"


def test_version_1_keeps_the_second_colon_of_an_empty_payload() -> None:
    assert preimage(runtime_event("system-ready", b"")) == b"\x01\x00\x00\x08:system-ready:"


def test_version_2_is_canonical_json() -> None:
    event = runtime_event("app-id", b"\xab", version=2)
    assert preimage(event) == b'{"name":"app-id","payload":"ab","type":134217729}'
    assert digest_of(event) == hashlib.sha384(preimage(event)).digest()


def test_attack_27_a_colon_would_move_between_name_and_payload() -> None:
    assert digest_of(runtime_event("a:b", b"c")) == digest_of(runtime_event("a", b"b:c"))


def test_a_register_begins_at_zero_and_takes_its_digests_in_order() -> None:
    first, second = bytes([1]) * 48, bytes([2]) * 48
    start, once, twice = replay([first, second])
    assert start == bytes(48)
    assert once == hashlib.sha384(start + first).digest()
    assert twice == hashlib.sha384(once + second).digest()
