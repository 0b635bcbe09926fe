"""What an honest host serves fits together, down to the byte."""

import hashlib
import json
import tomllib
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from dcap_qvl import QuoteCollateralV3, verify_with_root_ca
from support.sim_hosts import quote_json, raw_quote

from sp1tee.sim.ingress import Host, Served, build, reader
from sp1tee.sim.ingress.events import RUNTIME
from sp1tee.sim.ingress.webpki import WebPki
from sp1tee.sim.pki import TDX_1_5, Making
from sp1tee.verify.policy import Policy

AT = 1_790_000_000
HONEST = Host(at=AT)


@pytest.fixture(scope="module")
def served() -> Served:
    return build(HONEST)


def replayed(log: list[dict[str, Any]], register: int) -> bytes:
    value = bytes(48)
    for event in log:
        if event["imr"] == register:
            value = hashlib.sha384(value + bytes.fromhex(event["digest"])).digest()
    return value


def tcb_info(served: Served) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(json.loads(served.info)["tcb_info"])
    return answer


def test_the_same_description_gives_the_same_bytes_and_another_seed_others(served: Served) -> None:
    again = build(Host(at=AT))
    assert (again.evidence, again.info, again.collateral) == (
        *(served.evidence, served.info, served.collateral),
    )
    assert again.chains == served.chains
    other = build(Host(at=AT, seed=b"other"))
    assert other.chains != served.chains
    assert other.evidence["quote.json"] != served.evidence["quote.json"]


def test_the_quote_verifies_and_signs_the_list(served: Served) -> None:
    raw = raw_quote(served)
    collateral = QuoteCollateralV3.from_json(served.collateral.to_json().decode())
    assert verify_with_root_ca(raw, collateral, HONEST.intel.root_der, AT).status == "UpToDate"
    listing = served.evidence["sha256sum.txt"].body
    assert raw[568:632] == hashlib.sha256(listing).digest() + bytes(32)


@pytest.mark.parametrize(
    ("single", "name"), [(False, "cert-tee.example.test.pem"), (True, "cert.pem")]
)
def test_the_list_is_what_sha256sum_writes(single: bool, name: str) -> None:
    evidence = build(Host(at=AT, single_file=single)).evidence
    assert set(evidence) == {"acme-account.json", name, "sha256sum.txt", "quote.json"}
    assert evidence["sha256sum.txt"].body.decode() == "".join(
        f"{hashlib.sha256(evidence[each].body).hexdigest()}  {each}\n"
        for each in ("acme-account.json", name)
    )


def test_the_event_log_replays_to_every_register(served: Served) -> None:
    raw, log = raw_quote(served), json.loads(quote_json(served)["event_log"])
    registers = [raw[start : start + 48] for start in (376, 424, 472, 520)]
    assert [replayed(log, number) for number in range(4)] == registers
    assert raw[184:232].hex() == tcb_info(served)["mrtd"]


def test_runtime_digests_follow_from_their_payloads(served: Served) -> None:
    log = json.loads(quote_json(served)["event_log"])
    runtime = [event for event in log if event["imr"] == 3]
    assert [event["event"] for event in runtime] == [
        *("system-preparing", "app-id", "compose-hash", "instance-id", "boot-mr-done"),
        *("mr-kms", "os-image-hash", "key-provider", "storage-fs", "system-ready"),
    ]
    for event in runtime:
        assert event["event_type"] == RUNTIME == 0x08000001
        text = b"\1\0\0\x08:" + event["event"].encode() + b":"
        preimage = text + bytes.fromhex(event["event_payload"])
        assert event["digest"] == hashlib.sha384(preimage).hexdigest()


def test_the_app_compose_that_info_tells_is_the_measured_one(served: Served) -> None:
    text = tcb_info(served)["app_compose"]
    digest = hashlib.sha256(text.encode()).digest()
    log = json.loads(quote_json(served)["event_log"])
    [measured] = [e["event_payload"] for e in log if e["event"] == "compose-hash"]
    assert measured == digest.hex()
    assert raw_quote(served)[232:280] == b"\1" + digest + bytes(15)
    assert json.loads(text)["docker_compose_file"] == HONEST.docker_compose


