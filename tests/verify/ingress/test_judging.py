"""What evidence files are worth."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.ingress_files import URI, account, evidence, listing
from support.scts import pem_of

from sp1tee.errors import EvidenceMalformed, VerifyError
from sp1tee.verify.checks import Findings, Status
from sp1tee.verify.facts import Basis
from sp1tee.verify.ingress import RULES, examine, judge, judge_unverified
from sp1tee.verify.policy.model import CertPolicy

HOST = "tee.example.com"


def chain(text: bytes = b"leaf") -> bytes:
    import ssl

    return ssl.DER_cert_to_PEM_cert(text).encode()


FILES = evidence({f"cert-{HOST}.pem": chain()})


def judged(
    files: dict[str, bytes],
    host: str = HOST,
    *,
    bound: bool = False,
    policy: CertPolicy | None = None,
) -> Findings:
    return judge(examine(files, host), policy or CertPolicy(), bound=bound)


def statuses(findings: Findings) -> dict[str, Status]:
    return {check.id: check.status for check in findings.checks}


def test_intact_evidence_passes_every_rule():
    found = statuses(judged(FILES))
    assert found == {rule.id: Status.PASS for rule in RULES if rule.id in found}
    assert len(found) == 7


def test_the_report_data_is_the_list_s_digest_and_32_zero_bytes():
    facts = examine(FILES, HOST)
    assert facts.report_data == hashlib.sha256(FILES["sha256sum.txt"]).digest() + bytes(32)


def test_facts_are_claimed_until_a_quote_binds_them():
    for bound, basis in ((False, Basis.CLAIMED), (True, Basis.ATTESTED)):
        facts = {fact.name: fact for fact in judged(FILES, bound=bound).facts}
        assert facts["ingress.account"].value == URI
        assert facts["ingress.account"].basis is basis
        assert facts["ingress.report_data"].basis is Basis.COMPUTED


@pytest.mark.parametrize("name", [f"cert-{HOST}.pem", "cert-*.example.com.pem", "cert.pem"])
def test_the_certificate_s_name_is_taken_from_the_list(name: str):
    facts = examine(evidence({name: chain()}), HOST)
    assert facts.certificate.value == name
    assert facts.leaf == b"leaf"


def test_stale_certificates_of_other_domains_are_no_attack():
    others = {"cert-old.example.com.pem": chain(b"old"), f"cert-{HOST}.pem": chain()}
    facts = examine(evidence(others), HOST)
    assert facts.leaf == b"leaf"
    assert set(statuses(judged(evidence(others))).values()) == {Status.PASS}


def test_files_that_are_not_listed_are_ignored():
    assert statuses(judged({**FILES, "info.json": b"{", "key.pem": b"x"})) == statuses(
        judged(FILES)
    )


@pytest.mark.parametrize("host", ["other.example.org", "a.tee.example.com", "example.com"])
def test_attack_04_evidence_of_another_domain_fails(host: str):
    found = {check.id: check for check in judged(FILES, host).checks}
    assert found["ingress.certificate"].status is Status.FAIL
    assert found["ingress.certificate"].actual == f"cert-{HOST}.pem"
    assert "ingress.chain" not in found


def test_attack_04_a_wildcard_covers_one_label_only():
    files = evidence({"cert-*.example.com.pem": chain()})
    assert examine(files, "a.b.example.com").leaf is None
    assert examine(files, "example.com").leaf is None
    assert examine(files, "b.example.com").leaf == b"leaf"


def test_attack_02_a_file_that_is_not_the_listed_one_fails_and_says_nothing():
    found = judged({**FILES, f"cert-{HOST}.pem": chain(b"other")})
    assert statuses(found)["ingress.digests"] is Status.FAIL
    assert statuses(found)["ingress.chain"] is Status.UNEVALUABLE
    assert examine({**FILES, f"cert-{HOST}.pem": chain(b"other")}, HOST).leaf is None


def test_attack_03_a_listed_file_that_is_withheld_is_not_passed_over():
    files = {name: body for name, body in FILES.items() if name != "acme-account.json"}
    found = statuses(judged(files))
    assert found["ingress.files"] is Status.UNEVALUABLE
    assert found["ingress.account"] is Status.UNEVALUABLE
    assert found["ingress.digests"] is Status.PASS


def test_a_list_that_cannot_be_read_ends_the_examination():
    for body in (b"", b"<html>"):
        found = judged({**FILES, "sha256sum.txt": body})
        assert statuses(found) == {"ingress.listing": Status.UNEVALUABLE}
        assert found.checks[0].reason == "SP1TEE-V002"
    assert statuses(judged({})) == {"ingress.listing": Status.UNEVALUABLE}


def test_attack_08_an_account_of_the_staging_directory_is_refused():
    uri = "https://acme-staging-v02.api.letsencrypt.org/acme/acct/9"
    found = {c.id: c for c in judged(evidence({"cert.pem": chain()}, uri)).checks}
    assert found["ingress.directory"].status is Status.REFUSED
    assert "staging" in found["ingress.directory"].summary


def test_another_ca_s_directory_is_accepted_if_the_policy_names_it():
    files = evidence({"cert.pem": chain()}, "https://acme.example.org:14000/acct/9")
    assert statuses(judged(files))["ingress.directory"] is Status.REFUSED
    policy = CertPolicy(acme_directories=("acme.example.org:14000",))
    assert statuses(judged(files, policy=policy))["ingress.directory"] is Status.PASS


def test_attack_02_all_64_bytes_of_the_report_data_count():
    facts = examine(FILES, HOST)
    assert facts.report_data is not None
    right, zero = facts.report_data, bytes(32)
    for stated, status in (
        (right, Status.PASS),
        (right[:32] + b"\1" + bytes(31), Status.FAIL),
        (hashlib.sha256(FILES["cert-tee.example.com.pem"]).digest() + zero, Status.FAIL),
        (zero + right[:32], Status.FAIL),
        (right[:32], Status.FAIL),
        (b"", Status.FAIL),
        (EvidenceMalformed("no"), Status.UNEVALUABLE),
        (None, Status.UNEVALUABLE),
    ):
        assert judge_unverified(facts, stated).checks[0].status is status


def test_an_unverified_quote_never_vouches_for_anything():
    facts = examine(FILES, HOST)
    vouched = judge_unverified(facts, facts.report_data).checks[1]
    assert vouched.status is Status.SKIPPED
    assert "verify all" in str(vouched.remedy)


def test_every_check_that_does_not_pass_says_what_to_do():
    broken = [
        {},
        {**FILES, "acme-account.json": b"{}"},
        {"sha256sum.txt": FILES["sha256sum.txt"]},
        evidence({"cert-other.example.com.pem": chain()}),
        evidence({"cert.pem": b"no PEM"}),
        evidence({"cert.pem": chain()}, "https://acme-staging.example/1"),
    ]
    for files in broken:
        left = [check for check in judged(files).checks if check.status is not Status.PASS]
        assert left
        assert all(check.remedy for check in left)


def test_rules_have_ids_and_codes_of_their_own():
    assert len({rule.id for rule in RULES}) == len({rule.code for rule in RULES}) == len(RULES)


@given(
    st.dictionaries(
        st.sampled_from(["sha256sum.txt", "cert.pem", "acme-account.json", f"cert-{HOST}.pem"]),
        st.binary(max_size=60),
    ),
    st.booleans(),
)
def test_nothing_but_findings_comes_out(files: dict[str, bytes], listed: bool):
    if listed:
        files = {**files, "sha256sum.txt": listing({**files, "acme-account.json": account()})}
    try:
        judged(files)
    except VerifyError:  # pragma: no cover
        pytest.fail("an error left the room")


def test_pem_helper_and_reader_agree():
    from support.scts import Authority

    issued = Authority().issue(HOST)
    assert examine(evidence({"cert.pem": pem_of(*issued.chain)}), HOST).chain.value == issued.chain
