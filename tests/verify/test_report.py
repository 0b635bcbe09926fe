"""Checks, verdicts and the report."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sp1tee.errors import EvidenceMissing
from sp1tee.verify.checks import Check, Findings, Location, Rule, Status
from sp1tee.verify.facts import attested, claimed
from sp1tee.verify.report import Input, PolicyRecord, assemble
from sp1tee.verify.verdict import EXIT_CODES, Verdict, verdict

RULE = Rule("room.rule", "SP1TEE-V999", "It holds", "Because.")
PASS, FAIL = RULE.passes("fine"), RULE.fails("broken")
REFUSED, UNKNOWN = RULE.refuses("no"), RULE.unevaluable("nobody knows")
SKIPPED = RULE.skips("nobody asked")


@pytest.mark.parametrize(
    ("checks", "word", "code"),
    [
        ([PASS, SKIPPED], Verdict.PASS, 0),
        ([PASS, REFUSED, UNKNOWN, FAIL], Verdict.FAIL, 1),
        ([PASS, UNKNOWN, REFUSED], Verdict.REFUSED, 4),
        ([PASS, UNKNOWN], Verdict.UNEVALUABLE, 3),
    ],
)
def test_the_most_final_word_wins(checks: list[Check], word: Verdict, code: int) -> None:
    assert verdict(checks) is word
    assert EXIT_CODES[word] == code


@given(st.lists(st.sampled_from(list(Status)), max_size=6))
def test_nothing_passes_on_nothing(statuses: list[Status]) -> None:
    checks = [Check("a.b", "c", "t", status, "s") for status in statuses]
    assert (verdict(checks) is Verdict.PASS) == (
        Status.PASS in statuses
        and not {Status.FAIL, Status.REFUSED, Status.UNEVALUABLE} & set(statuses)
    )


def test_an_error_becomes_what_could_not_be_checked() -> None:
    check = RULE.unevaluable(EvidenceMissing("There is no quote.", advice="Fetch it."))
    assert (check.status, check.summary) == (Status.UNEVALUABLE, "There is no quote.")
    assert (check.reason, check.remedy) == ("SP1TEE-V001", "Fetch it.")


def test_facts_of_one_name_are_all_told() -> None:
    facts = (claimed("a.b", 1, "x"), attested("a.b", 2, "y"), claimed("a.b", 1, "x"))
    told = assemble("host", Findings((PASS,), facts), at=0).to_dict()["facts"]
    assert {name: fact["value"] for name, fact in told.items()} == {"a.b": 1, "a.b#2": 2}


def report_at(at: int, **changes: object):
    facts = (attested("quote.rtmr3", "00", "Intel"), claimed("quote.big", 2**70, "quote.json"))
    checks = (PASS, RULE.fails("no", expected="a", actual="b", location=Location("f.yml", 3)))
    given = {"at": at, "inputs": [Input("file", b"abc")], "notes": ["a note"]} | changes
    return assemble("host", Findings(checks, facts), **given)


def test_the_same_evaluation_has_the_same_digest_and_any_other_another() -> None:
    first = report_at(5)
    assert first.digest == report_at(5).digest
    others = [
        report_at(6),
        report_at(5, inputs=[Input("file", b"abd")]),
        report_at(5, notes=[]),
        report_at(5, policy=PolicyRecord("p", None, ("demand",))),
    ]
    assert len({first.digest, *(other.digest for other in others)}) == 5


def test_the_report_as_json_has_what_scripts_read() -> None:
    told = json.loads(json.dumps(report_at(1_787_894_484).to_dict()))
    assert told["schema"] == "sp1tee.report.v1"
    assert (told["verdict"], told["exit_code"], told["at"]) == ("fail", 1, "2026-08-28T05:21:24Z")
    assert (
        told["checks"][1]
        | {"expected": "a", "actual": "b", "status": "fail", "code": "SP1TEE-V999"}
        == told["checks"][1]
    )
    assert told["checks"][1]["location"] == {"file": "f.yml", "line": 3}
    assert told["facts"]["quote.rtmr3"] == {"value": "00", "basis": "attested", "anchor": "Intel"}
    assert told["inputs"] == [
        {
            "name": "file",
            "sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "size": 3,
        }
    ]


def test_numbers_that_readers_would_round_and_names_that_are_no_text_are_written_safely() -> None:
    told = report_at(5, inputs=[Input("\udc80name", b"")]).to_dict()
    assert told["facts"]["quote.big"]["value"] == str(2**70)
    assert told["inputs"][0]["name"] == "\\udc80name"
