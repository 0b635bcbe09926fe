"""A policy in words, what it pins, and where it is weak."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from support.policies import FULL, LEAST

from sp1tee.verify.policy import Policy
from sp1tee.verify.policy.explain import explain
from sp1tee.verify.policy.pins import PINS, ROOMS, held, weaknesses
from sp1tee.verify.policy.reading import load_policy
from sp1tee.verify.policy.shipped import FOLDER, shipped_names

TABLE = tomllib.loads(FULL)
VALUES = [
    (section, key) for section, keys in TABLE.items() if isinstance(keys, dict) for key in keys
]


def policy_of(table: dict[str, Any]) -> Policy:
    return Policy.model_validate(table)


def full(**changes: Any) -> Policy:
    return policy_of({**TABLE, **changes})


@pytest.mark.parametrize(("section", "key"), VALUES, ids=str)
def test_every_demand_is_said(section: str, key: str) -> None:
    without = {name: value for name, value in TABLE[section].items() if name != key}
    assert explain(full()) != explain(full(**{section: without}))


def test_what_is_pinned_is_said_with_its_value() -> None:
    said = "\n".join(explain(full()))
    for value in (
        "9b78cf840e16a8274e00474cdac4afdabc5eeb93",
        "dstack-0.5.8",
        "https://acme-v02.api.letsencrypt.org/acme/acct/1234",
        "UpToDate or SWHardeningNeeded",
        "3 CT logs",
        "Waived until 2027-01-31: digests.pinned on moongate",
    ):
        assert value in said
    assert "Not pinned" not in said


def test_what_is_left_open_is_said() -> None:
    said = explain(policy_of({"schema": TABLE["schema"], "rtmr3": {}, "os": {}}))
    assert (
        "Nothing is decided about cert, quote, compose, caa and digests: no such section." in said
    )
    named = [line for line in said if line.startswith("Not pinned")]
    for pin in PINS:
        told = any(f"`{pin.key}`" in line for line in named)
        assert told is (pin.key.partition(".")[0] in ("rtmr3", "os"))


def test_an_empty_policy_decides_nothing() -> None:
    (line,) = explain(policy_of(tomllib.loads(LEAST)))
    assert line.startswith("Nothing is decided about ")


def test_the_same_policy_says_the_same_in_every_folder(tmp_path: Path) -> None:
    said = []
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        file = tmp_path / name / "policy.toml"
        file.write_text(FULL)
        said.append(explain(load_policy(file).policy))
    assert said[0] == said[1]
    assert not any(str(tmp_path) in line for line in said[0])


def test_pins_are_counted() -> None:
    assert held(full()) == PINS
    assert held(policy_of(tomllib.loads(LEAST))) == ()
    assert len({pin.key for pin in PINS}) == len(PINS)
    for pin in PINS:
        section, _, key = pin.key.partition(".")
        cls = Policy.model_fields[section].annotation
        assert any(key in part.model_fields for part in cls.__args__ if part is not type(None))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"rtmr3": {}}, "`rtmr3.app_id` is not pinned"),
        ({"rtmr3": {}}, "`rtmr3.compose_hash` is not pinned"),
        ({"rtmr3": {"key_provider": {"name": "kms"}}}, "without an id"),
        ({"compose": {}}, "`compose.docker_compose` is not pinned"),
        ({"quote": {"tcb_status": ["UpToDate", "OutOfDate"]}}, "machines with known holes"),
        ({"cert": {"min_scts": 0}}, "nobody could see"),
        ({"anchors": {"quote_root": "root.der"}}, "stand-ins only"),
        ({"cert": {}}, "`cert.hosts` is not pinned: evidence of any name will do"),
        ({"quote": None}, "no section [quote]"),
        ({}, "`os.allow_dev`"),
        ({}, "moongate change at any time"),
        ({}, "risky settings: public-logs"),
    ],
)
def test_weak_spots_are_named(changes: dict[str, Any], named: str) -> None:
    assert any(named in line for line in weaknesses(full(**changes)))


@pytest.mark.parametrize("name", shipped_names())
def test_a_shipped_policy_decides_about_every_room_and_names_its_host(name: str) -> None:
    policy = load_policy(FOLDER / f"{name}.toml").policy
    assert policy.name == name
    assert all(getattr(policy, room) is not None for room in ROOMS)
    assert not policy.waivers


def test_the_policy_for_the_reference_host_pins_what_its_readme_publishes() -> None:
    policy = load_policy(FOLDER / "tee.sp1-lumiere.xyz.toml").policy
    assert policy.rtmr3
    assert policy.rtmr3.app_id == "9b78cf840e16a8274e00474cdac4afdabc5eeb93"
    assert policy.rtmr3.instance_id == ("f15edb2cc265a06a7cb524d0022bb13277eb177c",)
    assert [pin.key for pin in held(policy)] == [
        "cert.hosts",
        "rtmr3.app_id",
        "rtmr3.instance_id",
    ]


def test_of_sections_that_are_not_enforced_only_that_is_said():
    said = explain(full(), {"quote"})
    assert any("TCB status" in line for line in said)
    assert not any("application must be" in line or "Not pinned: the ACME" in line for line in said)
    assert said[-1] == (
        "Not enforced here: what it says about cert, rtmr3, compose, os, caa and digests; "
        "`verify all` does."
    )
    assert not any("Not enforced" in line for line in explain(full()))
