"""Is the served certificate the attested one, and would a browser take it?"""

import hashlib
from collections.abc import Sequence
from datetime import date
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scts import DAY, NOW, Authority, CtLog, Issued, log_list, pem_of, self_signed

from sp1tee.verify.cert import RULES, CertFacts, examine, judge, read_logs, read_roots, shipped_logs
from sp1tee.verify.checks import Check, Findings, Status
from sp1tee.verify.evidence.manifest import Endpoint, IngressFile, Trouble
from sp1tee.verify.facts import Basis
from sp1tee.verify.policy.model import CertPolicy

HOST = "tee.example.com"
LOGS = (CtLog("One"), CtLog("Two"))
ADDRESSES = ("192.0.2.1", "2001:db8::1")


@cache
def ca() -> Authority:
    return Authority()


@cache
def good() -> Issued:
    return ca().issue(HOST, logs=LOGS)


def at(address: str, issued: Issued | None) -> tuple[Endpoint, bytes | None]:
    if issued is None:
        trouble = Trouble(code="SP1TEE-V005", message="Nobody answers.")
        return Endpoint(address=address, port=443, server_name=HOST, trouble=trouble), None
    return Endpoint(address=address, port=443, server_name=HOST), issued.pem


def brought(*leaves: str | None) -> list[IngressFile]:
    return [
        IngressFile(name="cert.pem", url="https://x/", address="192.0.2.1", leaf_sha256=leaf)
        for leaf in leaves
    ]


def examined(
    *served: Issued | None,
    attested: Issued | None = None,
    files: Sequence[IngressFile] = (),
    host: str = HOST,
    now: int = NOW,
    root: bytes | None = None,
) -> CertFacts:
    chain = (attested or good()).chain
    return examine(
        [at(address, one) for address, one in zip(ADDRESSES, served, strict=False)],
        files,
        chain=chain,
        host=host,
        at=now,
        roots=read_roots(root or ca().root_pem, "test CA"),
        logs=read_logs(log_list(*LOGS)),
    )


def judged(facts: CertFacts, policy: CertPolicy | None = None, *, bound: bool = False) -> Findings:
    return judge(facts, policy or CertPolicy(), bound=bound)


def one(findings: Findings, rule: str) -> Check:
    return next(check for check in findings.checks if check.id == rule)


def bad(findings: Findings) -> dict[str, Status]:
    fine = {Status.PASS, Status.SKIPPED}
    return {check.id: check.status for check in findings.checks if check.status not in fine}


def test_the_attested_certificate_at_every_address_passes():
    files = brought(good().leaf_sha256, good().leaf_sha256)
    found = judged(examined(good(), good(), files=files))
    assert not bad(found)
    assert [c.subject for c in found.checks if c.id == "cert.leaf"] == [
        "192.0.2.1:443",
        "[2001:db8::1]:443",
    ]
    assert one(found, "cert.connection").status is Status.PASS
    assert [c.subject for c in found.checks if c.id == "cert.sct"] == ["One", "Two"]
    assert one(found, "cert.not-before").status is Status.SKIPPED


def test_facts_are_attested_only_if_a_quote_binds_them():
    for bound, basis in ((True, Basis.ATTESTED), (False, Basis.CLAIMED)):
        facts = {fact.name: fact for fact in judged(examined(good()), bound=bound).facts}
        assert facts["cert.leaf.sha256"].value == good().leaf_sha256
        assert facts["cert.leaf.sha256"].basis is basis
        assert facts["cert.leaf.key"].value == "EC secp256r1"
        assert facts["cert.served.192.0.2.1:443"].basis is Basis.COMPUTED
        assert "2026-08-20" in str(facts["cert.ct_logs"].value)


def test_attack_05_another_served_leaf_fails():
    other = ca().issue(HOST, logs=LOGS)
    found = judged(examined(other))
    leaf = one(found, "cert.leaf")
    assert bad(found) == {"cert.leaf": Status.FAIL}
    assert (leaf.expected, leaf.actual) == (good().leaf_sha256, other.leaf_sha256)
    assert "Their keys differ." in leaf.details
    assert leaf.remedy is not None
    assert "again" in leaf.remedy


