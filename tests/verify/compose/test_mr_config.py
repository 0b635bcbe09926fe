"""mr_config_id: the configuration that the host stated and the CPU signed."""

import hashlib

import pytest
from support.composes import REAL, app_compose, judged, one, real

from sp1tee.verify.checks import Status
from sp1tee.verify.compose import Identity
from sp1tee.verify.compose.mr_config import stated_version

APP_ID, INSTANCE_ID = b"\x11" * 20, b"\x44" * 20
KNOWN = Identity(APP_ID, INSTANCE_ID)
RAW = app_compose(key_provider="kms", key_provider_id="33" * 32)
HASH = hashlib.sha256(RAW).digest()


def v1(digest: bytes) -> bytes:
    return b"\1" + digest + bytes(15)


def real_mr_config_id(name: str) -> bytes:
    """The 48 bytes at offset 232 of a real version 4 quote."""
    import json

    from support.composes import DATA

    folder = DATA / "attestation" / name
    if (folder / "quote.hex").exists():
        quote = bytes.fromhex((folder / "quote.hex").read_text())
    else:
        quote = bytes.fromhex(json.loads((folder / "quote.json").read_text())["quote"])
    return quote[232:280]


@pytest.mark.parametrize("name", REAL)
def test_real_quotes_state_their_compose_in_version_1(name: str):
    check = one(judged(real(name), mr_config_id=real_mr_config_id(name)), "mr-config-id")

    assert check.status is Status.PASS


def test_another_compose_in_version_1_fails():
    check = one(judged(RAW, mr_config_id=v1(bytes(32))), "mr-config-id")

    assert check.status is Status.FAIL
    assert check.expected == v1(HASH).hex()


def test_version_2_is_keccak_over_compose_app_and_key_provider():
    from eth_hash.auto import keccak

    digest = keccak(HASH + APP_ID + b"\x02" + b"\x33" * 32)
    stated = b"\2" + digest + bytes(15)

    assert one(judged(RAW, mr_config_id=stated, identity=KNOWN), "mr-config-id").status == "pass"
    other = Identity(b"\x12" * 20, INSTANCE_ID)
    assert one(judged(RAW, mr_config_id=stated, identity=other), "mr-config-id").status == "fail"


@pytest.mark.parametrize(
    "policy",
    ["", ',"gpu_policy_hash":"' + hashlib.sha256(b"{}").hexdigest() + '"'],
    ids=["without GPU", "with GPU"],
)
def test_version_3_is_a_digest_of_the_canonical_document(policy: str):
    document = (
        f'{{"app_id":"{APP_ID.hex()}","compose_hash":"{HASH.hex()}"{policy},'
        f'"instance_id":"{INSTANCE_ID.hex()}","key_provider":"kms",'
        f'"key_provider_id":"{"33" * 32}","version":3}}'
    )
    digest = hashlib.sha256(b"dstack-mr-config-v3:\0" + document.encode()).digest()
    stated = b"\3" + digest + bytes(15)

    assert one(judged(RAW, mr_config_id=stated, identity=KNOWN), "mr-config-id").status == "pass"
    wrong = b"\3" + bytes(32) + bytes(15)
    assert one(judged(RAW, mr_config_id=wrong, identity=KNOWN), "mr-config-id").status == "fail"


@pytest.mark.parametrize("version", [2, 3])
def test_what_covers_more_than_is_known_is_unevaluable(version: int):
    stated = bytes([version]) + bytes(range(32)) + bytes(15)

    check = one(judged(RAW, mr_config_id=stated), "mr-config-id")

    assert check.status is Status.UNEVALUABLE
    assert "RTMR3" in (check.remedy or "")


def test_zeros_state_nothing_and_pass_for_nothing():
    assert one(judged(RAW, mr_config_id=bytes(48)), "mr-config-id").status is Status.SKIPPED


@pytest.mark.parametrize(
    "stated",
    [b"\4" + bytes(47), v1(HASH)[:-1] + b"\1", v1(HASH)[:40], b"\1"],
    ids=["version 4", "tail", "short", "one byte"],
)
def test_an_unknown_form_is_unevaluable(stated: bytes):
    assert stated_version(stated) is None
    assert one(judged(RAW, mr_config_id=stated), "mr-config-id").status is Status.UNEVALUABLE


def test_without_a_quote_it_is_a_gap_only_where_it_is_required():
    assert one(judged(RAW, mr_config_id=None), "mr-config-id").status is Status.UNEVALUABLE
    single = judged(RAW, mr_config_id=None, required=False)
    assert one(single, "mr-config-id").status is Status.SKIPPED


def test_a_gpu_policy_without_a_canonical_form_only_rules_out_its_own_value():
    raw = app_compose(requirements={"gpu_policy": {"x": 2**60}})
    stated = b"\3" + bytes(32) + bytes(15)

    assert one(judged(raw, mr_config_id=stated, identity=KNOWN), "mr-config-id").status == "fail"
