"""What becomes of event logs, real ones and attacks on them."""

from functools import partial
from typing import Any

import pytest
from support import event_logs
from support.event_logs import Boot, Log, made, named, of_log, remeasured, runtime
from support.findings import check_of, wrong_in

from sp1tee.errors import EvidenceMissing
from sp1tee.verify.checks import Check, Findings, Status
from sp1tee.verify.facts import Basis
from sp1tee.verify.policy import KeyProvider, Rtmr3Policy
from sp1tee.verify.rtmr3 import RULES, identity_of, judge, read_events
from sp1tee.verify.rtmr3.events import MAX_EVENTS

PHALA_APP = "ab84a54bdaf082be00ea40e8e37bdeb5c15c58de"
PHALA_COMPOSE = "62dd36d22b7d704aaa4d598226801ed4e6a3bfd17dde762b2efd9876768be800"
PHALA_INSTANCE = "eb6b019edd1f076327ed9466d0fc5df5a96e80b0"
PHALA_IMAGE = "6809f73ca56b2dfba9918bdb9709608f30284af4fbb50e707e3270a0436f1657"
PHALA_KMS = (
    "3059301306072a8648ce3d020106082a8648ce3d030107034200048844eb42ccdf8c52fd4f174f362fcb9bbd19c45f"
    "d48f1edec2d8f1ca23536ec1a74021b4cee610c074f8294d431b2b7fee2c39e5333fdaf0a4522d43fb159d9f"
)
PINNED = Rtmr3Policy(
    app_id=PHALA_APP,
    compose_hash=(PHALA_COMPOSE,),
    instance_id=(PHALA_INSTANCE,),
    os_image_hash=(PHALA_IMAGE,),
    key_provider=KeyProvider(name="kms", id=PHALA_KMS),
)


def judged(
    boot: Boot, policy: Rtmr3Policy | None = None, *, log: Any = None, required: bool = False
) -> Findings:
    facts = boot.examined(log)
    return judge(facts, policy or Rtmr3Policy(), genuine=True, required=required)


check = partial(check_of, "rtmr3")
wrong = partial(wrong_in, "rtmr3")


# What is genuine


def test_a_real_log_passes_every_check_with_its_pins() -> None:
    findings = judged(event_logs.phala(), PINNED, required=True)
    assert wrong(findings) == {}
    skipped = {c.id for c in findings.checks if c.status is Status.SKIPPED}
    assert skipped == {"rtmr3.derived-app-id"}


@pytest.mark.parametrize(
    ("name", "versions"),
    [
        ("near 2026", "0.5.5 to 0.6"),
        ("near 2025", "0.4.2 to 0.5.4"),
        ("phala", "0.5.1 to 0.5.4"),
        ("lite", "0.5.5 to 0.6"),
        ("legacy", "0.3.1 to 0.3.6"),
        ("simulator", "0.4.2 to 0.5.0"),
        ("simulator head", "0.5.5 to 0.6"),
    ],
)
def test_a_real_log_shows_its_dstack_versions(name: str, versions: str) -> None:
    facts = event_logs.REAL[name]().examined()
    assert facts.versions == versions
    assert facts.app_id is not None
    assert facts.compose_hash is not None


@pytest.mark.parametrize("name", ["phala", "lite", "simulator", "simulator head"])
def test_real_logs_without_events_of_the_application_have_nothing_wrong(name: str) -> None:
    assert wrong(judged(event_logs.REAL[name]())) == {}


def test_events_are_told_with_what_they_made_of_the_register() -> None:
    boot = event_logs.phala()
    replay = check(judged(boot), "replay")
    assert len(replay.details) == 9
    assert replay.details[-1].endswith(f"-> {boot.rtmr3.hex()}")


def test_facts_are_attested_if_the_quote_is_genuine_and_claimed_if_not() -> None:
    facts = event_logs.phala().examined()
    for genuine, basis in ((True, Basis.ATTESTED), (False, Basis.CLAIMED)):
        findings = judge(facts, PINNED, genuine=genuine, required=True)
        known = {fact.name: fact for fact in findings.facts}
        assert known["rtmr3.app_id"].value == PHALA_APP
        assert known["rtmr3.key_provider"].value == {"name": "kms", "id": PHALA_KMS}
        assert known["rtmr3.app_id"].basis is basis


