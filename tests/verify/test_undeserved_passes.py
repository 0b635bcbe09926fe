"""Evidence that is genuine as far as it goes, and goes less far than a reader may think."""

import json
from typing import Any

import pytest
from dns.rdtypes.IN.AAAA import AAAA
from support.bundles import AT, HOST, check, findings, fitting, genuine, policy_text, remade, unmet

from sp1tee.errors import BundleError
from sp1tee.sim.ingress import Host, build, saved
from sp1tee.verify.appraisal.origins import judge_addresses
from sp1tee.verify.caa import Answer, Reply
from sp1tee.verify.checks import Status
from sp1tee.verify.conclusion import report_on
from sp1tee.verify.evidence.manifest import Endpoint
from sp1tee.verify.facts import Basis
from sp1tee.verify.verdict import Verdict

DAY = 86400
PINNED = f'hosts = ["{HOST}"]'
ELSEWHERE = "sp1.attacker.test"


def test_the_untouched_evidence_passes() -> None:
    assert unmet(findings(genuine())) == {}
    assert unmet(findings(remade())) == {}


def test_the_same_application_under_another_name_is_not_the_pinned_host() -> None:
    attackers = saved.save(build(Host(at=AT, name=ELSEWHERE)))
    found = check(findings(attackers), "evidence.host")
    assert (found.status, found.expected, found.actual) == (Status.FAIL, HOST, ELSEWHERE)


def test_a_policy_without_a_host_passes_no_host() -> None:
    found = findings(genuine(), fitting((PINNED, "")))
    assert unmet(found) == {"evidence.host": Status.UNEVALUABLE}
    assert check(found, "evidence.host").remedy.endswith(f"[cert]\n{PINNED}")


@pytest.mark.parametrize("written", ["TEE.Example.TEST", f"{HOST}."])
def test_the_policys_name_may_be_written_as_people_do(written: str) -> None:
    assert unmet(findings(genuine(), fitting((PINNED, f'hosts = ["{written}"]')))) == {}


@pytest.mark.parametrize(
    "written",
    ["TEE.example.test", f"{HOST}.", "tee.example.test ", "127.0.0.1", "*.test", "", "é.test"],
)
def test_the_evidences_name_must_be_written_as_it_is_compared(written: str) -> None:
    def renamed(manifest: dict[str, Any]) -> None:
        manifest["target"]["host"] = written

    found = findings(remade(renamed))
    assert check(found, "evidence.host").status is Status.UNEVALUABLE


@pytest.mark.parametrize("name", ["begun", "finished"])
@pytest.mark.parametrize(
    "time", ["0001-01-01T00:00:00+14:00", "1999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00"]
)
def test_a_time_of_no_collection_is_refused(name: str, time: str) -> None:
    with pytest.raises(BundleError, match=name):
        remade(lambda manifest: manifest.update({name: time}))


@pytest.mark.parametrize(("early", "status"), [(3600, Status.PASS), (3601, Status.UNEVALUABLE)])
def test_evidence_cannot_be_judged_for_a_time_before_it_was_there(
    early: int, status: Status
) -> None:
    assert check(findings(genuine(), at=AT - early), "evidence.time").status is status


def test_an_earlier_time_brings_no_expired_waiver_back_to_life() -> None:
    waiver = '[[waivers]]\ncheck = "digests.*"\nreason = "for now"\nexpires = 2026-09-20\n\n'
    policy = fitting(("[digests]\n", f"{waiver}[digests]\n"))
    withheld = remade(lambda manifest: manifest.update(images=[]))
    for at, waived in ((AT, False), (AT - 3 * DAY, True)):
        report = report_on(HOST, findings(withheld, policy, at=at), policy=policy, at=at)
        assert (Status.WAIVED in {each.status for each in report.checks}) is waived
        assert report.verdict is not Verdict.PASS


def test_nothing_known_of_the_connections_is_no_pass() -> None:
    def anonymous(manifest: dict[str, Any]) -> None:
        for record in manifest["ingress"]:
            del record["leaf_sha256"], record["address"]

    assert unmet(findings(remade(anonymous))) == {"cert.connection": Status.UNEVALUABLE}


def test_attack_19_a_file_that_came_over_an_unknown_connection_is_no_pass() -> None:
    def one(manifest: dict[str, Any]) -> None:
        record = next(each for each in manifest["ingress"] if each["name"] == "quote.json")
        del record["leaf_sha256"]

    found = findings(remade(one))
    assert unmet(found) == {"cert.connection": Status.UNEVALUABLE}
    assert "quote.json" in check(found, "cert.connection").summary


def test_attack_06_an_address_that_was_not_asked_is_told() -> None:
    def half(manifest: dict[str, Any]) -> None:
        del manifest["endpoints"][1]

    found = findings(remade(half))
    assert unmet(found) == {"evidence.addresses": Status.UNEVALUABLE}
    assert check(found, "evidence.addresses").details == ("127.0.0.2",)


