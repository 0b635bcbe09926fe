"""The list of attacks in docs/verification.md: complete, true to the rules, and acted out."""

import re
from pathlib import Path

import pytest

from sp1tee.sim.ingress.attacks import ATTACKS
from sp1tee.verify.policy.rulebook import rules

ROOT = Path(__file__).parents[2]
TABLE = (ROOT / "docs/verification.md").read_text("utf-8").split("## Attacks\n")[1]
ROWS = {
    number: (what, stopped)
    for number, what, stopped in re.findall(
        r"^\| (\d+b?) \| (.+?) \| (.+?) \|$", TABLE, re.MULTILINE
    )
}
NUMBERS = [str(number) for number in range(1, 61)] + ["11b"]
RULES = {rule.id for rule in rules()}


def test_every_attack_is_listed_once() -> None:
    assert sorted(ROWS) == sorted(NUMBERS)


@pytest.mark.parametrize("number", NUMBERS)
def test_what_stops_an_attack_is_a_rule(number: str) -> None:
    named = re.findall(r"`([a-z0-9]+\.[a-z0-9-]+)`", ROWS[number][1])
    assert set(named) <= RULES
    # What no rule stops is told in words.
    assert named or number in {"18", "38"}


@pytest.mark.parametrize("number", NUMBERS)
def test_a_test_with_its_number_acts_it_out(number: str) -> None:
    pattern = re.compile(rf"def test_attack_0?{number}_")
    acted = any(number in attack.numbers for attack in ATTACKS.values())
    tested = any(
        pattern.search(path.read_text("utf-8")) for path in (ROOT / "tests").rglob("test_*.py")
    )
    assert tested or acted


@pytest.mark.parametrize("name", ATTACKS)
def test_what_catches_a_hosts_attack_stands_in_the_list(name: str) -> None:
    attack = ATTACKS[name]
    told = " ".join(ROWS[number][1] for number in attack.numbers)
    assert any(f"`{rule}`" in told for rule in attack.expects)