def test_what_the_log_of_an_unverified_quote_says_does_not_pass_unless_that_is_trusted() -> None:
    facts = event_logs.phala().examined()

    def of_app_id(*, trusted: bool) -> Check:
        return check(judge(facts, PINNED, genuine=False, required=True, trusted=trusted), "app-id")

    assert of_app_id(trusted=False).status is Status.UNEVALUABLE
    assert of_app_id(trusted=False).remedy == "See the checks of quote."
    assert of_app_id(trusted=True).status is Status.PASS


def test_a_guest_is_asked_by_its_instance_or_else_its_application() -> None:
    assert identity_of(read_events(event_logs.phala().log)) == PHALA_INSTANCE
    near = event_logs.near_2026().examined()
    assert near.app_id is not None
    assert identity_of(read_events(event_logs.near_2026().log)) == near.app_id.hex()
    with pytest.raises(EvidenceMissing, match="no instance and no application"):
        identity_of(())


# Digests and replay


def test_attack_21_a_payload_changed_under_its_genuine_digest_is_found_and_named() -> None:
    boot = event_logs.phala()
    log = boot.own_log()
    named(log, "compose-hash")["event_payload"] = "00" * 32
    findings = judged(boot, log=log)
    assert check(findings, "digests").status is Status.FAIL
    assert "event 3 (compose-hash)" in check(findings, "digests").details[0]
    assert check(findings, "replay").details[0] == (
        "The digests as given do replay: what was measured by event 3 (compose-hash) was changed."
    )


def test_attack_21_a_payload_changed_with_its_digest_left_out_does_not_replay() -> None:
    boot = event_logs.lite()
    log = boot.own_log()
    named(log, "app-id")["event_payload"] = "00" * 20
    findings = judged(boot, log=log)
    assert check(findings, "digests").status is Status.PASS
    assert check(findings, "replay").status is Status.FAIL


def test_attack_22_digests_left_out_are_recomputed_and_said_to_be() -> None:
    findings = judged(event_logs.lite())
    assert check(findings, "replay").status is Status.PASS
    assert "9 of 9 are left out" in check(findings, "digests").summary


def test_attack_23_another_type_of_event_in_rtmr3_is_refused_though_it_replays() -> None:
    boot = event_logs.phala()
    log = boot.own_log()
    for event in runtime(log):
        event["digest"] = ""
    named(log, "compose-hash")["event_type"] = 13
    findings = judged(remeasured(boot, log), log=log)
    assert check(findings, "replay").status is Status.PASS
    types = check(findings, "event-types")
    assert types.status is Status.FAIL
    assert types.actual == "event 3 (compose-hash) has type 0x0000000d"


@pytest.mark.parametrize("name", ["app-id:", "a:b", ":"])
def test_attack_27_a_name_with_a_colon_is_refused_though_it_replays(name: str) -> None:
    boot = event_logs.phala()
    log = [*boot.own_log(), made(name, b"x")]
    findings = judged(remeasured(boot, log))
    assert check(findings, "replay").status is Status.PASS
    assert check(findings, "event-names").status is Status.FAIL


@pytest.mark.parametrize(
    "name", ["app\u2011id", "\u0430pp-id", "app-id\u200b", "app-id\n", "app-id\x00", "\x1b[2J", ""]
)
def test_attack_28_a_name_that_only_looks_like_another_is_refused(name: str) -> None:
    boot = event_logs.phala()
    log = [*boot.own_log(), made(name, b"x")]
    findings = judged(remeasured(boot, log), Rtmr3Policy(allow_events=(name,)))
    names = check(findings, "event-names")
    assert names.status is Status.FAIL
    told = "".join(filter(None, [*names.details, names.actual, names.remedy]))
    assert told.isascii()
    assert told.isprintable()


def test_attack_30_a_version_1_event_said_to_be_version_2_does_not_replay() -> None:
    boot = event_logs.phala()
    log = boot.own_log()
    for event in runtime(log):
        event |= {"version": 2, "digest": ""}
    findings = judged(boot, log=log)
    assert check(findings, "replay").status is Status.FAIL
    assert check(findings, "replay").details[0] == (
        "The log replays if every event is of version 1."
    )


