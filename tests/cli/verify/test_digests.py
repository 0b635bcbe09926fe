"""`sp1tee verify digests`, against a real registry, image layouts and an engine."""

import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from support.commands import Run
from support.engines import fake_engine
from support.oci import (
    BINARY,
    PROGRAM,
    Image,
    compose_text,
    digest,
    image,
    index,
    tar,
    write_docker_archive,
    write_layout,
    write_oci_archive,
)
from support.registries import FakeRegistry, Registry, real_registry

ORIGINAL = Path(__file__).parents[2] / "data" / "compose" / "sp1-private-proving.yml"
EVIL = image(settings={"Entrypoint": ["/bin/sh"]})


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with real_registry() as running:
        running.push("x/server", index(image(), attested=True), "1.0")
        running.push("x/gpu", image(), "86a2bbf")
        running.push("x/other", reproducible(0))
        yield running


def reproducible(mtime: int) -> Image:
    base = tar({"etc/os-release": b"ID=debian\n"})
    return image((base, tar({"usr/local/bin/server": PROGRAM}, mtime=mtime)))


@pytest.fixture
def compose() -> Path:
    """The file with everything pinned."""
    return written(server=f"ghcr.io/x/server:1.0@{index(image(), attested=True).digest}")


def written(**images: str) -> Path:
    path = Path("docker-compose.yml")
    path.write_bytes(compose_text(**images))
    return path


def checks(out: str) -> dict[str, dict[str, object]]:
    return {
        f"{check['id'].removeprefix('digests.')} {check.get('subject', '')}".strip(): check
        for check in json.loads(out)["checks"]
    }


def test_a_file_with_every_image_pinned_and_served_passes(
    sp1tee: Run, compose: Path, registry: Registry
):
    ran = sp1tee("verify", "digests", compose, "--registry", registry.url, "--format", "json")
    assert ran.code == 0
    assert json.loads(ran.out)["verdict"] == "pass"
    assert {check["status"] for check in checks(ran.out).values()} == {"pass"}


def test_attack_35_a_tag_in_one_service_refuses_the_whole_file(sp1tee: Run, registry: Registry):
    pin = index(image(), attested=True).digest
    path = written(server=f"ghcr.io/x/server@{pin}", moongate="public.ecr.aws/x/gpu:86a2bbf")
    ran = sp1tee("verify", "digests", path, "--registry", registry.url, "--format", "json")
    assert ran.code == 4
    found = checks(ran.out)["pinned moongate"]
    assert (found["status"], found["code"]) == ("refused", "SP1TEE-V705")
    assert image().digest in str(found["remedy"])
    assert found["location"] == {"file": "docker-compose.yml", "line": 5}


def test_attack_35_of_the_originals_four_images_the_one_that_has_a_tag_is_refused(sp1tee: Run):
    ran = sp1tee("verify", "digests", ORIGINAL, "--offline", "--format", "json")
    found = checks(ran.out)
    assert ran.code == 4
    assert {name for name, check in found.items() if check["status"] == "refused"} == {
        "pinned prover"
    }
    assert found["pinned prover"]["actual"] == "public.ecr.aws/example/sp1-gpu:86a2bbf"
    pinned = {name for name, check in found.items() if check["status"] == "pass"}
    assert pinned >= {"pinned ingress", "pinned server", "pinned fulfiller"}


def test_attack_36_a_variable_in_an_image_refuses_the_file(sp1tee: Run):
    ran = sp1tee("verify", "digests", written(server="${IMAGE}"), "--offline", "--format", "json")
    assert (ran.code, checks(ran.out)["literal server"]["status"]) == (4, "refused")


def test_the_line_in_the_compose_file_is_in_the_sarif(sp1tee: Run):
    ran = sp1tee("verify", "digests", written(a="nginx"), "--offline", "--format", "sarif")
    (run,) = json.loads(ran.out)["runs"]
    places = [
        place["physicalLocation"]
        for result in run["results"]
        for place in result.get("locations", ())
    ]
    assert [place["region"]["startLine"] for place in places] == [3]
    assert places[0]["artifactLocation"]["uri"] == "docker-compose.yml"


def test_without_a_network_pins_are_judged_and_the_rest_is_skipped(sp1tee: Run, compose: Path):
    ran = sp1tee("verify", "digests", compose, "--offline", "--format", "json")
    assert ran.code == 0
    assert checks(ran.out)["pinned server"]["status"] == "pass"
    assert checks(ran.out)["served server"]["status"] == "skipped"


def test_a_policy_makes_the_registrys_answer_necessary(sp1tee: Run, compose: Path):
    Path("policy.toml").write_text('schema = "sp1tee.policy.v1"\n[digests]\n')
    ran = sp1tee("verify", "digests", compose, "--offline", "--policy", "policy.toml")
    assert ran.code == 3


def test_a_registry_that_lacks_the_image_cannot_be_evaluated(sp1tee: Run, registry: Registry):
    path = written(server=f"ghcr.io/x/server@{EVIL.digest}")
    ran = sp1tee("verify", "digests", path, "--registry", f"ghcr.io={registry.url}")
    assert (ran.code, "has no such image" in ran.out) == (3, True)