def test_attack_06_one_address_with_another_certificate_fails_by_name():
    found = judged(examined(good(), ca().issue(HOST, logs=LOGS)))
    leaves = {c.subject: c.status for c in found.checks if c.id == "cert.leaf"}
    assert leaves == {"192.0.2.1:443": Status.PASS, "[2001:db8::1]:443": Status.FAIL}


def test_attack_06_an_address_that_does_not_answer_is_not_passed_over():
    found = judged(examined(good(), None))
    assert bad(found) == {"cert.leaf": Status.UNEVALUABLE}
    assert "Nobody answers." in {c.summary for c in found.checks}


def test_attack_19_evidence_brought_by_another_endpoint_fails():
    relay = ca().issue(HOST)
    found = judged(examined(good(), files=brought(good().leaf_sha256, relay.leaf_sha256)))
    assert bad(found) == {"cert.connection": Status.FAIL}
    assert one(found, "cert.connection").actual == relay.leaf_sha256


def test_evidence_from_a_folder_says_nothing_of_connections():
    files = [IngressFile(name="cert.pem", url="file:///x")]
    assert one(judged(examined(good(), files=files)), "cert.connection").status is Status.SKIPPED


def test_attack_04_a_certificate_of_another_name_fails():
    other = ca().issue("other.example.com", logs=LOGS)
    found = bad(judged(examined(other, attested=other)))
    assert found == {"cert.name": Status.FAIL, "cert.path": Status.FAIL}


def test_attack_04_a_wildcard_certificate_is_accepted():
    wildcard = ca().issue("*.example.com", logs=LOGS)
    assert not bad(judged(examined(wildcard, attested=wildcard)))


def test_a_ca_that_nobody_trusts_fails_and_custom_cas_are_for_that():
    found = judged(examined(good(), root=Authority().root_pem))
    assert one(found, "cert.path").status is Status.FAIL
    assert "--ca-file" in str(one(found, "cert.path").remedy)


def test_a_chain_without_its_intermediate_fails():
    bare = Issued(good().chain[:1], good().key)
    assert one(judged(examined(bare)), "cert.path").status is Status.FAIL


@pytest.mark.parametrize("now", [NOW - 2 * DAY, NOW + 60 * DAY])
def test_attack_17_an_expired_or_future_certificate_fails(now: int):
    policy = CertPolicy(max_evidence_age_days=3650)
    found = bad(judged(examined(good(), now=now), policy))
    assert found["cert.validity"] is Status.FAIL
    assert found["cert.path"] is Status.FAIL


def test_attack_18_the_time_that_was_judged_for_is_named():
    check = one(judged(examined(good(), now=NOW + 90 * DAY)), "cert.validity")
    assert check.actual == "2026-11-30T12:00:00Z"
    assert "--at" in str(check.remedy)


def test_attack_08_a_self_signed_placeholder_is_refused_as_such():
    placeholder = self_signed(HOST)
    found = judged(examined(placeholder, attested=placeholder))
    assert one(found, "cert.issuer").status is Status.REFUSED
    assert "placeholder" in one(found, "cert.issuer").summary
    assert one(found, "cert.path").status is Status.FAIL


def test_attack_08_a_staging_ca_is_refused_even_if_it_is_trusted_here():
    staging = Authority("(STAGING) Let's Encrypt")
    issued = staging.issue(HOST, logs=LOGS)
    found = judged(examined(issued, attested=issued, root=staging.root_pem))
    assert bad(found) == {"cert.issuer": Status.REFUSED}


def test_attack_17_evidence_that_is_too_old_is_refused():
    policy = CertPolicy(max_evidence_age_days=0)
    found = judged(examined(good()), policy)
    assert bad(found) == {"cert.age": Status.REFUSED}
    assert "max_evidence_age_days = 1" in str(one(found, "cert.age").remedy)


def test_attack_40_a_key_from_before_the_deployment_is_refused():
    day = date(2026, 9, 1)
    found = judged(examined(good()), CertPolicy(not_before=day))
    assert bad(found) == {"cert.not-before": Status.REFUSED}
    assert not bad(judged(examined(good()), CertPolicy(not_before=date(2026, 8, 31))))