def test_version_2_events_replay_and_their_preimages_are_compared() -> None:
    log = [
        made(e["event"], bytes.fromhex(e["event_payload"]), 2)
        for e in runtime(event_logs.lite().log)
    ]
    preimage = b'{"name":"system-preparing","payload":"","type":134217729}'
    log[0]["preimage"] = preimage.hex()
    assert wrong(judged(of_log(log))) == {}
    log[0]["preimage"] = preimage.replace(b",", b", ").hex()
    findings = judged(of_log(log))
    assert check(findings, "digests").status is Status.FAIL
    assert "canonical form" in check(findings, "digests").details[0]


def test_attack_31_a_log_of_another_boot_says_so() -> None:
    ours, other = event_logs.phala(), event_logs.near_2026()
    findings = judged(ours, log=other.log)
    assert check(findings, "replay").status is Status.FAIL
    assert "another boot or machine" in check(findings, "replay").details[0]
    assert check(findings, "boot-replay").status is Status.FAIL


def test_attack_32_a_log_of_another_instance_is_told_from_one_of_another_machine() -> None:
    boot = event_logs.phala()
    log = boot.own_log()
    at = next(i for i, event in enumerate(log) if event["event"] == "instance-id")
    log[at] = made("instance-id", bytes(20))
    findings = judged(boot, log=log)
    assert check(findings, "replay").status is Status.FAIL
    assert check(findings, "boot-replay").status is Status.PASS
    assert "RTMR0 to RTMR2 do replay" in check(findings, "replay").details[0]


def test_a_log_put_together_from_two_boots_is_refused() -> None:
    ours, other = event_logs.phala(), event_logs.near_2026()
    log = [e for e in other.log if e["imr"] != 3] + runtime(ours.log)
    findings = judged(ours, log=log)
    assert wrong(findings) == {"boot-replay": Status.FAIL}


def test_a_log_of_rtmr3_alone_is_enough_and_said_to_be_less() -> None:
    boot = event_logs.phala()
    findings = judged(boot, PINNED, log=runtime(boot.log))
    assert wrong(findings) == {}
    assert check(findings, "boot-replay").status is Status.SKIPPED


def test_nothing_that_a_log_says_passes_unless_it_replays() -> None:
    boot = event_logs.phala()
    log = [*boot.own_log(), made("late")]
    findings = judged(boot, PINNED, log=log, required=True)
    passed = {c.id for c in findings.checks if c.status is Status.PASS}
    assert passed == {
        "rtmr3.event-types",
        "rtmr3.event-names",
        "rtmr3.digests",
        "rtmr3.boot-replay",
    }
    claims = {f.basis for f in findings.facts if f.name in ("rtmr3.app_id", "rtmr3.compose_hash")}
    assert claims == {Basis.CLAIMED}


# Explanations


def _log_with(change: Any) -> tuple[Boot, Log]:
    boot = event_logs.phala()
    log = boot.own_log()
    start = len(log) - len(runtime(log))
    events = log[start:]
    change(events)
    return boot, log[:start] + events


def _swap(events: Log) -> None:
    events[2], events[3] = events[3], events[2]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda e: e.append(made("x")), "Without the last event (x) the log replays"),
        (lambda e: e.extend([made("x"), made("y")]), "Without the last 2 events (x, y)"),
        (lambda e: e.insert(4, made("x")), "Without event 5 (x) the log replays: it was added."),
        (lambda e: e.pop(), "With system-ready at its end the log replays: its end is missing."),
        (_swap, "With event 3 (instance-id) behind event 4 (compose-hash) the log replays"),
        (lambda e: e.clear(), "The log has no events for RTMR3."),
    ],
    ids=["one more", "two more", "one between", "one less", "two swapped", "none"],
)
def test_a_mismatch_is_explained_by_what_would_fit(change: Any, said: str) -> None:
    boot, log = _log_with(change)
    replay = check(judged(boot, log=log), "replay")
    assert replay.status is Status.FAIL
    assert replay.details[0].startswith(said)
    assert replay.remedy