def test_the_aggregated_measurement_is_dstacks(served: Served) -> None:
    raw = raw_quote(served)
    measured = raw[184:232] + raw[376:568] + raw[232:376]
    assert tcb_info(served)["mr_aggregated"] == hashlib.sha256(measured).hexdigest()


def test_every_address_presents_the_attested_leaf(served: Served) -> None:
    stored = x509.load_pem_x509_certificates(served.evidence[HONEST.certificate_file].body)
    assert set(served.chains) == {"127.0.0.1", "127.0.0.2"}
    for certified in served.chains.values():
        assert certified.certificate == stored[0]
    names = stored[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["tee.example.test"]
    assert len(stored) == 2


def test_both_logs_signed_for_the_leaf() -> None:
    web = WebPki(HONEST.seed)
    leaf = build(HONEST).chains["127.0.0.1"].certificate
    scts = leaf.extensions.get_extension_for_class(
        x509.PrecertificateSignedCertificateTimestamps
    ).value
    [operator] = json.loads(web.log_list())["operators"]
    assert len(list(scts)) == len(operator["logs"]) == 2
    for sct in scts:
        assert int(sct.timestamp.timestamp()) >= HONEST.issued - 86400


def test_the_account_and_the_kms_are_told_alike(served: Served) -> None:
    account = json.loads(served.evidence["acme-account.json"].body)
    assert account["uri"] == HONEST.account
    spki = bytes.fromhex(HONEST.kms_key)
    assert len(spki) == 91
    provider = json.loads(json.loads(served.info)["key_provider_info"])
    assert provider == {"name": "kms", "id": HONEST.kms_key}


def test_pins_of_the_compose_file_are_digests_of_what_the_registry_serves(served: Served) -> None:
    for image in HONEST.images:
        repository, _, pin = image.pinned.partition("@")
        path = f"/v2/{repository.partition('/')[2]}/manifests/{pin}"
        assert image.pinned in HONEST.docker_compose
        assert f"sha256:{hashlib.sha256(served.registry[path].body).hexdigest()}" == pin


def test_a_host_may_quote_as_version_5() -> None:
    served = build(replace(HONEST, making=Making(version=TDX_1_5)))
    assert raw_quote(served)[:2] == b"\5\0"


def test_the_readers_folder_holds_a_policy_and_the_anchors_that_it_names() -> None:
    folder = reader.files(HONEST)
    policy = Policy.model_validate(tomllib.loads(folder["policy.toml"].decode()))
    named = policy.anchors.model_dump(exclude_none=True)
    assert {str(path) for path in named.values()} < set(folder)
    assert policy.compose is not None
    assert folder[str(policy.compose.docker_compose)] == HONEST.docker_compose.encode()
    assert policy.rtmr3 is not None
    assert policy.rtmr3.app_id == HONEST.booted.app_id.hex()


def test_the_readers_root_is_said_to_prove_nothing() -> None:
    folder = reader.files(HONEST)
    root = x509.load_der_x509_certificate(folder["intel-root.der"])
    assert "proves nothing" in root.subject.rfc4514_string()
    assert "proves nothing" in folder["policy.toml"].decode()
    assert b"proves nothing" in build(HONEST).site["/"].body


def test_no_private_key_is_in_anything_that_is_served(served: Served) -> None:
    key = HONEST.intel.root.key.private.private_numbers().private_value.to_bytes(32)
    spki = served.chains["127.0.0.1"].key.public.public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    pages = {**served.site, **served.agent, **served.pccs, **served.registry}
    for reply in (*pages.values(), *served.evidence.values()):
        assert b"PRIVATE KEY" not in reply.body
        assert key not in reply.body
    assert spki
