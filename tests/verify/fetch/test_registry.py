"""Asking registries: a real one, one with tokens, and ones that lie."""

import itertools
from collections.abc import Iterator

import pytest
from support.digests import check, statuses
from support.oci import (
    BINARY,
    PROGRAM,
    Image,
    MultiImage,
    compose_text,
    digest,
    dumps,
    image,
    index,
)
from support.registries import (
    BLOBS,
    MANIFESTS,
    Answer,
    Asked,
    FakeRegistry,
    Registry,
    ranged,
    real_registry,
    with_tokens,
)

from sp1tee.errors import EvidenceTooLarge, FetchError
from sp1tee.verify.checks import Findings, Status
from sp1tee.verify.compose import parse_compose
from sp1tee.verify.digests import LINUX_AMD64, Reference, from_records, judge
from sp1tee.verify.digests.configs import read_config
from sp1tee.verify.digests.documents import OCI_MANIFEST, Manifest, read_document
from sp1tee.verify.digests.rootfs import Rootfs
from sp1tee.verify.fetch import repository
from sp1tee.verify.fetch.registry import fetch_images, published_layers
from sp1tee.verify.fetch.repository import Repository, parse_challenge
from sp1tee.verify.policy.model import DigestsPolicy


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with real_registry() as running:
        yield running


@pytest.fixture
def fake() -> Iterator[FakeRegistry]:
    with FakeRegistry() as running:
        yield running


def judged(written: str, url: str) -> Findings:
    fetched = fetch_images([written], LINUX_AMD64, {"*": url})
    compose = parse_compose(compose_text(server=written), "docker-compose.yml")
    return judge(compose, from_records(fetched), DigestsPolicy())


def pinned(made: Image | MultiImage) -> str:
    return f"ghcr.io/x/server@{made.digest}"


@pytest.mark.parametrize("docker", [False, True])
def test_a_real_registry_serves_what_is_pinned(registry: Registry, docker: bool):
    made = image(docker=docker)
    registry.push("x/server", made)
    assert set(statuses(judged(pinned(made), registry.url)).values()) == {"pass"}


@pytest.mark.parametrize("docker", [False, True])
def test_a_real_registrys_index_is_resolved(registry: Registry, docker: bool):
    arm = image(architecture="arm64", docker=docker)
    made = index(image(docker=docker), arm, docker=docker)
    registry.push("x/server", made)
    findings = judged(pinned(made), registry.url)
    assert set(statuses(findings).values()) == {"pass"}
    assert check(findings, "platform-served").actual == made.images[0].digest


def test_attack_59_a_real_registrys_attestations_are_told_apart(registry: Registry):
    made = index(image(), attested=True)
    registry.push("x/server", made)
    assert "1 attestation" in check(judged(pinned(made), registry.url), "platform").details[0]


def test_attack_35_what_a_tag_leads_to_now_is_shown(registry: Registry):
    made = image()
    registry.push("x/tagged", made, "86a2bbf")
    found = check(judged("ghcr.io/x/tagged:86a2bbf", registry.url), "pinned")
    assert found.status is Status.REFUSED
    assert made.digest in (found.remedy or "")


def test_attack_54_a_tag_that_moves_does_not_move_a_pin(registry: Registry):
    first, second = image(), image(settings={"Entrypoint": ["/evil"]})
    registry.push("x/moving", first, "1.0")
    written = f"ghcr.io/x/moving:1.0@{first.digest}"
    before = judged(written, registry.url)
    registry.push("x/moving", second, "1.0")
    assert judged(written, registry.url) == before
    assert second.digest in (
        check(judged("ghcr.io/x/moving:1.0", registry.url), "pinned").remedy or ""
    )


def test_what_a_real_registry_does_not_have_cannot_be_evaluated(registry: Registry):
    found = check(judged(pinned(image(created="2030")), registry.url), "served")
    assert (found.status, found.reason) == (Status.UNEVALUABLE, "SP1TEE-V001")


def test_attack_56_a_real_registry_with_damaged_storage_is_caught(fake: FakeRegistry):
    made = image()
    fake.holds("x/server", made)
    fake.manifest("x/server", made.digest, image(settings={}).manifest, OCI_MANIFEST)
    assert check(judged(pinned(made), fake.url), "served").status is Status.FAIL


def test_attack_56_the_digest_in_a_header_is_only_a_hint(fake: FakeRegistry):
    made, evil = image(), image(settings={"Entrypoint": ["/evil"]})
    headers = {"content-type": OCI_MANIFEST, "docker-content-digest": made.digest}
    path = MANIFESTS.format("x/server", made.digest)
    fake.replies[path] = Answer(body=evil.manifest, headers=headers)
    found = check(judged(pinned(made), fake.url), "served")
    assert (found.status, found.actual) == (Status.FAIL, evil.digest)


