"""What registries serve counts by its own hash, and an index leads to one image."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.digests import URL, check, evidence, look, statuses
from support.oci import Image, MultiImage, digest, dumps, image, index

from sp1tee.errors import VerifyError
from sp1tee.verify.checks import Status
from sp1tee.verify.digests import Platform, Served, from_records
from sp1tee.verify.digests.configs import read_config
from sp1tee.verify.digests.documents import OCI_INDEX, OCI_MANIFEST, read_document
from sp1tee.verify.evidence.manifest import ImageManifest, Trouble
from sp1tee.verify.facts import Json
from sp1tee.verify.policy.model import DigestsPolicy

ALL_WELL = {
    "complete": "pass",
    "named": "pass",
    "literal": "pass",
    "reference": "pass",
    "pinned": "pass",
    "served": "pass",
    "manifest": "pass",
    "platform": "pass",
    "config": "pass",
}


def pinned(made: Image | MultiImage) -> str:
    return f"ghcr.io/x/server@{made.digest}"


def served(body: bytes, media_type: str | None = OCI_MANIFEST):
    return (Served(URL, digest(body), None, media_type, body),)


@pytest.mark.parametrize("docker", [False, True])
def test_a_pinned_image_is_followed_to_its_configuration(docker: bool):
    made = image(docker=docker)
    findings = look(pinned(made), evidence(made))
    assert statuses(findings) == ALL_WELL
    facts = {fact.name: (fact.value, fact.basis) for fact in findings.facts}
    assert facts["digests.server.config"] == (digest(made.config), "computed")
    assert facts["digests.server.diff_ids"] == ([digest(u) for u in made.uncompressed], "computed")


def test_attack_55_the_platforms_manifest_is_told_from_the_index():
    made = index(image(), image(architecture="arm64"))
    findings = look(pinned(made), evidence(made))
    assert statuses(findings) == {**ALL_WELL, "platform-served": "pass"}
    facts = {fact.name: fact.value for fact in findings.facts}
    assert facts["digests.server.pin"] == made.digest
    assert facts["digests.server.manifest"] == made.images[0].digest
    assert check(findings, "platform").details == ("also for linux/arm64",)


def test_attack_55_an_index_without_the_platform_is_refused():
    made = index(image(architecture="arm64"))
    findings = look(pinned(made), evidence(made, "arm64"))
    assert check(findings, "platform").status is Status.REFUSED


def test_attack_55_an_index_with_two_images_for_the_platform_is_refused():
    made = index(image(), image(created="2026-02-02T00:00:00Z"))
    assert check(look(pinned(made), evidence(made)), "platform").status is Status.REFUSED


def test_attack_55_an_entry_for_no_platform_could_be_for_any():
    other = image(created="2026-02-02T00:00:00Z")
    entries = [image().descriptor, {k: v for k, v in other.descriptor.items() if k != "platform"}]
    body = dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})
    findings = look(f"x/y@{digest(body)}", served(body, OCI_INDEX))
    assert check(findings, "platform").status is Status.REFUSED


def test_attack_55_an_image_for_another_platform_is_refused_without_an_index_too():
    made = image(architecture="arm64")
    assert check(look(pinned(made), evidence(made)), "platform").status is Status.REFUSED


def test_attack_55_a_configuration_for_another_platform_than_the_index_says_is_refused():
    made = image(architecture="arm64")
    lying = Image(made.manifest, made.config, made.layers, (), OCI_MANIFEST, "amd64")
    findings = look(pinned(index(lying)), evidence(index(lying)))
    assert check(findings, "config").status is Status.REFUSED


def test_attack_55_bytes_that_are_index_and_image_at_once_are_neither():
    body = dumps({**json.loads(image().manifest), "manifests": [image().descriptor]})
    found = check(look(f"x/y@{digest(body)}", served(body)), "manifest")
    assert (found.status, found.reason) == (Status.UNEVALUABLE, "SP1TEE-V002")


@pytest.mark.parametrize("kind", [OCI_INDEX, "text/html", "application/json", ""])
def test_attack_55_an_image_served_as_something_else_is_not_taken(kind: str):
    made = image()
    assert (
        check(look(pinned(made), served(made.manifest, kind)), "manifest").status
        is Status.UNEVALUABLE
    )


def test_attack_55_an_index_in_an_index_is_not_an_image():
    inner = index(image())
    entry = {
        "mediaType": OCI_INDEX,
        "digest": inner.digest,
        "size": len(inner.index),
        "platform": {"os": "linux", "architecture": "amd64"},
    }
    body = dumps({"schemaVersion": 2, "manifests": [entry]})
    within = Served(URL, inner.digest, digest(body), OCI_INDEX, inner.index)
    findings = look(f"x/y@{digest(body)}", (*served(body, OCI_INDEX), within))
    assert check(findings, "manifest").status is Status.UNEVALUABLE


def test_attack_56_other_bytes_under_the_pinned_digest_fail():
    made, other = image(), image(settings={"Entrypoint": ["/evil"]})
    lie = (Served(URL, made.digest, None, OCI_MANIFEST, other.manifest),)
    found = check(look(pinned(made), lie), "served")
    assert found.status is Status.FAIL
    assert (found.expected, found.actual) == (made.digest, other.digest)


def test_attack_56_other_bytes_under_the_platforms_digest_fail():
    made = index(image())
    first, second, config = evidence(made)
    lie = Served(URL, second.digest, second.of, OCI_MANIFEST, image(settings={}).manifest)
    assert check(look(pinned(made), (first, lie, config)), "platform-served").status is Status.FAIL


def test_attack_56_another_configuration_fails():
    made = image()
    first, config = evidence(made)
    lie = Served(URL, config.digest, config.of, None, image(settings={}).config)
    assert check(look(pinned(made), (first, lie)), "config").status is Status.FAIL


def test_a_manifest_with_other_layers_than_its_configuration_fails():
    layers = json.loads(image().manifest)["layers"]
    made = image(layers=image().uncompressed)
    shorter = Image(
        dumps({**json.loads(made.manifest), "layers": layers[:1]}), made.config, made.layers
    )
    assert check(look(pinned(shorter), evidence(shorter)), "config").status is Status.FAIL


def test_attack_59_attestations_are_no_images():
    made = index(image(), attested=True)
    findings = look(pinned(made), evidence(made))
    assert check(findings, "platform").status is Status.PASS
    assert check(findings, "platform").details == ("and 1 attestation, which are no images",)


def test_attack_59_what_only_calls_itself_an_attestation_still_counts():
    honest, evil = image(), image(settings={"Entrypoint": ["/evil"]})
    note = {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    body = dumps(
        {"schemaVersion": 2, "manifests": [honest.descriptor, {**evil.descriptor, **note}]}
    )
    findings = look(f"x/y@{digest(body)}", served(body, OCI_INDEX))
    assert check(findings, "platform").status is Status.REFUSED


def test_old_schema_1_is_named_as_such():
    body = dumps({"schemaVersion": 1, "name": "x", "fsLayers": [], "history": []})
    kind = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    found = check(look(f"x/y@{digest(body)}", served(body, kind)), "manifest")
    assert found.status is Status.UNEVALUABLE
    assert "schema 1" in (found.remedy or "")


def test_a_chart_is_no_image():
    made = image(
        config={
            "mediaType": "application/vnd.cncf.helm.config.v1+json",
            "digest": digest(b""),
            "size": 0,
        }
    )
    assert check(look(pinned(made), served(made.manifest)), "manifest").status is Status.UNEVALUABLE


def test_a_registry_that_cannot_be_asked_leaves_it_open():
    made = image()
    record = ImageManifest(
        reference=pinned(made),
        url=URL,
        digest=made.digest,
        trouble=Trouble(code="SP1TEE-V005", message="ghcr.io did not answer in time."),
    )
    found = check(look(pinned(made), from_records([(record, None)])[pinned(made)]), "served")
    assert (found.status, found.reason) == (Status.UNEVALUABLE, "SP1TEE-V005")


def test_nobody_asked_is_unevaluable_where_it_is_required_and_visible_where_not():
    made = image()
    assert check(look(pinned(made)), "served").status is Status.UNEVALUABLE
    assert check(look(pinned(made), required=False), "served").status is Status.SKIPPED
    unasked = DigestsPolicy(require_registry=False)
    assert check(look(pinned(made), policy=unasked), "served").status is Status.SKIPPED


def test_variants_are_chosen_as_engines_do():
    arm = Platform.parse("linux/arm64")
    assert arm.takes(Platform("linux", "arm64", "v8"))
    assert Platform("linux", "arm64", "v8").takes(Platform("linux", "arm64"))
    assert not Platform.parse("linux/arm/v6").takes(Platform("linux", "arm", "v7"))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=10,
)
FIELDS = ["schemaVersion", "mediaType", "config", "layers", "manifests", "rootfs", "history", "os"]


@settings(max_examples=150)
@given(st.sampled_from(FIELDS), json_values, st.booleans())
def test_whatever_a_document_holds_it_is_read_or_malformed(field: str, value: Json, many: bool):
    whole = index(image()).index if many else image().manifest
    for data, read in ((whole, read_document), (image().config, read_config)):
        changed = dumps({**json.loads(data), field: value})
        try:
            read(changed)
        except VerifyError:
            continue


@settings(max_examples=100)
@given(st.binary(max_size=200))
def test_rubbish_is_malformed(data: bytes):
    for read in (read_document, read_config):
        with pytest.raises(VerifyError):
            read(data)
