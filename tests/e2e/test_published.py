"""The images in a real registry: pinned, pulled, run in the enclave's shape; and a tag that moves."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import docker
import pytest
from support.compose_agents import Agent
from support.compose_engine import OwnEngine, own_engine
from support.compose_images import NAMES, built_images, images_tool, read_layout
from support.compose_outside import the_world
from support.compose_projects import PYTHON, Project, a_project
from support.oci import compose_text, digest, image
from support.people import sp1tee
from support.registries import Registry, real_registry

from sp1tee import __version__

pytestmark = pytest.mark.e2e

READY = "http://127.0.0.1:8081/health/ready"
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"
ANOTHER = "0b" * 20


@dataclass(frozen=True)
class Published:
    """Our images as everybody gets them."""

    engine: OwnEngine
    client: docker.DockerClient
    registry: Registry
    images: Path
    compose: Path
    digests: dict[str, str]

    def repository(self, name: str) -> str:
        return f"{self.registry.host}/ours/sp1tee-{name}"

    def verify(self, compose: Path, *flags: str) -> tuple[int, dict[str, dict[str, Any]]]:
        """Run `sp1tee verify digests`; returns the exit code, and checks by rule and service."""
        at = f"{self.registry.host}={self.registry.url}"
        done = sp1tee(
            "verify", "digests", str(compose), "--registry", at, "--format", "json", *flags
        )
        checks = json.loads(done.stdout)["checks"]
        return done.returncode, {f"{each['id']} {each.get('subject')}": each for each in checks}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    images = built_images()
    compose = tmp_path_factory.mktemp("compose")
    with own_engine() as engine, engine.entered(), real_registry() as registry:
        digests = {
            name: registry.push(f"ours/sp1tee-{name}", read_layout(images / name), "latest")
            for name in NAMES
        }
        repository = f"{registry.host}/ours"
        images_tool("compose", images, "--repository", repository, "--to", str(compose))
        client = docker.DockerClient(engine.url)
        file = compose / "docker-compose.yml"
        yield Published(engine, client, registry, images, file, digests)
        client.close()


@pytest.fixture(scope="module")
def agent() -> Iterator[Agent]:
    with TemporaryDirectory(prefix="s") as folder, Agent(Path(folder)) as agent:
        yield agent


@pytest.fixture(scope="module")
def project(published: Published, agent: Agent) -> Iterator[Project]:
    override = published.compose.with_name("override.yml")
    mount = f"{agent.socket}:/var/run/dstack.sock"
    override.write_text(json.dumps({"services": {"server": {"volumes": [mount]}}}))
    with a_project(published.engine, published.compose, override) as project:
        project.compose("up", "--detach", "server")
        project.await_healthy("server")
        yield project


class TestDigests:
    def test_what_was_built_is_pinned_and_served(self, published: Published) -> None:
        services = [word for name in NAMES for word in ("--service", name)]
        built = [f"--built={name}=oci-layout:{published.images / name}" for name in NAMES]
        code, checks = published.verify(published.compose, *services, *built)
        assert code == 0, checks
        for name in NAMES:
            assert checks[f"digests.pinned {name}"]["actual"] == published.digests[name]
            assert checks[f"digests.build {name}"]["details"][0] == "level reached: manifest"

    @pytest.mark.parametrize("name", NAMES)
    def test_the_engine_pulls_by_digest_what_was_built_and_it_runs(
        self, published: Published, name: str
    ) -> None:
        pinned = f"{published.repository(name)}@{published.digests[name]}"
        pulled = published.client.images.pull(pinned)
        assert pulled.attrs["RepoDigests"] == [pinned]
        assert pulled.id in {
            digest(read_layout(published.images / name).config),
            published.digests[name],
        }
        said = published.client.containers.run(pinned, ["--version"], remove=True)
        assert __version__ in said.decode()

    def test_a_tag_is_refused_for_the_image_that_has_it_whatever_it_leads_to(
        self, published: Published, tmp_path: Path
    ) -> None:
        tagged = f"{published.repository('server')}:moving"
        pinned = f"{published.repository('fulfiller')}@{published.digests['fulfiller']}"
        file = tmp_path / "docker-compose.yml"
        file.write_bytes(compose_text(server=tagged, fulfiller=pinned))
        another = image()
        for leads_to in (read_layout(published.images / "server"), another):
            published.registry.push("ours/sp1tee-server", leads_to, "moving")
            code, checks = published.verify(file)
            assert code == 4
            assert not_passed(checks) == {"digests.pinned server"}
            assert leads_to.digest in checks["digests.pinned server"]["remedy"]
        # That is what an engine follows.
        assert published.client.images.pull(tagged).id in {digest(another.config), another.digest}

    def test_a_pin_stays_what_it_was_when_the_tag_beside_it_moves(
        self, published: Published, tmp_path: Path
    ) -> None:
        published.registry.push("ours/sp1tee-server", image(), "moved")
        pinned = f"{published.repository('server')}:moved@{published.digests['server']}"
        file = tmp_path / "docker-compose.yml"
        file.write_bytes(compose_text(server=pinned))
        built = f"server=oci-layout:{published.images / 'server'}"
        assert published.verify(file, "--built", built)[0] == 0
        published.client.images.pull(pinned)
        assert __version__.encode() in published.client.containers.run(pinned, ["--version"])

    def test_another_build_than_the_published_is_refused(
        self, published: Published, tmp_path: Path
    ) -> None:
        built = f"server=oci-layout:{published.images / 'fulfiller'}"
        code, checks = published.verify(published.compose, "--service", "server", "--built", built)
        assert code == 4
        assert "digests.build server" in not_passed(checks)


class TestInTheShapeOfTheEnclave:
    """Token and server of docker-compose.yml: all but the guest agent's socket as it is deployed."""

    def test_the_pinned_server_has_the_enclaves_key(
        self, published: Published, project: Project
    ) -> None:
        pinned = published.digests["server"]
        assert project.container("server").attrs["Config"]["Image"].endswith(f"@{pinned}")
        ready = json.loads(project.page("server", READY))
        assert ready["input_protection"] == "enclave key (dstack)"

    def test_nothing_reaches_it_but_its_networks(self, project: Project) -> None:
        server, token = (project.container(name).attrs for name in ("server", "token"))
        assert set(server["NetworkSettings"]["Networks"]) == {"sp1tee_edge", "sp1tee_work"}
        assert not any(server["NetworkSettings"]["Ports"].values())
        assert set(token["NetworkSettings"]["Networks"]) == {"none"}

    def test_it_reaches_nothing_but_its_networks(
        self, published: Published, project: Project
    ) -> None:
        with the_world() as (host, port):
            command = ["-I", "-c", CONNECT, host, str(port)]
            image = project.container("server").attrs["Config"]["Image"]
            # Any other container gets there.
            published.client.containers.run(image, command, entrypoint=PYTHON, remove=True)
            tried = project.container("server").exec_run([PYTHON, *command])
        assert tried.exit_code == 1
        assert b"TimeoutError" in tried.output or b"unreachable" in tried.output

    def test_made_anew_it_opens_its_data_and_no_key_lies_beside_them(
        self, published: Published, project: Project
    ) -> None:
        project.compose("up", "--detach", "--force-recreate", "--no-deps", "server")
        project.await_healthy("server")
        data = published.engine.folder / "data" / "volumes" / "sp1tee_data" / "_data"
        assert (data / "store.db").exists()
        assert not (data / "vault.key").exists()

    def test_another_applications_key_does_not_open_them(
        self, project: Project, agent: Agent
    ) -> None:
        agent.becomes("--app-id", ANOTHER)
        project.compose("up", "--detach", "--force-recreate", "--no-deps", "server")
        server = project.container("server")
        server.wait(condition="next-exit")
        assert b"SP1TEE-S007" in server.logs()


def not_passed(checks: dict[str, dict[str, Any]]) -> set[str]:
    return {name for name, check in checks.items() if check["status"] not in {"pass", "skipped"}}
