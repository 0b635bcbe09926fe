"""Compose files in operation: containers that are started, asked, hurt and stopped."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import docker
from docker.models.containers import Container

from support.compose_engine import OwnEngine, missing

PYTHON = "/usr/bin/python3.11"
PATIENCE_S = 120
HEALTHY = "health_status: healthy"
ASK = """
import os, sys, urllib.request
path = "/run/worker/token"
token = open(path).read().strip() if os.path.exists(path) else ""
asked = urllib.request.Request(sys.argv[1], headers={"authorization": "Bearer " + token})
sys.stdout.buffer.write(urllib.request.urlopen(asked, timeout=10).read())
"""


@dataclass(frozen=True)
class Project:
    """A compose file on an engine."""

    engine: OwnEngine
    files: tuple[Path, ...]
    client: docker.DockerClient

    def compose(self, *arguments: str) -> None:
        """Run a command of compose, which must succeed."""
        named = [word for file in self.files for word in ("--file", str(file))]
        done = subprocess.run(
            [*_command(), "--project-name", "sp1tee", *named, *arguments],
            env=_environment(self.engine),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{done.stderr}\n{self.told()}"

    def container(self, service: str) -> Container:
        """Return a service's container as it is now."""
        labels = ["com.docker.compose.project=sp1tee", f"com.docker.compose.service={service}"]
        (found,) = self.client.containers.list(all=True, filters={"label": labels})
        return found

    def containers(self) -> list[Container]:
        return self.client.containers.list(all=True)

    def run(self, service: str, program: str, *arguments: str) -> bytes:
        """Run a Python program in a container, which must succeed."""
        command = [PYTHON, "-I", "-c", program, *arguments]
        done = self.container(service).exec_run(command)
        assert done.exit_code == 0, done.output
        output: bytes = done.output
        return output

    def page(self, service: str, url: str) -> bytes:
        """Fetch a page as somebody in a service's container, who has the worker token."""
        return self.run(service, ASK, url)

    def kill(self, service: str) -> None:
        """Kill a container at once, and start it anew."""
        container = self.container(service)
        container.kill("SIGKILL")
        container.wait()
        assert self.state(service)["ExitCode"] == 137
        container.start()

    def state(self, service: str) -> dict[str, Any]:
        state: dict[str, Any] = self.container(service).attrs["State"]
        return state

    @contextmanager
    def without(self, service: str) -> Iterator[None]:
        """Stop a service for as long as the block runs."""
        self.compose("stop", service)
        try:
            yield
        finally:
            self.compose("start", service)

    def await_healthy(self, service: str) -> None:
        since = int(time.time())
        container = self.container(service)
        if container.attrs["State"]["Health"]["Status"] == "healthy":
            return
        command = (
            *("docker", "events", "--since", str(since), "--until", str(since + PATIENCE_S)),
            *("--filter", f"container={container.id}", "--format", "{{.Action}}"),
        )
        with subprocess.Popen(
            command, env=_environment(self.engine), stdout=subprocess.PIPE, text=True
        ) as events:
            assert events.stdout is not None
            seen = any(line.strip() == HEALTHY for line in events.stdout)
            events.kill()
        assert seen, f"{service} does not get healthy\n{self.told()}"

    def told(self) -> str:
        """What all containers said last."""
        return "\n".join(
            f"--- {each.name} ({each.status})\n{each.logs(tail=20).decode(errors='replace')}"
            for each in self.containers()
        )


@contextmanager
def a_project(engine: OwnEngine, *files: Path) -> Iterator[Project]:
    """A compose file that may be brought up; afterwards nothing of it is left."""
    client = docker.DockerClient(engine.url)
    project = Project(engine, files, client)
    try:
        yield project
    finally:
        project.compose("down", "--volumes", "--timeout", "1")
        client.close()


@cache
def _command() -> tuple[str, ...]:
    """Compose, or what came before it."""
    found = next(
        (each for each in (("docker", "compose"), ("docker-compose",)) if _runs(each)), None
    )
    if found is None:
        missing("needs `docker compose`, or docker-compose (apt-get install docker-compose)")
    return found


def _runs(command: tuple[str, ...]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run((*command, "version"), capture_output=True, check=False).returncode == 0


def _environment(engine: OwnEngine) -> dict[str, str]:
    """This environment, without what would lead elsewhere or fill in a variable of a file."""
    ours = (
        "DOCKER_HOST",
        "DOCKER_CONTEXT",
        "COMPOSE_",
        "NATIVE",
        "PROVER",
        "CLOUDFLARE_",
        "SP1TEE_",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "DOCKER_HOST": engine.url}
