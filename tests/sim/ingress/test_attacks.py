"""Each attack changes what it says it changes, and nothing else."""

import gzip
import hashlib
import json
from dataclasses import fields
from typing import Any

import pytest
from dcap_qvl import QuoteCollateralV3, verify_with_root_ca
from support.sim_hosts import quote_json, raw_quote

from sp1tee.errors import ConfigError
from sp1tee.sim.ingress import ATTACKS, Attack, Host, Served, attacked, build
from sp1tee.sim.ingress.attacks import (
    applications,
    certificates,
    collateral,
    files,
    measurements,
    names,
    quotes,
)

HONEST = Host(at=1_790_000_000)
TOUCHES = {
    files: {"evidence"},
    certificates: {"chains", "evidence", "zones"},
    quotes: {"evidence"},
    collateral: {"collateral", "evidence"},
    measurements: {"evidence", "info", "zones"},
    applications: {"evidence", "info", "registry"},
    names: {"zones"},
}
"""What attacks of each kind may change."""


@pytest.fixture(scope="module")
def honest() -> Served:
    return build(HONEST)


def acting(name: str) -> Served:
    return build(attacked(HONEST, [name]))


def changed(one: Served, other: Served) -> set[str]:
    parts = {field.name for field in fields(Served)} - {"host"}
    return {part for part in parts if getattr(one, part) != getattr(other, part)}


def changed_files(one: Served, other: Served) -> set[str]:
    names = {*one.evidence, *other.evidence}
    return {name for name in names if one.evidence.get(name) != other.evidence.get(name)}


def runtime_events(served: Served) -> list[dict[str, Any]]:
    return [event for event in json.loads(quote_json(served)["event_log"]) if event["event"]]


def app_compose(served: Served) -> str:
    return str(json.loads(json.loads(served.info)["tcb_info"])["app_compose"])


@pytest.mark.parametrize(
    ("room", "attack"), [(room, attack) for room in TOUCHES for attack in room.ATTACKS]
)
def test_an_attack_changes_something_and_only_what_its_kind_may(
    room: Any, attack: Attack, honest: Served
) -> None:
    touched = changed(honest, build(attack.act(HONEST)))
    assert touched
    assert touched <= TOUCHES[room]


@pytest.mark.parametrize(
    "attack", [*quotes.ATTACKS, *measurements.ATTACKS, *applications.ATTACKS, *collateral.ATTACKS]
)
def test_attacks_behind_the_certificate_leave_certificate_and_list_alone(
    attack: Attack, honest: Served
) -> None:
    assert changed_files(honest, build(attack.act(HONEST))) <= {"quote.json"}


def test_names_are_unique_and_every_attack_has_its_number() -> None:
    every = [attack for room in TOUCHES for attack in room.ATTACKS]
    assert len(every) == len(ATTACKS)
    assert all(attack.numbers and attack.expects and attack.what for attack in every)


def test_attacks_can_be_combined(honest: Served) -> None:
    both = build(attacked(HONEST, ["relay", "caa-none", "out-of-date"]))
    assert changed(honest, both) == {"chains", "zones", "collateral"}


def test_an_unknown_attack_is_refused() -> None:
    with pytest.raises(ConfigError, match="no attack 'magic'"):
        attacked(HONEST, ["magic"])


def test_attack_01_the_hash_is_in_another_field(honest: Served) -> None:
    wanted = hashlib.sha256(honest.evidence["sha256sum.txt"].body).digest()
    for name, start in (("hash-in-config-id", 232), ("hash-in-owner", 280)):
        raw = raw_quote(acting(name))
        assert raw[start : start + 32] == wanted
        assert wanted not in raw[568:632]
    behind = raw_quote(acting("hash-in-tail"))
    assert behind.endswith(wanted + bytes(32))


def test_attack_05_the_relays_certificate_is_as_good_as_the_enclaves(honest: Served) -> None:
    relay, enclave = (served.chains["127.0.0.1"] for served in (acting("relay"), honest))
    assert relay.certificate.issuer == enclave.certificate.issuer
    assert relay.certificate.subject == enclave.certificate.subject
    assert relay.certificate.public_key() != enclave.certificate.public_key()


def test_attack_06_only_one_address_is_relayed(honest: Served) -> None:
    served = acting("relay-at-one-address")
    assert served.chains["127.0.0.1"] == honest.chains["127.0.0.1"]
    assert served.chains["127.0.0.2"] != honest.chains["127.0.0.2"]


def test_attack_07_a_bomb_is_small_until_it_is_unpacked() -> None:
    reply = acting("bomb").evidence["quote.json"]
    assert len(reply.body) < 1 << 17
    assert len(gzip.decompress(reply.body)) == 64 << 20


def test_attack_11_an_own_os_measures_the_published_applications_events(honest: Served) -> None:
    served = acting("own-os")
    assert runtime_events(served) == runtime_events(honest)
    ours, theirs = raw_quote(served), raw_quote(honest)
    assert ours[520:632] == theirs[520:632]
    assert ours[376:520] != theirs[376:520]


def test_attack_11b_a_simulators_quote_is_right_but_for_its_signature(honest: Served) -> None:
    served = acting("simulator")
    raw = raw_quote(served)
    assert raw[:632] == raw_quote(honest)[:632]
    collateral_of = QuoteCollateralV3.from_json(served.collateral.to_json().decode())
    with pytest.raises(ValueError, match="ISV enclave report signature is invalid"):
        verify_with_root_ca(raw, collateral_of, HONEST.intel.root_der, HONEST.at)


def test_attack_21_an_altered_payload_leaves_quote_and_digests(honest: Served) -> None:
    served = acting("payload-altered")
    assert raw_quote(served) == raw_quote(honest)
    digests = [[event["digest"] for event in runtime_events(each)] for each in (served, honest)]
    assert digests[0] == digests[1]


@pytest.mark.parametrize("name", ["two-compose-hashes", "event-after-ready", "reordered"])
def test_attacks_24_to_26_are_measured_as_they_are_told(name: str) -> None:
    served = acting(name)
    value = bytes(48)
    for event in runtime_events(served):
        value = hashlib.sha384(value + bytes.fromhex(event["digest"])).digest()
    assert raw_quote(served)[520:568] == value


def test_attack_33_a_rewritten_app_compose_means_the_same(honest: Served) -> None:
    ours, theirs = app_compose(acting("app-compose-written-anew")), app_compose(honest)
    assert json.loads(ours) == json.loads(theirs)
    assert ours != theirs


def test_attack_33_two_files_are_measured_as_they_are_told() -> None:
    served = acting("app-compose-with-two-files")
    text = app_compose(served)
    assert text.count('"docker_compose_file"') == 2
    assert raw_quote(served)[233:265] == hashlib.sha256(text.encode()).digest()