def test_a_guest_that_measured_nothing_is_no_dstack() -> None:
    boot = Boot(*[bytes(48)] * 5, event_logs.phala().log)
    assert "no dstack" in check(judged(boot), "replay").details[0]


# Order


def test_attack_24_a_second_compose_hash_counts_for_neither_the_first_nor_the_last() -> None:
    boot = event_logs.phala()
    log = boot.own_log()
    at = next(i for i, event in enumerate(log) if event["event"] == "compose-hash")
    log.insert(at, made("compose-hash", bytes(32)))
    facts = remeasured(boot, log).examined()
    findings = judge(facts, PINNED, genuine=True, required=True)
    assert facts.replays
    assert facts.compose_hash is None
    assert check(findings, "unique").status is Status.FAIL
    assert check(findings, "chain").status is Status.FAIL
    assert check(findings, "compose-hash").status is Status.FAIL


def test_attack_24_a_compose_hash_after_the_boot_counts_for_nothing_even_if_allowed() -> None:
    boot = event_logs.phala()
    log = [*boot.own_log(), made("compose-hash", bytes(32))]
    facts = remeasured(boot, log).examined()
    findings = judge(
        facts, Rtmr3Policy(allow_events=("compose-hash",)), genuine=True, required=False
    )
    assert facts.compose_hash is not None
    assert facts.compose_hash.hex() == PHALA_COMPOSE
    assert check(findings, "unique").status is Status.FAIL


def test_attack_24_identity_between_the_boots_end_and_ready_counts_for_nothing() -> None:
    boot = event_logs.phala()
    log = boot.own_log()
    identity = log.pop(next(i for i, e in enumerate(log) if e["event"] == "app-id"))
    log.insert(-1, identity)
    facts = remeasured(boot, log).examined()
    assert facts.app_id is None
    assert facts.versions is None


def test_attack_25_events_after_system_ready_are_refused_unless_allowed() -> None:
    boot = event_logs.near_2026()
    refused = check(judged(boot), "extra-events")
    assert refused.status is Status.REFUSED
    assert refused.actual == "mpc-image-digest"
    assert 'allow_events = ["mpc-image-digest"]' in (refused.remedy or "")
    allowed = judged(boot, Rtmr3Policy(allow_events=("mpc-image-digest",)))
    assert wrong(allowed) == {}


@pytest.mark.parametrize("cut", range(9))
def test_attack_26_a_chain_that_ends_early_is_no_dstack(cut: int) -> None:
    events = runtime(event_logs.phala().log)[:cut]
    findings = judged(of_log(events))
    assert check(findings, "replay").status is Status.PASS
    assert check(findings, "chain").status is Status.FAIL
    assert check(findings, "chain").actual == "the log ends"


def test_attack_26_system_ready_before_the_key_provider_is_no_dstack() -> None:
    events = runtime(event_logs.phala().log)
    events.insert(-1, events.pop())
    chain = check(judged(of_log(events)), "chain")
    assert chain.status is Status.FAIL
    assert chain.actual == "system-ready"
    assert (chain.expected or "").startswith("key-provider as event 8")


def test_an_event_of_no_dstack_version_within_the_boot_is_refused() -> None:
    events = runtime(event_logs.phala().log)
    events.insert(5, made("mine"))
    assert check(judged(of_log(events)), "chain").actual == "mine"


def test_what_only_a_kms_brings_needs_a_kms() -> None:
    events = runtime(event_logs.phala().log)
    none = made("key-provider", b'{"name":"none","id":""}')
    events[7] = none
    assert check(judged(of_log(events)), "chain").status is Status.FAIL
    del events[5:7]
    assert check(judged(of_log(events)), "chain").status is Status.PASS


def test_init_scripts_and_gpus_of_dstack_0_6_are_known() -> None:
    events = runtime(event_logs.lite().log)
    gpu = (
        b'{"version":2,"provider":"nvidia","devices":1,"cc_mode":"on","devtools":false,'
        b'"evidence_sha256":"' + b"ab" * 32 + b'"}'
    )
    scripts = [made("init-script-hash", bytes([i]) * 32) for i in range(5)]
    rest = [made("gpu-policy-hash", bytes(32)), made("gpu-attestation", gpu)]
    events[3:3] = [*scripts, *rest]
    boot = of_log(events)
    assert boot.examined().versions == "0.6.0 to 0.6"
    assert wrong(judged(boot)) == {}
    events.insert(3, scripts[0])
    assert set(wrong(judged(of_log(events)))) == {"unique", "chain", "legacy"}


