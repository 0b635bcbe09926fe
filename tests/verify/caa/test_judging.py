"""Who can get a certificate: every way in which somebody else could has its own rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dns_messages import (
    ACCOUNT,
    HOST,
    LOCK,
    POLICY,
    RESOLVER,
    TIGHT,
    VALIDATED,
    judged,
    locked,
    replies,
    reply,
    seen,
    statuses,
    wire,
)

from sp1tee.verify.caa import RULES, examine, judge, read_reply
from sp1tee.verify.evidence.manifest import DnsReply
from sp1tee.verify.policy.model import CaaPolicy

APP_ID = "9b" * 20


def issue(value: str, tag: str = "issue", flags: int = 0) -> str:
    return f'CAA {flags} {tag} "{value}"'


def test_a_lock_on_the_name_and_its_parent_passes() -> None:
    checks = judged(seen(locked(TIGHT)))

    assert {c.status.value for c in checks.values()} <= {"pass", "skipped"}
    assert [c.id for c in checks.values() if c.status.value == "skipped"] == [
        "caa.agreement",
        "caa.dnssec",
        "caa.routing",
        "caa.enclave-account",
    ]


def test_every_rule_gives_one_check_in_order() -> None:
    for facts in (seen({}), seen(locked(TIGHT)), examine(HOST, [])):
        assert tuple(judged(facts)) == tuple(rule.id for rule in RULES)


def test_an_account_that_is_not_the_enclaves_fails_whatever_the_policy_pins() -> None:
    facts = seen(locked(TIGHT))
    for account, status in ((ACCOUNT, "pass"), (f"{ACCOUNT}5", "fail"), (None, "unevaluable")):
        found = judge(facts, CaaPolicy(account=ACCOUNT), account=account, required=True).checks
        assert {c.id: c.status.value for c in found}["caa.enclave-account"] == status


def test_codes_are_unique_and_of_the_rooms_block() -> None:
    assert len({rule.code for rule in RULES}) == len(RULES)
    assert all(rule.code.startswith("SP1TEE-V6") and rule.id.startswith("caa.") for rule in RULES)


def test_a_pass_says_what_it_does_not_mean() -> None:
    told = " ".join(judged(seen(locked(TIGHT)))["caa.account"].details)

    assert "controls the zone" in told
    assert "28800 s (TTL seen: 300 s)" in told
    assert "stay valid" in told
    assert "not searched" in told


def test_a_lock_above_the_name_counts_for_the_name() -> None:
    assert statuses(seen({"example.org": [TIGHT]})) == {}


def test_a_record_that_lets_nobody_issue_is_no_hole_but_keeps_from_renewing() -> None:
    assert statuses(seen(locked(issue(";")))) == {"caa.renewal": "refused"}


def test_attack_45_no_caa_at_all_lets_everybody_issue() -> None:
    checks = judged(seen({}))

    assert checks["caa.present"].status == "fail"
    assert checks["caa.parent-present"].status == "fail"
    assert "Any CA" in checks["caa.present"].summary
    assert f"{HOST} CAA 0 issue" in (checks["caa.present"].remedy or "")
    assert checks["caa.renewal"].status == "pass"


@pytest.mark.parametrize("tag", ["iodef", "issuemail", "issuevmc", "contactemail", "issuewild"])
def test_attack_45_a_set_without_issue_lets_everybody_issue(tag: str) -> None:
    found = statuses(seen(locked(issue("mailto:a@example.org" if tag == "iodef" else ";", tag))))

    assert found == {"caa.present": "fail"}


def test_attack_45_without_accounturi_every_account_may_ask() -> None:
    found = statuses(seen(locked(issue("letsencrypt.org; validationmethods=dns-01"))))

    assert found == {"caa.account-present": "fail"}


def test_attack_45_accounturi_in_another_case_may_be_overlooked() -> None:
    value = f"letsencrypt.org; AccountURI={ACCOUNT}; validationmethods=dns-01"

    assert statuses(seen(locked(issue(value)))) == {
        "caa.account-present": "fail",
        "caa.well-formed": "refused",
        "caa.renewal": "refused",
    }


@pytest.mark.parametrize(
    ("account", "told"),
    [
        (ACCOUNT + "5", "only begins alike"),
        (ACCOUNT[:-1], "only begins alike"),
        (ACCOUNT + "/", "slash"),
        (ACCOUNT.replace("https", "http"), "http, not https"),
        (ACCOUNT.replace("v02", "staging-v02"), "staging"),
        (ACCOUNT.replace("/acme/", "/ACME/"), "upper and lower case"),
        (ACCOUNT.replace("letsencrypt.org", "example.org"), "example.org"),
        (ACCOUNT.replace("1234", "9999"), "another account"),
        ("urn:acme:1234", "nobody"),
        ("https://[::1/acct/1234", "nobody"),
    ],
)
def test_attack_45_another_account_may_ask_however_alike_its_uri_is(
    account: str, told: str
) -> None:
    value = f"letsencrypt.org; accounturi={account}; validationmethods=dns-01"
    checks = judged(seen(locked(issue(value))))

    assert checks["caa.account"].status == "fail"
    assert told in checks["caa.account"].summary
    assert account in (checks["caa.account"].actual or "")
    assert checks["caa.renewal"].status == "refused"


@pytest.mark.parametrize(
    "accounts", [f"accounturi={ACCOUNT}; accounturi={ACCOUNT}5", "accounturi=1234"]
)
def test_attack_45_several_accounts_or_none_that_is_a_uri_let_nobody_issue(accounts: str) -> None:
    found = statuses(seen(locked(issue(f"letsencrypt.org; {accounts}"))))

    assert found == {"caa.well-formed": "refused", "caa.renewal": "refused"}


def test_attack_46_a_second_record_breaks_the_lock() -> None:
    checks = judged(seen(locked(TIGHT, issue("other.example"))))

    assert checks["caa.issuer"].status == "fail"
    assert "other.example" in checks["caa.issuer"].summary
    assert checks["caa.account"].status == "pass"
    assert checks["caa.renewal"].status == "pass"


def test_attack_46_another_ca_is_not_bound_by_parameters_that_nobody_meets() -> None:
    value = "other.example; accounturi=1; accounturi=2"

    assert statuses(seen(locked(TIGHT, issue(value))))["caa.issuer"] == "fail"


def test_attack_46_a_second_account_breaks_the_lock() -> None:
    value = f"letsencrypt.org; accounturi={ACCOUNT}0; validationmethods=dns-01"

    assert statuses(seen(locked(TIGHT, issue(value)))) == {"caa.account": "fail"}


def test_attack_47_a_loose_issuewild_at_the_name_is_refused() -> None:
    checks = judged(seen(locked(TIGHT, issue("other.example", "issuewild"))))

    assert {k: c.status for k, c in checks.items() if c.status not in ("pass", "skipped")} == {
        "caa.wildcard-here": "refused"
    }
    assert checks["caa.wildcard-here"].subject == f"*.{HOST}"


@pytest.mark.parametrize("value", [";", LOCK])
def test_attack_47_a_tight_issuewild_passes_here_and_at_the_parent(value: str) -> None:
    zone = {HOST: [TIGHT, issue(value, "issuewild")]}
    zone["example.org"] = [issue("other.example"), issue(value, "issuewild")]

    assert statuses(seen(zone)) == {}


@pytest.mark.parametrize(
    ("record", "rule", "status"),
    [
        (issue("other.example", "issuewild"), "caa.parent-wildcard", "fail"),
        (issue("other.example"), "caa.parent-wildcard", "fail"),
        (issue("letsencrypt.org", "issuewild"), "caa.parent-wildcard", "fail"),
        (issue(f"letsencrypt.org; accounturi={ACCOUNT}5"), "caa.parent-wildcard", "fail"),
        (issue(f"letsencrypt.org; accounturi={ACCOUNT}"), "caa.parent-methods", "refused"),
        (issue("mailto:a@example.org", "iodef"), "caa.parent-present", "fail"),
    ],
)
def test_attack_47_the_parent_decides_about_wildcards_that_match(
    record: str, rule: str, status: str
) -> None:
    checks = judged(seen({HOST: [TIGHT], "example.org": [record]}))

    assert checks[rule].status == status
    assert checks[rule].subject == "*.example.org"
    assert checks["caa.issuer"].status == "pass"


def test_attack_47_a_parent_without_caa_lets_everybody_issue_a_matching_wildcard() -> None:
    checks = judged(seen({HOST: [TIGHT]}))

    assert checks["caa.present"].status == "pass"
    assert checks["caa.parent-present"].status == "fail"
    assert checks["caa.parent-present"].summary == (
        "Any CA may issue to whoever passes its validation of *.example.org, which clients accept "
        "for tee.example.org."
    )


def test_below_a_top_level_domain_there_is_no_parent_to_judge() -> None:
    checks = judged(seen({"example.org": [TIGHT]}, host="example.org"))

    assert checks["caa.parent-present"].status == "skipped"
    assert "top-level" in checks["caa.parent-present"].summary


@pytest.mark.parametrize("name", [HOST, "example.org"])
def test_attack_48_an_unknown_critical_property_is_no_hole_and_no_renewal(name: str) -> None:
    zone = {HOST: [TIGHT], "example.org": [TIGHT]}
    zone[name] = [TIGHT, issue("x", "newtag", 128)]
    checks = judged(seen(zone))

    assert checks["caa.critical"].status == "refused"
    assert "renewal will fail" in checks["caa.critical"].summary
    assert checks["caa.renewal"].status == ("refused" if name == HOST else "pass")
    assert checks["caa.issuer"].status == "pass"


def test_attack_48_an_unknown_critical_property_does_not_stand_for_a_lock() -> None:
    found = statuses(seen(locked(issue("other.example"), issue("x", "newtag", 128))))

    assert found["caa.issuer"] == "fail"


def test_flag_1_is_critical_for_lets_encrypt_and_keeps_from_renewing() -> None:
    assert statuses(seen(locked(TIGHT, issue("x", "newtag", 1)))) == {"caa.renewal": "refused"}


def test_attack_49_a_set_found_through_an_alias_is_its_targets_owners() -> None:
    found = [
        reply(
            wire(
                HOST, "CAA", f"{HOST} 60 CNAME _.gateway.example.", f"_.gateway.example 60 {TIGHT}"
            )
        ),
        *replies(locked())[1:],
    ]
    checks = judged(examine(HOST, found))

    assert checks["caa.account"].status == "pass"
    assert checks["caa.alias"].status == "refused"
    assert "_.gateway.example" in (checks["caa.alias"].actual or "")
    assert "was found through it" in checks["caa.alias"].summary


def test_attack_49_an_alias_without_a_set_may_get_one_any_day() -> None:
    found = [
        reply(wire(HOST, "CAA", f"{HOST} 60 CNAME _.gateway.example.")),
        *replies(locked())[1:],
    ]
    checks = judged(examine(HOST, found))

    assert checks["caa.present"].status == "pass"
    assert checks["caa.alias"].status == "refused"
    assert "can decide" in checks["caa.alias"].summary


def test_attack_49_a_name_with_a_set_and_an_alias_for_its_addresses_has_two_owners() -> None:
    address = wire(
        HOST, "A", f"{HOST} 60 CNAME _.gateway.example.", "_.gateway.example 60 A 192.0.2.1"
    )
    found = [*replies(locked(TIGHT)), reply(address, HOST, "A")]
    checks = judged(examine(HOST, found))

    assert checks["caa.alias"].status == "refused"
    assert "_.gateway.example" in checks["caa.alias"].details[0]
    assert checks["caa.account"].status == "pass"


def test_attack_50_what_any_resolver_sees_counts() -> None:
    other = replies(locked(issue("other.example")), resolver="tls://9.9.9.9")
    checks = judged(examine(HOST, [*replies(locked(TIGHT)), *other]))

    assert checks["caa.issuer"].status == "fail"
    assert "tls://9.9.9.9" in checks["caa.issuer"].details[0]
    assert checks["caa.agreement"].status == "refused"


def test_attack_50_resolvers_that_see_different_locks_disagree() -> None:
    one = replies(locked(TIGHT))
    other = replies({"example.org": [TIGHT]}, resolver="tls://9.9.9.9")

    assert statuses(examine(HOST, [*one, *other])) == {"caa.agreement": "refused"}


def test_resolvers_that_see_the_same_agree_whatever_is_left_of_its_time_to_live() -> None:
    other = reply(wire(HOST, "CAA", f"{HOST} 7 {TIGHT}"), resolver="tls://9.9.9.9")
    above = replies(locked(TIGHT), resolver="tls://9.9.9.9")[1:]
    checks = judged(examine(HOST, [*replies(locked(TIGHT)), other, *above]))

    assert checks["caa.agreement"].status == "pass"
    assert "TTL seen: 300 s" in checks["caa.account"].details[1]


def test_attack_50_servfail_beside_an_answer_is_a_disagreement_and_no_renewal() -> None:
    broken = reply(wire(HOST, "CAA", rcode="SERVFAIL"), resolver="tls://9.9.9.9")
    found = statuses(examine(HOST, [*replies(locked(TIGHT)), broken]))

    assert found == {"caa.agreement": "refused", "caa.renewal": "refused"}


def test_attack_50_silence_beside_an_answer_is_told() -> None:
    silent = reply(None, resolver="9.9.9.9", trouble="9.9.9.9 did not answer in time.")
    checks = judged(examine(HOST, [*replies(locked(TIGHT)), silent]))

    assert checks["caa.answered"].status == "pass"
    assert "1 of 2" in checks["caa.answered"].summary
    assert "did not answer in time" in checks["caa.answered"].details[0]


def test_too_few_answers_are_not_enough() -> None:
    policy = POLICY.model_copy(update={"min_resolvers": 2})

    assert statuses(seen(locked(TIGHT)), policy) == {"caa.answered": "unevaluable"}


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED"])
def test_attack_50_without_an_answer_nothing_passes(rcode: str) -> None:
    checks = judged(examine(HOST, [reply(wire(HOST, "CAA", rcode=rcode))]))

    assert not [c.id for c in checks.values() if c.status == "pass"]
    assert checks["caa.present"].status == "unevaluable"
    assert rcode in checks["caa.answered"].details[0]


def test_without_replies_nothing_passes() -> None:
    assert not [c for c in judged(examine(HOST, [])).values() if c.status == "pass"]


def test_attack_50_an_ad_bit_counts_where_nobody_can_have_set_it() -> None:
    demanding = POLICY.model_copy(update={"require_dnssec": True})

    def state(resolver: str, flags: int) -> str:
        found = replies(locked(TIGHT), resolver=resolver, flags=flags)
        return judged(examine(HOST, found), demanding)["caa.dnssec"].status.value

    assert state(RESOLVER, VALIDATED) == "pass"
    assert state("tls://9.9.9.9", VALIDATED) == "pass"
    assert state("127.0.0.1", VALIDATED) == "pass"
    assert state("9.9.9.9", VALIDATED) == "unevaluable"
    assert state(RESOLVER, VALIDATED & ~0x20) == "refused"


def test_an_unsigned_zone_is_told_where_nobody_demands_more() -> None:
    check = judged(seen(locked(TIGHT)))["caa.dnssec"]

    assert check.status == "skipped"
    assert "forged" in check.summary


def test_attack_51_without_methods_every_method_may_be_used() -> None:
    found = statuses(seen(locked(issue(f"letsencrypt.org; accounturi={ACCOUNT}"))))

    assert found == {"caa.methods-present": "refused"}


def test_attack_51_a_wider_method_lets_whoever_holds_the_address_pass() -> None:
    value = f"letsencrypt.org; accounturi={ACCOUNT}; validationmethods=dns-01,http-01"
    checks = judged(seen(locked(issue(value))))

    assert checks["caa.methods"].status == "refused"
    assert "http-01 may be used" in checks["caa.methods"].summary
    assert checks["caa.renewal"].status == "pass"


def test_attack_51_a_policy_of_one_method_refuses_the_other() -> None:
    value = f"letsencrypt.org; accounturi={ACCOUNT}; validationmethods=tls-alpn-01"
    policy = POLICY.model_copy(update={"methods": ("dns-01",)})

    found = statuses(seen(locked(issue(value))), policy)
    assert (found["caa.methods"], found["caa.renewal"]) == ("refused", "refused")


@pytest.mark.parametrize(
    "value",
    [
        "letsencrypt.org; validationmethods=",
        f"letsencrypt.org; accounturi={ACCOUNT};",
        "LetsEncrypt.org",
        f"LetsEncrypt.org; accounturi={ACCOUNT}; validationmethods=dns-01",
    ],
)
def test_the_pinned_account_can_shut_itself_out(value: str) -> None:
    assert statuses(seen(locked(issue(value))))["caa.renewal"] == "refused"


def test_a_malformed_record_is_refused_though_it_lets_nobody_issue() -> None:
    checks = judged(seen(locked(TIGHT, issue("other.example; ;"))))

    assert checks["caa.well-formed"].status == "refused"
    assert checks["caa.issuer"].status == "pass"


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ([f"{APP_ID}:443"], "pass"),
        ([f"{APP_ID.upper()}:443"], "pass"),
        ([f"0x{APP_ID}:8080"], "pass"),
        ([f"{'00' * 20}:443"], "fail"),
        ([f"{APP_ID}:443", f"{'00' * 20}:443"], "fail"),
        ([f"{APP_ID}0:443"], "fail"),
        (["\\027[31m"], "fail"),
        ([], "skipped"),
    ],
)
def test_attack_53_the_name_must_be_routed_to_the_pinned_application(
    values: list[str], status: str
) -> None:
    name = f"_dstack-app-address.{HOST}"
    records = [f'{name} 60 TXT "{value}"' for value in values]
    found = [*replies(locked(TIGHT)), reply(wire(name, "TXT", *records), name, "TXT")]
    check = judged(examine(HOST, found), app_id=APP_ID)["caa.routing"]

    assert check.status == status
    assert "\x1b" not in str(check)


def test_attack_53_routing_that_nobody_tells_cannot_be_evaluated() -> None:
    check = judged(seen(locked(TIGHT)), app_id=APP_ID)["caa.routing"]

    assert check.status == "unevaluable"


def test_without_an_account_it_is_not_known_whose_it_is() -> None:
    facts, policy = seen(locked(TIGHT)), CaaPolicy()

    assert judged(facts, policy)["caa.account"].status == "skipped"
    demanded = judged(facts, policy, required=True)["caa.account"]
    assert demanded.status == "unevaluable"
    assert "[caa] account" in (demanded.remedy or "")
    assert judged(facts, policy, account=ACCOUNT, required=True)["caa.account"].status == "pass"


def test_a_policys_account_counts_before_the_evidences() -> None:
    assert judged(seen(locked(TIGHT)), account="https://other/1")["caa.account"].status == "pass"


def test_whatever_does_not_pass_says_what_to_do() -> None:
    zones = [{}, locked(issue("a.example")), locked(issue("letsencrypt.org"))]
    for facts in (*map(seen, zones), examine(HOST, [])):
        for check in judged(facts, required=True).values():
            if check.status not in ("pass", "skipped"):
                assert check.remedy, check.id


def test_facts_are_the_resolvers_claims() -> None:
    facts = {fact.name: fact for fact in judge(seen(locked(TIGHT)), POLICY).facts}

    assert facts["caa.sets"].basis == "claimed"
    assert facts["caa.sets"].value == [
        {
            "resolvers": [RESOLVER],
            "at": HOST,
            "records": [TIGHT.removeprefix("CAA ")],
            "ttl": 300,
            "aliases": [],
        }
    ]
    assert facts["caa.wildcard_sets"].value[0]["at"] == "example.org"


def test_hundreds_of_records_are_told_in_a_few_lines() -> None:
    records = [issue(f"ca-{n}.example") for n in range(100)]
    check = judged(seen(locked(*records)))["caa.issuer"]

    assert check.status == "fail"
    assert "92 more" in check.summary
    assert len(check.details) == 9


TAGS = st.sampled_from(["issue", "issuewild", "iodef", "newtag"])
VALUES = st.sampled_from(
    [";", LOCK, "letsencrypt.org", "other.example", "%%", f"letsencrypt.org; accounturi={ACCOUNT}5"]
)
SETS = st.lists(st.tuples(st.sampled_from([0, 1, 128]), TAGS, VALUES), max_size=4)


@given(SETS, SETS)
def test_all_passes_only_if_every_record_that_counts_is_the_lock(
    here: list[tuple[int, str, str]], above: list[tuple[int, str, str]]
) -> None:
    """Against a second, naive evaluation of who may issue."""
    zone = {
        HOST: [issue(value, tag, flags) for flags, tag, value in here],
        "example.org": [issue(value, tag, flags) for flags, tag, value in above],
    }

    def closed(records: list[tuple[int, str, str]], tag: str) -> bool:
        counted = [value for _, t, value in records if t == tag]
        return bool(counted) and all(value in (";", "%%", LOCK) for value in counted)

    own = here or above
    wild = "issuewild" if any(t == "issuewild" for _, t, _ in above) else "issue"
    expected = closed(own, "issue") and closed(above, wild)
    found = statuses(seen(zone))

    failed = {name for name, status in found.items() if status == "fail"}
    assert (not failed) == expected


@given(st.lists(st.tuples(st.sampled_from(["CAA", "TXT", "A", "?"]), st.binary(max_size=80))))
def test_any_recorded_replies_give_checks(found: list[tuple[str, bytes]]) -> None:
    records = [
        (DnsReply(resolver=f"r{n % 3}", transport="udp", name=HOST, type=kind), body)
        for n, (kind, body) in enumerate(found)
    ]
    facts = examine(HOST, [read_reply(record, body) for record, body in records])

    assert len(judge(facts, POLICY, app_id=APP_ID, required=True).checks) == len(RULES)
