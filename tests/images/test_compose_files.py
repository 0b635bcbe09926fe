"""The compose files: what they say before and after the images have been put in."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from images_compose import APP_COMPOSE, ENVIRONMENT, SUFFIX, TEMPLATES, Place, write_all
from ruamel.yaml import YAML

from sp1tee.verify.compose import KeyProvider, read_app_compose

COMPOSE = Path(__file__).parents[2] / "compose"
IMAGES = {
    "server": f"ghcr.io/example/sp1tee-server:0.1.0@sha256:{'1' * 64}",
    "fulfiller": f"ghcr.io/example/sp1tee-fulfiller:0.1.0@sha256:{'2' * 64}",
}
OURS = ("token", "server", "fulfiller")
PLACE = Place("tee.example.net", "_.gateway.example.net")


def check(path: Path) -> tuple[int, dict[str, Any]]:
    ran = subprocess.run(
        [sys.executable, "-m", "sp1tee", "compose", "check", str(path), "--format", "json"],
        capture_output=True,
        check=False,
    )
    return ran.returncode, json.loads(ran.stdout)


def load(path: Path) -> dict[str, Any]:
    return YAML(typ="safe", pure=True).load(path)


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("compose")
    write_all(COMPOSE, out, IMAGES, PLACE)
    return out


@pytest.fixture(params=TEMPLATES)
def file(written: Path, request: pytest.FixtureRequest) -> Path:
    return written / f"{request.param}.yml"


@pytest.fixture
def services(file: Path) -> dict[str, Any]:
    return load(file)["services"]


@pytest.mark.parametrize("name", TEMPLATES)
def test_nothing_passes_before_the_images_are_put_in(name: str) -> None:
    code, report = check(COMPOSE / f"{name}{SUFFIX}")
    assert code == 3
    assert [c["id"] for c in report["checks"] if c["status"] == "unevaluable"] == [
        "digests.compose"
    ]


def test_an_image_that_nobody_named_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="fulfiller"):
        write_all(COMPOSE, tmp_path, {"server": "x"}, PLACE)


def test_the_linter_has_nothing_to_object_to(file: Path) -> None:
    code, report = check(file)
    assert code == 0
    waived = {(c["id"], c["subject"]) for c in report["checks"] if c["status"] == "waived"}
    assert waived == {
        ("compose.allowed-envs", "CLOUDFLARE_API_TOKEN"),
        ("compose.guest-agent-socket", "ingress"),
        ("compose.guest-agent-socket", "server"),
        ("lint.secret-environment", "ingress"),
        ("lint.writable-root", "ingress"),
    }


def test_every_image_is_pinned_and_ours_are_those_that_were_named(services: dict[str, Any]) -> None:
    assert all("@sha256:" in service["image"] for service in services.values())
    assert [services[name]["image"] for name in OURS] == [
        IMAGES["server"],
        IMAGES["server"],
        IMAGES["fulfiller"],
    ]


def test_only_the_ingress_publishes_a_port_and_only_443(services: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert ports == {"ingress": ["443:443"]}


def test_only_the_ingress_reaches_the_world(file: Path) -> None:
    content = load(file)
    inside = {name for name, each in content["networks"].items() if each.get("internal")}
    reached = {
        name: set(service.get("networks", [])) - inside
        for name, service in content["services"].items()
    }
    assert reached == {"ingress": {"outside"}, "token": set(), "server": set(), "fulfiller": set()}
    assert content["services"]["fulfiller"]["networks"] == ["work"]


def test_the_only_variable_is_the_dns_token(file: Path) -> None:
    found = [line.strip() for line in file.read_text().splitlines() if "${" in line]
    assert found == ["CLOUDFLARE_API_TOKEN: ${CLOUDFLARE_API_TOKEN}"]


def test_grpc_clients_can_negotiate_and_caa_is_on(written: Path) -> None:
    ingress = load(written / "docker-compose.yml")["services"]["ingress"]["environment"]
    assert ingress["ALPN"] == "h2,http/1.1"
    assert ingress["SET_CAA"] == "true"
    assert ingress["TARGET_ENDPOINT"] == "server:8080"


def test_the_place_is_the_operators(file: Path) -> None:
    text = file.read_text()
    assert "prover.example.org" not in text
    assert "dstack-prod5" not in text
    assert "SP1TEE_SERVE_PUBLIC_URL: https://tee.example.net\n" in text


@pytest.mark.parametrize("name", OURS)
def test_ours_are_confined(services: dict[str, Any], name: str) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "pids_limit", "stop_grace_period"} <= service.keys()
    assert "user" not in service


@pytest.mark.parametrize(("name", "section"), [("server", "SERVE"), ("fulfiller", "FULFILL")])
def test_containers_are_stopped_after_their_drain(
    services: dict[str, Any], name: str, section: str
) -> None:
    drain = int(services[name]["environment"][f"SP1TEE_{section}_DRAIN_S"])
    assert seconds(services[name]["stop_grace_period"]) > 2 * drain


def test_they_start_in_the_order_of_their_health(services: dict[str, Any]) -> None:
    waits = {name: service.get("depends_on", {}) for name, service in services.items()}
    assert waits == {
        "ingress": {"server": {"condition": "service_healthy"}},
        "token": {},
        "server": {"token": {"condition": "service_completed_successfully"}},
        "fulfiller": {"server": {"condition": "service_healthy"}},
    }


def test_programs_may_run_where_sp1_unpacks_one(services: dict[str, Any]) -> None:
    assert any("exec" in mount.split(":")[1] for mount in services["fulfiller"]["tmpfs"])
    assert services["fulfiller"]["shm_size"] == "8g"


def test_the_variants_differ_in_their_ingress_alone(written: Path) -> None:
    first, second = (load(written / f"{name}.yml") for name in TEMPLATES)
    for content in (first, second):
        del content["services"]["ingress"]
        content.pop("configs", None)
    assert first == second


def test_the_older_ingress_has_no_limit_of_its_own(written: Path) -> None:
    content = load(written / "docker-compose.ingress-1.yml")
    conf = content["configs"]["nginx"]["content"]
    assert "client_max_body_size 0;" in conf
    assert "grpc_pass grpc://server:8080;" in conf
    assert "$" not in conf


class TestAppCompose:
    @pytest.fixture
    def data(self, written: Path) -> bytes:
        return (written / APP_COMPOSE).read_bytes()

    def test_its_hash_is_told_with_it(self, tmp_path: Path) -> None:
        told = write_all(COMPOSE, tmp_path, IMAGES, PLACE)
        data = (tmp_path / APP_COMPOSE).read_bytes()
        assert told[tmp_path / APP_COMPOSE] == hashlib.sha256(data).hexdigest()

    def test_it_is_read_as_the_guest_reads_it(self, data: bytes, written: Path) -> None:
        read = read_app_compose(data)
        assert read.docker_compose_file == (written / "docker-compose.yml").read_text()
        assert read.key_provider is KeyProvider.KMS
        assert read.allowed_envs == ENVIRONMENT
        assert (read.public_logs, read.no_instance_id, read.secure_time) == (False, False, True)
        assert read.pre_launch_script is None
        assert read.unknown == ()

    def test_the_linter_has_nothing_to_object_to(self, written: Path) -> None:
        code, report = check(written / APP_COMPOSE)
        assert code == 0, [c for c in report["checks"] if c["status"] == "refused"]

    def test_it_is_written_as_the_cloud_writes_it(self, data: bytes) -> None:
        assert data.startswith(b'{\n    "allowed_envs": [')
        assert not data.endswith(b"\n")


class TestForDevelopment:
    @pytest.fixture
    def services(self) -> Mapping[str, Any]:
        return load(COMPOSE / "docker-compose.dev.yml")["services"]

    def test_its_images_are_built_here(self, services: Mapping[str, Any]) -> None:
        for service in services.values():
            name = service["image"].removeprefix("sp1tee/").removesuffix(":dev")
            assert service["build"]["dockerfile"] == f"compose/Dockerfile.{name}"

    def test_it_is_reached_from_this_machine_only(self, services: Mapping[str, Any]) -> None:
        ports = [port for service in services.values() for port in service.get("ports", ())]
        assert ports
        assert [port for port in ports if not port.startswith("127.0.0.1:")] == []

    def test_it_is_confined_like_the_real_one(self, services: Mapping[str, Any]) -> None:
        for service in services.values():
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]

    def test_it_is_mock_unless_somebody_says_otherwise(self, services: Mapping[str, Any]) -> None:
        assert services["fulfiller"]["environment"]["SP1TEE_FULFILL_PROVER"] == "${PROVER:-mock}"


def settings() -> Iterator[tuple[str, str]]:
    for path in (*COMPOSE.glob(f"*{SUFFIX}"), COMPOSE / "docker-compose.dev.yml"):
        for line in path.read_text().splitlines():
            name = line.strip(" #").partition(":")[0]
            if name.startswith("SP1TEE_"):
                yield path.name, name


def test_every_setting_that_a_file_names_exists() -> None:
    from sp1tee.fulfill.settings import FulfillSettings
    from sp1tee.serve.settings import ServeSettings

    known = {f"SP1TEE_SERVE_{name.upper()}" for name in ServeSettings.model_fields}
    known |= {f"SP1TEE_FULFILL_{name.upper()}" for name in FulfillSettings.model_fields}
    found = list(settings())
    assert found
    assert [each for each in found if each[1] not in known] == []