def test_attack_17_forged_timestamps_fail():
    forged = ca().issue(HOST, logs=LOGS, spoil=True)
    found = bad(judged(examined(forged, attested=forged)))
    assert found == {"cert.sct": Status.FAIL, "cert.logged": Status.REFUSED}


def test_too_few_timestamps_are_refused_unless_the_policy_asks_for_fewer():
    single = ca().issue(HOST, logs=LOGS[:1])
    facts = examined(single, attested=single)
    assert bad(judged(facts)) == {"cert.logged": Status.REFUSED}
    assert not bad(judged(facts, CertPolicy(min_scts=1)))
    skipped = one(judged(facts, CertPolicy(min_scts=0)), "cert.logged")
    assert skipped.status is Status.SKIPPED


def test_timestamps_of_different_certificates_are_told_apart():
    found = judged(examined(good(), ca().issue(HOST, logs=LOGS[:1])))
    subjects = [check.subject for check in found.checks if check.id == "cert.sct"]
    assert subjects == [
        "One, 192.0.2.1:443",
        "Two, 192.0.2.1:443",
        "One, [2001:db8::1]:443",
    ]


def test_logs_that_are_not_in_the_list_leave_it_open_and_the_list_s_date_is_said():
    unknown = ca().issue(HOST, logs=(CtLog("New"), CtLog("Newer")))
    found = judged(examined(unknown, attested=unknown))
    check = one(found, "cert.logged")
    assert bad(found) == {"cert.logged": Status.UNEVALUABLE}
    assert "2026-08-20" in check.details[0]
    assert "--ct-logs" in str(check.remedy)


def test_without_evidence_nothing_is_known_about_the_leaf():
    facts = examine(
        [at("192.0.2.1", good())],
        (),
        chain=None,
        host=HOST,
        at=NOW,
        roots=read_roots(ca().root_pem, "test CA"),
        logs=read_logs(log_list(*LOGS)),
    )
    found = judged(facts, bound=True)
    assert bad(found) == {"cert.leaf": Status.UNEVALUABLE, "cert.age": Status.UNEVALUABLE}
    served = {fact.name: fact for fact in found.facts}["cert.leaf.sha256"]
    assert served.basis is Basis.CLAIMED


def test_without_addresses_the_chain_in_the_evidence_is_judged():
    found = judged(examined())
    assert bad(found) == {"cert.leaf": Status.UNEVALUABLE}
    assert one(found, "cert.path").subject == "evidence"


def test_every_check_that_fails_says_what_was_expected_or_what_to_do():
    other = ca().issue("other.example.com", not_before=NOW - 300 * DAY, days=10)
    found = judged(examined(other, None), CertPolicy(max_evidence_age_days=0))
    left = [c for c in found.checks if c.status not in {Status.PASS, Status.SKIPPED}]
    assert len(left) >= 6
    assert all(check.remedy for check in left if check.id != "cert.sct")


def test_rules_have_ids_and_codes_of_their_own():
    from sp1tee.verify.ingress import RULES as BESIDE

    every = RULES + BESIDE
    assert len({rule.id for rule in every}) == len({rule.code for rule in every}) == len(every)


@given(st.binary(max_size=80), st.integers(0, 900), st.integers(0, 4_000_000_000))
def test_nothing_but_findings_comes_out(noise: bytes, place: int, now: int):
    spoiled = bytearray(good().leaf)
    spoiled[place % len(spoiled)] ^= 1
    served = Endpoint(address="192.0.2.1", port=443, server_name=HOST)
    facts = examine(
        [(served, pem_of(*good().chain)[:-1] + noise), (served, noise)],
        (),
        chain=(bytes(spoiled), noise),
        host=HOST,
        at=now,
        roots=read_roots(ca().root_pem, "test CA"),
        logs=shipped_logs(),
    )
    assert judged(facts).checks


def test_the_attested_leaf_is_compared_as_a_whole_not_by_its_key():
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    first, renewed = (ca().issue(HOST, logs=LOGS, key=key) for _ in range(2))
    check = one(judged(examined(renewed, attested=first)), "cert.leaf")
    assert check.status is Status.FAIL
    assert "Both have the same key." in check.details
    assert check.expected == hashlib.sha256(first.leaf).hexdigest()