def test_the_chain_of_dstack_0_3_is_known_and_refused() -> None:
    findings = judged(event_logs.legacy())
    assert check(findings, "chain").status is Status.PASS
    assert wrong(findings) == {"legacy": Status.REFUSED, "extra-events": Status.UNEVALUABLE}


def test_nothing_may_follow_the_chain_of_dstack_0_3() -> None:
    boot = event_logs.legacy()
    findings = judged(remeasured(boot, [*boot.own_log(), made("x")]))
    assert check(findings, "chain").status is Status.FAIL


# Payloads


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("app-id", bytes(19)),
        ("compose-hash", bytes(31)),
        ("instance-id", bytes(19)),
        ("boot-mr-done", b"\0"),
        ("mr-kms", bytes(20)),
        ("os-image-hash", b""),
        ("system-ready", b"\0"),
        ("key-provider", b""),
        ("key-provider", b"{}"),
        ("key-provider", b'{"name":"mine","id":""}'),
        ("key-provider", b'{"name":"none","id":"00"}'),
        ("key-provider", b'{"name":"local-sgx","id":"00"}'),
        ("key-provider", b'{"name":"kms","id":"00"}'),
        ("key-provider", b'{"name":"kms","name":"none","id":""}'),
        ("key-provider", b'{"name":"none","id":"","more":1}'),
        ("key-provider", b'{"name":["none"],"id":""}'),
        ("key-provider", b'{"id":"","name":"none"}'),
        ("key-provider", b'{"name": "none", "id": ""}'),
        ("key-provider", b"\xff"),
        ("key-provider", b'{"name":"none","id":"' + b"0" * 5000 + b'"}'),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_payload_that_dstack_does_not_write_is_refused(name: str, payload: bytes) -> None:
    boot = event_logs.phala()
    log = boot.own_log()
    log[log.index(named(log, name))] = made(name, payload)
    findings = judged(remeasured(boot, log))
    payloads = check(findings, "payloads")
    assert payloads.status is Status.FAIL
    assert name in (payloads.actual or "")


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("storage-fs", b"ntfs"),
        ("gpu-attestation", b"{}"),
        ("gpu-attestation", b"[]"),
        ("gpu-policy-hash", b""),
        ("init-script-hash", bytes(20)),
    ],
)
def test_payloads_of_later_events_have_rules_too(name: str, payload: bytes) -> None:
    events = runtime(event_logs.lite().log)
    events = [event for event in events if event["event"] != name]
    events.insert(3, made(name, payload))
    assert check(judged(of_log(events)), "payloads").status is Status.FAIL


# Pins


def changed(**pins: Any) -> Rtmr3Policy:
    return Rtmr3Policy.model_validate(PINNED.model_dump() | pins)


@pytest.mark.parametrize(
    ("name", "pins"),
    [
        ("app-id", {"app_id": "00" * 20}),
        ("compose-hash", {"compose_hash": ("00" * 32,)}),
        ("instance-id", {"instance_id": ("00" * 20,)}),
        ("os-image-hash", {"os_image_hash": ("00" * 32,)}),
        ("key-provider", {"key_provider": {"name": "kms", "id": PHALA_KMS[:-2] + "00"}}),
        ("key-provider", {"key_provider": {"name": "none"}}),
        ("key-provider", {"key_provider": {"name": "local-sgx", "id": "00" * 32}}),
    ],
    ids=["app", "compose", "instance", "image", "kms", "none", "local"],
)
def test_each_pin_fails_alone_under_its_own_code(name: str, pins: dict[str, Any]) -> None:
    findings = judged(event_logs.phala(), changed(**pins), required=True)
    assert wrong(findings) == {name: Status.FAIL}
    assert check(findings, name).expected
    assert check(findings, name).actual
    assert check(findings, name).remedy


def test_attack_44_another_instance_of_the_same_application_is_refused() -> None:
    boot = event_logs.phala()
    log = boot.own_log()
    log[log.index(named(log, "instance-id"))] = made("instance-id", bytes(20))
    assert wrong(judged(remeasured(boot, log), PINNED)) == {"instance-id": Status.FAIL}


