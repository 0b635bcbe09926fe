"""`sp1tee verify caa`, against real servers."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.commands import Run
from support.dns_messages import HOST, TIGHT, wire
from support.dns_zones import ACCOUNT, APP_ID, RealDns, running_dns

from sp1tee.verify.caa import RULES, climb
from sp1tee.verify.evidence import Collector, save_bundle
from sp1tee.verify.evidence.manifest import DnsReply, Target

LOCKED = "tee.signed.test"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDns]:
    with running_dns(tmp_path_factory.mktemp("dns")) as running:
        yield running


def statuses(out: str) -> dict[str, str]:
    return {check["id"]: check["status"] for check in json.loads(out)["checks"]}


def test_a_locked_name_passes(sp1tee: Run, real: RealDns) -> None:
    ran = sp1tee(
        *("verify", "caa", LOCKED, "--account", ACCOUNT, "--app-id", APP_ID),
        *("--resolver", real.resolver, "--format", "json"),
    )

    assert ran.code == 0, ran.out
    report = json.loads(ran.out)
    assert report["verdict"] == "pass"
    assert [check["id"] for check in report["checks"]] == [rule.id for rule in RULES]
    assert len(report["inputs"]) == 6


def test_a_name_with_another_issuer_fails_and_says_whose(sp1tee: Run, real: RealDns) -> None:
    ran = sp1tee(
        *("verify", "caa", "loose.signed.test", "--account", ACCOUNT),
        *("--resolver", real.resolver),
    )

    assert ran.code == 1
    assert "other.example may issue" in ran.out
    assert "SP1TEE-V604" in ran.out


def test_attack_45_an_account_that_only_begins_alike_fails(sp1tee: Run, real: RealDns) -> None:
    ran = sp1tee(
        *("verify", "caa", LOCKED, "--account", f"{ACCOUNT}5"),
        *("--resolver", real.resolver, "--format", "json"),
    )

    assert ran.code == 1
    assert statuses(ran.out)["caa.account"] == "fail"


def test_attack_51_other_methods_than_those_accepted_are_refused(
    sp1tee: Run, real: RealDns
) -> None:
    ran = sp1tee(
        *("verify", "caa", LOCKED, "--account", ACCOUNT, "--method", "tls-alpn-01"),
        *("--resolver", real.resolver, "--format", "json"),
    )

    assert ran.code == 4
    assert statuses(ran.out)["caa.methods"] == "refused"


def test_another_issuer_can_be_the_one(sp1tee: Run, real: RealDns) -> None:
    ran = sp1tee(
        *("verify", "caa", LOCKED, "--account", ACCOUNT, "--issuer", "other.example"),
        *("--resolver", real.resolver, "--format", "json"),
    )

    assert ran.code == 1
    assert statuses(ran.out)["caa.issuer"] == "fail"


def test_attack_53_another_application_fails(sp1tee: Run, real: RealDns) -> None:
    ran = sp1tee(
        *("verify", "caa", LOCKED, "--account", ACCOUNT, "--app-id", "00" * 20),
        *("--resolver", real.resolver, "--format", "json"),
    )

    assert ran.code == 1
    assert statuses(ran.out)["caa.routing"] == "fail"


def test_a_policy_gives_account_demands_and_roots(
    sp1tee: Run, real: RealDns, tmp_path: Path
) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(
        'schema = "sp1tee.policy.v1"\n'
        f'[anchors]\ntls_roots = "{real.ca}"\n'
        f'[caa]\naccount = "{ACCOUNT}"\nrequire_dnssec = true\nmin_resolvers = 2\n'
        f'[rtmr3]\napp_id = "{APP_ID}"\n'
    )
    ran = sp1tee(
        *("verify", "caa", LOCKED, "--policy", policy, "--format", "json"),
        *("--resolver", real.tls, "--resolver", real.resolver),
    )

    assert ran.code == 0, ran.out
    assert statuses(ran.out)["caa.dnssec"] == "pass"
    assert statuses(ran.out)["caa.agreement"] == "pass"
    assert statuses(ran.out)["caa.routing"] == "pass"


def test_attack_50_a_resolver_that_fails_cannot_be_evaluated(sp1tee: Run, real: RealDns) -> None:
    ran = sp1tee(
        *("verify", "caa", "tee.bogus.test", "--account", ACCOUNT),
        *("--resolver", real.resolver, "--format", "json"),
    )

    assert ran.code == 3
    assert set(statuses(ran.out).values()) == {"unevaluable", "skipped"}


def test_offline_without_saved_answers_cannot_be_evaluated(sp1tee: Run) -> None:
    ran = sp1tee("verify", "caa", HOST, "--account", ACCOUNT, "--offline")

    assert ran.code == 3
    assert "No resolver was asked" in ran.out


def test_a_host_that_the_policy_does_not_name_fails(sp1tee: Run, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('schema = "sp1tee.policy.v1"\n[cert]\nhosts = ["other.example.org"]\n')
    ran = sp1tee("verify", "caa", HOST, "--account", ACCOUNT, "--offline", "--policy", policy)

    assert ran.code == 1
    assert "which the policy does not name" in ran.out


def test_saved_answers_are_judged_again_without_a_network(sp1tee: Run, tmp_path: Path) -> None:
    collector = Collector(Target(host=HOST))
    collector.dns(
        [
            (
                DnsReply(
                    resolver="https://dns.example/q", transport="https", name=name, type="CAA"
                ),
                wire(name, "CAA", f"{name} 300 {TIGHT}"),
            )
            for name in climb(HOST)
        ]
    )
    save_bundle(collector.finish(), tmp_path / "evidence.tar")
    arguments = (
        *("verify", "caa", HOST, "--account", ACCOUNT, "--bundle", tmp_path / "evidence.tar"),
        *("--offline", "--at", "1790000000", "--format", "json"),
    )
    first, second = sp1tee(*arguments), sp1tee(*arguments)

    assert first.code == 0, first.out
    assert first.out == second.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((HOST,), "--account URI"),
        ((HOST, "--account", "1234"), "no account URI"),
        (("192.0.2.1", "--account", ACCOUNT), "an address"),
        (("*.example.org", "--account", ACCOUNT), "a wildcard"),
        (("org", "--account", ACCOUNT), "single label"),
        ((HOST, "--account", ACCOUNT, "--resolver", "dns.google"), "no resolver"),
        ((HOST, "--account", ACCOUNT, "--resolver", "http://dns.google/"), "no resolver"),
        ((HOST, "--account", ACCOUNT, "--app-id", "abcd"), "2 bytes, not 20"),
        ((HOST, "--account", ACCOUNT, "--bundle", "nowhere.tar"), "cannot be read"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    sp1tee: Run, arguments: tuple[str, ...], told: str
) -> None:
    ran = sp1tee("verify", "caa", *arguments)

    assert ran.code == 2
    assert told in ran.plain
    assert ran.out == ""