def test_attack_56_another_configuration_is_caught(fake: FakeRegistry):
    made = image()
    fake.holds("x/server", made)
    fake.replies[BLOBS.format("x/server", digest(made.config))] = Answer(body=b"{}")
    assert check(judged(pinned(made), fake.url), "config").status is Status.FAIL


def test_an_anonymous_token_is_fetched_where_one_is_wanted(fake: FakeRegistry):
    made = index(image())
    fake.holds("x/server", made)
    with_tokens(fake)
    assert set(statuses(judged(pinned(made), fake.url)).values()) == {"pass"}
    asked = [path for path in fake.paths() if path.startswith("/token")]
    assert asked == ["/token?service=registry.test&scope=repository%3Ax%3Apull"]


def test_a_token_is_sent_to_nobody_but_the_registry(fake: FakeRegistry):
    made = image()
    with FakeRegistry() as storage:
        storage.replies["/blob"] = Answer(body=made.config)
        fake.holds("x/server", made)
        moved = Answer(307, headers={"location": f"{storage.url}/blob"})
        fake.replies[BLOBS.format("x/server", digest(made.config))] = moved
        with_tokens(fake)
        assert set(statuses(judged(pinned(made), fake.url)).values()) == {"pass"}
        assert [asked.path for asked in storage.asked] == ["/blob"]
        assert all("authorization" not in asked.headers for asked in storage.asked)


def test_a_token_service_elsewhere_gets_no_token_either(fake: FakeRegistry):
    made = image()
    fake.holds("x/server", made)
    with FakeRegistry() as service:
        with_tokens(fake, realm=f"{service.url}/token")
        service.replies = {"/token": fake.replies.pop("/token")}
        assert set(statuses(judged(pinned(made), fake.url)).values()) == {"pass"}
        assert all("authorization" not in asked.headers for asked in service.asked)


def test_a_registry_that_refuses_its_own_token_is_not_asked_for_ever(fake: FakeRegistry):
    made = image()
    fake.holds("x/server", made)
    with_tokens(fake)
    fake.replies["/token"] = Answer(body=b'{"access_token": "another"}')
    found = check(judged(pinned(made), fake.url), "served")
    assert (found.status, found.reason) == (Status.UNEVALUABLE, "SP1TEE-V005")
    assert len(fake.asked) == 3


@pytest.mark.parametrize(
    "token", [b"", b"[]", b"{}", b'{"token": 1}', b'{"token": "a b"}', b'{"token": "a\\r\\nx: y"}']
)
def test_what_is_no_token_is_not_sent(fake: FakeRegistry, token: bytes):
    made = image()
    fake.holds("x/server", made)
    with_tokens(fake)
    fake.replies["/token"] = Answer(body=token)
    assert check(judged(pinned(made), fake.url), "served").status is Status.UNEVALUABLE


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic realm=x",
        'Basic realm="x"',
        "Bearer",
        'Bearer service="x"',
        'Bearer realm="a",realm="b"',
        'Bearer realm="a" garbage',
        'Bearer realm="a\\"b"',
        'Bearer realm="a' + "\x01" + '"',
    ],
)
def test_a_challenge_is_read_strictly(header: str):
    with pytest.raises(FetchError):
        parse_challenge(header)


def test_a_challenge_of_many_parameters_costs_nothing():
    with pytest.raises(FetchError):
        parse_challenge("Bearer " + 'a="b",' * 10_000 + '"')


@pytest.mark.parametrize(
    "location",
    ["", "ftp://x/", "gopher://127.0.0.1/", "http://example.com/blob", "http://[", "/v2/self"],
)
def test_a_redirect_to_nowhere_cannot_be_evaluated(fake: FakeRegistry, location: str):
    made = image()
    fake.holds("x/server", made)
    fake.replies["/v2/self"] = Answer(302, headers={"location": "/v2/self"})
    blob = BLOBS.format("x/server", digest(made.config))
    fake.replies[blob] = Answer(302, headers={"location": location})
    assert check(judged(pinned(made), fake.url), "config").status is Status.UNEVALUABLE


def test_a_registry_on_the_network_cannot_send_us_to_this_machine():
    network = Repository("https://registry.test", "x")
    for target in ("http://127.0.0.1:2375/", "http://localhost/", "file:///etc/passwd"):
        with pytest.raises(FetchError):
            network._trusted(target)