def test_an_application_without_instances_is_none_of_the_pinned() -> None:
    findings = judged(event_logs.near_2026(), Rtmr3Policy(instance_id=("00" * 20,)))
    assert check(findings, "instance-id").actual == "an empty one"


@pytest.mark.parametrize(
    "provider",
    [b'{"name":"none","id":""}', b'{"name":"local-sgx","id":"' + b"00" * 32 + b'"}'],
    ids=["none", "local"],
)
def test_attack_43_keys_from_elsewhere_than_the_pinned_kms_are_refused(provider: bytes) -> None:
    boot = event_logs.phala()
    log = [e for e in boot.own_log() if e["event"] not in ("mr-kms", "os-image-hash")]
    log[log.index(named(log, "key-provider"))] = made("key-provider", provider)
    findings = judged(remeasured(boot, log), PINNED)
    assert check(findings, "key-provider").status is Status.FAIL
    assert check(findings, "os-image-hash").status is Status.UNEVALUABLE


def test_attack_43_a_policy_that_wants_any_kms_pins_nothing() -> None:
    findings = judged(
        event_logs.phala(), changed(key_provider={"name": "kms", "id": ""}), required=True
    )
    provider = check(findings, "key-provider")
    assert provider.status is Status.UNEVALUABLE
    assert PHALA_KMS in (provider.remedy or "")


def test_attack_42_without_a_pin_the_application_is_not_known() -> None:
    boot = event_logs.phala()
    required = judged(boot, required=True)
    assert wrong(required) == dict.fromkeys(
        ("app-id", "compose-hash", "key-provider"), Status.UNEVALUABLE
    )
    remedy = check(required, "app-id").remedy or ""
    assert f'[rtmr3]\napp_id = "{PHALA_APP}"' in remedy
    assert "not copied from here" in remedy
    assert wrong(judged(boot, required=False)) == {}


def test_an_id_that_is_not_the_compose_hashs_needs_a_kms() -> None:
    boot = event_logs.near_2025()
    log = boot.own_log()
    log[log.index(named(log, "app-id"))] = made("app-id", bytes(20))
    assert check(judged(remeasured(boot, log)), "derived-app-id").status is Status.FAIL


def test_dstack_0_6_may_be_given_an_id_without_a_kms() -> None:
    boot = event_logs.near_2026()
    log = boot.own_log()
    log[log.index(named(log, "app-id"))] = made("app-id", bytes(20))
    assert check(judged(remeasured(boot, log)), "derived-app-id").status is Status.SKIPPED


# Cost


def _counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    from sp1tee.verify.rtmr3 import digests, mismatch

    count = [0]
    genuine = digests.extend

    def extend(register: bytes, digest: bytes) -> bytes:
        count[0] += 1
        return genuine(register, digest)

    monkeypatch.setattr(digests, "extend", extend)
    monkeypatch.setattr(mismatch, "extend", extend)
    return count


@pytest.mark.parametrize(
    ("events", "most"), [(64, 64 * 64 + 8 * 64), (100, 8 * 100), (MAX_EVENTS, 8 * MAX_EVENTS)]
)
def test_a_hostile_log_costs_little(
    events: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = [made(f"e{index}") for index in range(events)]
    boot = Boot(*[bytes([7]) * 48] * 5, log)
    count = _counted(monkeypatch)
    findings = judged(boot)
    assert check(findings, "replay").status is Status.FAIL
    assert count[0] <= most
    assert sum(len(line) for c in findings.checks for line in c.details) < 20_000


# The room


def test_codes_and_ids_are_unique() -> None:
    assert len({rule.code for rule in RULES}) == len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.code.startswith("SP1TEE-V3") for rule in RULES)


def test_every_check_that_does_not_hold_says_what_to_do() -> None:
    boots = [event_logs.near_2026(), event_logs.legacy(), of_log([made("x"), made("y:z")])]
    for boot in boots:
        for found in judged(boot, PINNED, required=True).checks:
            if found.status in (Status.FAIL, Status.REFUSED, Status.UNEVALUABLE):
                assert found.remedy, found.id