@pytest.mark.parametrize(
    ("spelling", "level"),
    [
        ("oci-layout:layout", "manifest"),
        ("layout", "manifest"),
        ("oci-archive:oci.tar", "manifest"),
        ("oci.tar", "manifest"),
        ("docker-archive:docker.tar", "config"),
        ("docker.tar", "config"),
    ],
)
def test_a_local_build_is_compared_without_an_engine(
    sp1tee: Run, compose: Path, registry: Registry, spelling: str, level: str
):
    write_layout(image(), Path("layout"))
    write_oci_archive(image(), Path("oci.tar"))
    write_docker_archive(image(), Path("docker.tar"))
    ran = sp1tee(
        *("verify", "digests", compose, "--registry", registry.url),
        *("--built", f"server={spelling}", "--format", "json"),
    )
    assert ran.code == 0
    assert checks(ran.out)["build server"]["details"][0] == f"level reached: {level}"


@pytest.mark.parametrize("prefix", ["docker-image:", "docker://"])
def test_attack_57_a_local_image_of_the_same_tag_is_compared_by_digest(
    sp1tee: Run, compose: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch, prefix: str
):
    name = "ghcr.io/x/server:1.0"
    with fake_engine(monkeypatch) as engine:
        engine.images[name] = {
            "Id": digest(EVIL.config),
            "Os": "linux",
            "Architecture": "amd64",
            "Config": {"Entrypoint": ["/bin/sh"]},
            "RootFS": {"Layers": [digest(layer) for layer in EVIL.uncompressed]},
        }
        ran = sp1tee(
            *("verify", "digests", compose, "--registry", registry.url),
            *("--built", f"server={prefix}{name}", "--format", "json"),
        )
    assert ran.code == 4
    assert checks(ran.out)["build server"]["status"] == "refused"
    assert checks(ran.out)["build-config server"]["status"] == "refused"


def test_attack_60_an_unreproducible_build_is_refused_and_its_program_may_still_be_the_same(
    sp1tee: Run, registry: Registry
):
    path = written(server=f"ghcr.io/x/other@{reproducible(0).digest}")
    write_oci_archive(reproducible(1_700_000_000), Path("mine.tar"))
    arguments = (
        *("verify", "digests", path, "--registry", registry.url),
        *("--built", "server=oci-archive:mine.tar", "--format", "json"),
    )
    ran = sp1tee(*arguments)
    assert ran.code == 4
    assert "not reproducible" in str(checks(ran.out)["build server"]["summary"])
    ran = sp1tee(*arguments, "--binary", BINARY)
    assert ran.code == 0
    assert checks(ran.out)["build server"]["details"][0] == "level reached: binary"
    ran = sp1tee(*arguments, "--binary", "/missing")
    assert ran.code == 4


def test_a_build_that_is_rubbish_cannot_be_evaluated(sp1tee: Run, compose: Path):
    Path("x.tar").write_bytes(b"rubbish")
    ran = sp1tee(
        "verify", "digests", compose, "--offline", "--built", "server=x.tar", "--format", "json"
    )
    assert (ran.code, checks(ran.out)["build server"]["status"]) == (3, "unevaluable")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"services: {}",
        b"[1]",
        b"a: b: c",
        b"\xff\xfe",
        b"services:\n  a: 1\n",
        b"x" * 2_000_000,
    ],
)
def test_a_file_that_is_rubbish_cannot_be_evaluated(sp1tee: Run, content: bytes):
    Path("docker-compose.yml").write_bytes(content)
    ran = sp1tee("verify", "digests", "docker-compose.yml", "--offline", "--format", "json")
    assert (ran.code, checks(ran.out)["compose"]["status"]) == (3, "unevaluable")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--service", "missing"),
        ("--built", "missing=x.tar"),
        ("--built", "server"),
        ("--built", "server=nowhere.tar"),
        ("--built", "server=oci-archive:nowhere.tar"),
        ("--platform", "linux"),
        ("--ca-file", "nowhere.pem"),
        ("--registry", "ghcr.io"),
        ("--registry", "https://a", "--registry", "https://b"),
    ],
)
def test_a_mistake_in_the_command_is_told_as_one(
    sp1tee: Run, compose: Path, arguments: tuple[str, ...]
):
    ran = sp1tee("verify", "digests", compose, "--offline", *arguments)
    assert (ran.code, ran.out) == (2, "")


def test_a_missing_file_is_a_mistake_in_the_command(sp1tee: Run):
    assert sp1tee("verify", "digests", "missing.yml").code == 2


def test_a_private_registrys_ca_is_trusted_where_it_is_named(sp1tee: Run, compose: Path):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path("ca.pem")
    with FakeRegistry(context) as fake:
        fake.holds("x/server", index(image(), attested=True))
        arguments = ("verify", "digests", compose, "--registry", fake.url)
        assert sp1tee(*arguments).code == 3
        assert sp1tee(*arguments, "--ca-file", "ca.pem").code == 0


def test_one_service_can_be_looked_at_alone_and_the_others_are_named(sp1tee: Run, compose: Path):
    pin = f"ghcr.io/x/server@{EVIL.digest}"
    path = written(server=pin, moongate="x/gpu:1")
    ran = sp1tee("verify", "digests", path, "--offline", "--service", "server", "--format", "json")
    assert ran.code == 0
    assert json.loads(ran.out)["notes"] == ["Not looked at: moongate."]
