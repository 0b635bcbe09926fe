"""A first policy made of what was seen."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.reports import AT, HOSTILE

from sp1tee.verify.facts import Basis, Fact, attested, claimed, computed
from sp1tee.verify.policy import Anchors, Policy
from sp1tee.verify.policy.init import first_policy
from sp1tee.verify.policy.reading import parse_policy

SEEN = (
    attested("rtmr3.app_id", "9b78cf840e16a8274e00474cdac4afdabc5eeb93", "RTMR3"),
    attested("rtmr3.compose_hash", "7af9" * 16, "RTMR3"),
    attested("rtmr3.instance_id", "f15edb2cc265a06a7cb524d0022bb13277eb177c", "RTMR3"),
    attested("rtmr3.os_image_hash", "1af9" * 16, "RTMR3"),
    attested("rtmr3.key_provider", {"name": "kms", "id": "3059"}, "RTMR3"),
    attested("rtmr3.extra_events", [{"name": "mpc-image-digest", "payload": "00"}], "RTMR3"),
    claimed("compose.allowed_envs", ["API_KEY"], "app-compose.json"),
    computed("os.image", "dstack-0.5.8", "table"),
    computed("os.dev", False, "table"),
    attested("ingress.account", "https://acme.example/acct/1", "report_data"),
    attested("quote.ppid", "01" * 16, "Intel"),
    attested("quote.tcb_status", "UpToDate", "Intel"),
    attested("cert.leaf.not_before", "2026-10-01T00:00:00Z", "report_data"),
)


def policy_of(text: str) -> Policy:
    return parse_policy(text.encode(), Path("policy.toml")).policy


def made(*facts: Fact) -> str:
    return first_policy(facts, name="tee.example.org", at=AT)


def test_it_pins_what_was_seen() -> None:
    policy = policy_of(made(*SEEN))
    assert policy.name == "tee.example.org"
    assert policy.rtmr3
    assert policy.rtmr3.app_id == "9b78cf840e16a8274e00474cdac4afdabc5eeb93"
    assert policy.rtmr3.compose_hash == ("7af9" * 16,)
    assert policy.rtmr3.key_provider
    assert policy.rtmr3.key_provider.id == "3059"
    assert policy.compose
    assert policy.compose.allowed_envs == ("API_KEY",)
    assert policy.os
    assert policy.os.images == ("dstack-0.5.8",)
    assert policy.caa
    assert policy.caa.account == "https://acme.example/acct/1"
    assert policy.digests


def test_what_changes_by_itself_is_a_comment() -> None:
    text = made(*SEEN)
    for line in ('# instance_id = ["', '# platforms = ["', '# allow_events = ["mpc-image'):
        assert f"\n{line}" in text


def test_it_says_what_is_attested_and_what_is_only_claimed() -> None:
    text = made(*SEEN)
    assert '# attested: RTMR3\napp_id = "' in text
    assert (
        "# ONLY CLAIMED, nothing verified stands behind it: app-compose.json\nallowed_envs" in text
    )
    assert "# computed from the evidence: table\nimages" in text


def test_an_outdated_machine_is_not_accepted_but_told() -> None:
    text = made(attested("quote.tcb_status", "OutOfDate", "Intel"))
    policy = policy_of(text)
    assert policy.quote
    assert policy.quote.tcb_status == ("UpToDate",)
    assert "# Seen: OutOfDate, which this does not accept." in text


def test_a_development_image_is_not_accepted_but_told() -> None:
    text = made(computed("os.image", "dstack-dev", "table"), computed("os.dev", True, "table"))
    policy = policy_of(text)
    assert policy.os
    assert policy.os.images == ()
    assert not policy.os.allow_dev
    assert "DEVELOPMENT image" in text


def test_without_facts_every_section_is_there_and_nothing_is_pinned() -> None:
    policy = policy_of(made())
    assert policy.rtmr3
    assert policy.rtmr3.app_id is None
    assert policy.cert
    assert policy.caa


def test_other_anchors_are_named_again(tmp_path: Path) -> None:
    text = first_policy([], name="x", at=AT, anchors=Anchors(quote_root=tmp_path / "root.der"))
    assert policy_of(text).anchors.quote_root == tmp_path / "root.der"


NAMES = [fact.name for fact in SEEN]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from(HOSTILE),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "id", "x y", "\x1b"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(
    st.lists(
        st.builds(
            Fact,
            st.sampled_from([*NAMES, "compose.pre_launch_script_sha256"]),
            json_values,
            st.sampled_from(Basis),
            st.text(max_size=20) | st.sampled_from(HOSTILE),
        )
    ),
    st.text(max_size=20) | st.sampled_from(HOSTILE),
)
def test_whatever_the_facts_say_it_is_a_policy(facts: list[Fact], name: str) -> None:
    text = first_policy(facts, name=name, at=AT)
    policy_of(text)
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize("name", ["rtmr3.app_id", "ingress.account", "os.image", "quote.ppid"])
def test_a_value_cannot_add_lines(name: str) -> None:
    hostile = Fact(name, '"\nallow_dev = true\n[x]', Basis.CLAIMED, "\nallow_dev = true")
    policy = policy_of(made(hostile))
    assert not (policy.os and policy.os.allow_dev)