def test_an_address_is_the_same_however_it_is_written() -> None:
    found = [
        Reply("9.9.9.9", HOST, "A", Answer(HOST, "NOERROR")),
        Reply("9.9.9.9", HOST, "AAAA", Answer(HOST, "NOERROR", data=(AAAA(1, 28, "2001:db8::1"),))),
    ]
    asked = Endpoint(address="2001:DB8:0::1", port=443, server_name=HOST)
    assert judge_addresses(HOST, found, [asked], required=True).status is Status.PASS
    assert judge_addresses(HOST, found, [], required=True).status is Status.UNEVALUABLE


def test_attack_06_no_address_at_all_is_no_pass() -> None:
    found = unmet(findings(remade(lambda manifest: manifest.update(endpoints=[]))))
    assert found["cert.leaf"] is Status.UNEVALUABLE
    assert found["evidence.addresses"] is Status.UNEVALUABLE


@pytest.mark.parametrize("kinds", [{"A"}, {"AAAA"}, {"A", "AAAA"}])
def test_where_no_resolver_answers_it_is_not_known_where_clients_go(kinds: set[str]) -> None:
    def without(manifest: dict[str, Any]) -> None:
        manifest["dns"] = [each for each in manifest["dns"] if each["type"] not in kinds]

    assert unmet(findings(remade(without))) == {"evidence.addresses": Status.UNEVALUABLE}


def test_an_endpoint_that_was_asked_for_another_name_is_none() -> None:
    def other(manifest: dict[str, Any]) -> None:
        manifest["endpoints"][0]["server_name"] = ELSEWHERE

    found = findings(remade(other))
    assert unmet(found) == {"cert.leaf": Status.UNEVALUABLE}


def test_an_evidence_file_that_is_there_twice_is_refused() -> None:
    def twice(manifest: dict[str, Any]) -> None:
        quote = next(each for each in manifest["ingress"] if each["name"] == "quote.json")
        manifest["ingress"].append(dict(quote))

    with pytest.raises(BundleError, match="twice"):
        remade(twice)


@pytest.mark.parametrize("part", ["ingress", "endpoints", "dns", "images", "info", "collateral"])
def test_a_record_has_a_body_or_a_reason_for_none(part: str) -> None:
    def both(manifest: dict[str, Any]) -> None:
        record = manifest[part] if isinstance(manifest[part], dict) else manifest[part][0]
        record["trouble"] = {"code": "SP1TEE-V005", "message": "It is away."}

    with pytest.raises(BundleError, match="a body and a reason"):
        remade(both)


@pytest.mark.parametrize("part", ["ingress", "endpoints", "dns", "images", "info", "collateral"])
@pytest.mark.parametrize("told", [True, False])
def test_a_part_that_is_withheld_is_no_pass(part: str, told: bool) -> None:
    def withheld(manifest: dict[str, Any]) -> None:
        if not told:
            manifest.pop(part)
            return
        records = [manifest[part]] if isinstance(manifest[part], dict) else manifest[part]
        for record in records:
            record.pop("file", None)
            record.pop("chain", None)

    assert unmet(findings(remade(withheld)))


@pytest.mark.parametrize("name", [HOST, "example.test"])
def test_an_answer_for_another_name_is_none(name: str) -> None:
    def other(manifest: dict[str, Any]) -> None:
        asked = [each for each in manifest["dns"] if each["type"] == "CAA"]
        next(each for each in asked if each["name"] == name)["name"] = ELSEWHERE

    assert "caa.answered" in unmet(findings(remade(other)))


def test_images_of_other_references_are_none() -> None:
    def other(manifest: dict[str, Any]) -> None:
        for record in manifest["images"]:
            record["reference"] += "0"

    assert "digests.served" in unmet(findings(remade(other)))


def test_the_certificates_own_command_says_that_no_quote_was_verified() -> None:
    found = findings(genuine(), rooms=("cert",))
    assert check(found, "ingress.quote").status is Status.PASS

    def without(manifest: dict[str, Any]) -> None:
        del manifest["collateral"]

    unverified = findings(remade(without), rooms=("cert",))
    assert check(unverified, "ingress.quote").status is Status.SKIPPED
    assert not [fact for fact in unverified.facts if fact.basis is Basis.ATTESTED]


def test_attack_32_which_guest_answered_is_not_known_without_a_log() -> None:
    quote = next(
        record["file"]
        for record in json.loads(genuine().text)["ingress"]
        if record["name"] == "quote.json"
    )
    told = json.loads(genuine().bodies[quote])
    told["event_log"] = "[]"
    bundle = remade(bodies={quote: json.dumps(told).encode()})
    assert check(findings(bundle), "evidence.same-guest").status is Status.UNEVALUABLE


def test_attack_42_an_application_that_was_taken_from_the_quote_is_no_pin() -> None:
    app = next(line for line in policy_text().splitlines() if line.startswith("app_id"))
    assert unmet(findings(genuine(), fitting((app, ""))))["rtmr3.app-id"] is Status.UNEVALUABLE


def test_attack_45_caa_for_an_account_that_is_not_the_enclaves_fails() -> None:
    policy = fitting(
        ("[caa]\n", '[caa]\naccount = "https://acme-v02.api.letsencrypt.org/acme/acct/666"\n')
    )
    assert unmet(findings(genuine(), policy))["caa.enclave-account"] is Status.FAIL