def test_a_huge_manifest_is_not_read(fake: FakeRegistry):
    made = image()
    body = b" " * (5 * 1024 * 1024)
    fake.manifest("x/server", made.digest, body, OCI_MANIFEST)
    found = check(judged(pinned(made), fake.url), "served")
    assert (found.status, found.reason) == (Status.UNEVALUABLE, EvidenceTooLarge.code)


def test_a_manifest_without_end_is_not_read(fake: FakeRegistry):
    made = image()
    path = MANIFESTS.format("x/server", made.digest)
    fake.replies[path] = Answer(chunks=itertools.repeat(b" " * 65536))
    found = check(judged(pinned(made), fake.url), "served")
    assert (found.status, found.reason) == (Status.UNEVALUABLE, EvidenceTooLarge.code)


@pytest.mark.parametrize("kind", ["text/html", "application/json", "application/octet-stream"])
def test_a_manifest_of_another_content_type_cannot_be_evaluated(fake: FakeRegistry, kind: str):
    made = image()
    fake.holds("x/server", made)
    fake.manifest("x/server", made.digest, made.manifest, kind)
    assert check(judged(pinned(made), fake.url), "manifest").status is Status.UNEVALUABLE


def test_a_registry_of_schema_1_cannot_be_evaluated(fake: FakeRegistry):
    body = dumps({"schemaVersion": 1, "name": "x", "fsLayers": [], "signatures": []})
    kind = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    fake.manifest("x/server", digest(body), body, kind)
    found = check(judged(f"ghcr.io/x/server@{digest(body)}", fake.url), "manifest")
    assert "schema 1" in (found.remedy or "")


@pytest.mark.parametrize(
    ("status", "said"),
    [(403, "nobody without credentials"), (429, "too often"), (500, "status 500"), (204, "204")],
)
def test_a_refusal_is_told(fake: FakeRegistry, status: int, said: str):
    made = image()
    fake.replies[MANIFESTS.format("x/server", made.digest)] = Answer(status)
    assert said in check(judged(pinned(made), fake.url), "served").summary


def test_a_silent_registry_cannot_be_evaluated():
    with FakeRegistry() as gone:
        url = gone.url
    assert check(judged(pinned(image()), url), "served").status is Status.UNEVALUABLE


def test_docker_hubs_registry_has_another_name():
    hub = Repository.of(Reference.parse("ubuntu"), {}, None)
    assert hub.url("manifests", "x") == "https://registry-1.docker.io/v2/library/ubuntu/manifests/x"


def test_a_registry_is_replaced_by_its_name_before_all_others():
    registries = {"docker.io": "https://mirror.test/", "*": "https://every.test"}
    assert Repository.of(Reference.parse("ubuntu"), registries, None).base == "https://mirror.test"
    assert (
        Repository.of(Reference.parse("ghcr.io/x"), registries, None).base == "https://every.test"
    )


def test_an_image_is_asked_for_once_however_often_it_is_used(fake: FakeRegistry):
    made = image()
    fake.holds("x/server", made)
    fetch_images([pinned(made)] * 3, LINUX_AMD64, {"*": fake.url})
    assert len(fake.asked) == 2


def layers_of(made: Image, url: str):
    manifest = read_document(made.manifest)
    assert isinstance(manifest, Manifest)
    reference = Reference.parse(pinned(made))
    return published_layers(reference, manifest, read_config(made.config), {"*": url})


@pytest.mark.parametrize("piece", [10, 100, 1 << 24])
def test_layers_of_a_real_registry_are_read_piece_by_piece(
    registry: Registry, piece: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(repository, "PIECE", piece)
    made = image()
    registry.push("x/server", made)
    layers = layers_of(made, registry.url)
    expected = digest(PROGRAM).removeprefix("sha256:")
    assert Rootfs(layers).sha256(BINARY) == expected


def test_a_registry_without_ranges_serves_small_layers(fake: FakeRegistry):
    made = image()
    fake.holds("x/server", made)
    assert Rootfs(layers_of(made, fake.url)).sha256(BINARY)


def test_a_registry_that_serves_another_part_is_caught(
    fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(repository, "PIECE", 16)
    made = image()
    fake.holds("x/server", made)
    blob = made.layers[0]
    honest = ranged(blob)

    def shifted(asked: Asked) -> Answer:
        assert callable(honest)
        answer = honest(asked)
        return Answer(206, answer.body, {"content-range": f"bytes 7-22/{len(blob)}"})

    fake.replies[BLOBS.format("x/server", digest(blob))] = shifted
    with pytest.raises(FetchError):
        Rootfs(layers_of(made, fake.url))
