"""A requester who checks the server before the input leaves: a real server behind a whole host.

The host is synthetic (`sp1tee.sim.ingress`); its server, its TLS and the evidence that comes over
it are real. Its name leads there through a proxy, as no resolver of this machine knows it.
"""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from support.balancer import Balancer, balancing
from support.connect_proxy import ConnectProxy, connect_proxy
from support.people import Task, solvency, sp1tee

from sp1tee.sim.ingress import ATTACKS, Host, Served, SimIngress, attacked, build, reader, saved
from sp1tee.sim.ingress.building import issue
from sp1tee.sim.ingress.running import presenting
from sp1tee.sim.pki.certificates import Certified
from sp1tee.sim.processes import LocalService, Process
from sp1tee.verify.evidence import save_bundle

pytestmark = pytest.mark.e2e

EXIT = {"fail": 1, "unevaluable": 3, "refused": 4}


@dataclass(frozen=True)
class Scene:
    """A host, and somebody who relies on its evidence and wants something proved there."""

    folder: Path
    key: Path
    task: Task
    host: Host
    server: Process
    data: Path
    front: Balancer
    proxy: ConnectProxy

    @property
    def out(self) -> Path:
        return self.folder / "proof.bin"

    @property
    def policy(self) -> Path:
        return self.folder / "reader" / reader.POLICY

    def kept(self, served: Served) -> Path:
        """Evidence that was saved before."""
        path = self.folder / "evidence.tar"
        save_bundle(saved.save(served), path)
        return path

    def prove(self, *flags: str, url: str = "") -> subprocess.CompletedProcess[str]:
        """`sp1tee prove` to the host's name, where the proxy leads."""
        # gRPC reads the small letters, others the large ones.
        proxies = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), self.proxy.url)
        return sp1tee(
            *("prove", *self.task.flags, "--key-file", str(self.key), "-o", str(self.out)),
            *("--server", url or f"https://{self.host.name}", "--retry-for", "10s"),
            *("--ca-file", str(self.policy.with_name("ca.pem")), *flags),
            **proxies,
            NO_PROXY="",
            no_proxy="",
        )

    def stored(self) -> list[str]:
        """What lies in the server's vault."""
        return [path.name for path in (self.data / "blobs").rglob("*") if path.is_file()]


def tls(certified: Certified) -> AbstractContextManager[Balancer]:
    """What ends TLS for the server, at both of the host's addresses."""
    return balancing(presenting(certified, ("h2", "http/1.1")), ("127.0.0.1", "127.0.0.2"))


@pytest.fixture
def scene(service: LocalService, folder: Path, key: Path, watched: list[bytes]) -> Iterator[Scene]:
    host = Host(at=int(time.time()), seed=os.urandom(16))
    files = {name: reply.body for name, reply in build(host).evidence.items()}
    evidence = written(folder / "evidences", files)
    written(folder / "reader", reader.files(host))
    server = service.serve(
        *("--public-url", f"https://{host.name}", "--evidences-dir", str(evidence), "--allow-mock")
    )
    service.wait_for(service.fulfill(server), server)
    task = solvency(folder)
    watched.extend(task.secret)
    with connect_proxy() as proxy, tls(issue(host)) as front:
        front.spread(server.public_url)
        proxy.to = front.url
        yield Scene(folder, key, task, host, server, service.folder / server.name, front, proxy)


def written(folder: Path, files: Mapping[str, bytes]) -> Path:
    folder.mkdir()
    for name, body in files.items():
        (folder / name).write_bytes(body)
    return folder


@pytest.mark.anyio
async def test_a_server_that_passes_gets_the_input(scene: Scene) -> None:
    async with SimIngress(build(scene.host)) as around:
        asked = [
            *(f"--resolver={each}" for each in around.resolvers),
            *(f"--connect={each}:{scene.front.port}" for each in scene.host.addresses),
            *(f"--registry={name}={url}" for name, url in around.registries.items()),
            f"--info={around.info_url}",
            f"--pccs={around.pccs_url}",
        ]
        done = await anyio.to_thread.run_sync(
            lambda: scene.prove("--policy", str(scene.policy), "--format", "json", *asked)
        )
    assert done.returncode == 0, done.stderr
    assert f"{scene.host.name} is what the policy demands" in done.stderr
    assert json.loads(done.stdout)["public_values"] == scene.task.public_values.hex()
    assert scene.out.exists()


def test_saved_evidence_will_do(scene: Scene) -> None:
    kept = scene.kept(build(scene.host))
    done = scene.prove("--policy", str(scene.policy), "--evidence", str(kept))
    assert done.returncode == 0, done.stderr
    assert len(scene.stored()) > 1


@pytest.mark.parametrize("attack", ["another-application", "relay", "dev-image", "caa-none"])
def test_a_server_that_does_not_pass_hears_nothing(scene: Scene, attack: str) -> None:
    kept = scene.kept(build(attacked(scene.host, [attack])))
    done = scene.prove("--policy", str(scene.policy), "--evidence", str(kept))
    assert done.returncode in EXIT.values()
    assert done.stdout == ""
    assert any(rule in done.stderr for rule in ATTACKS[attack].expects), done.stderr
    assert "Nothing was sent" in done.stderr
    assert scene.proxy.asked == []
    assert not scene.out.exists()


def test_somebody_with_another_certificate_of_the_name_gets_no_upload(scene: Scene) -> None:
    kept = scene.kept(build(scene.host))
    with tls(issue(scene.host, key="another")) as impostor:
        impostor.spread(scene.server.public_url)
        scene.proxy.to = impostor.url
        done = scene.prove("--policy", str(scene.policy), "--evidence", str(kept))
        assert impostor.connections
    assert done.returncode == 1
    assert "SP1TEE-P016" in done.stderr
    assert scene.stored() == ["vault-id"]


def test_what_cannot_be_checked_is_said_before_anything_is_asked(scene: Scene) -> None:
    kept = str(scene.kept(build(scene.host)))
    policy = ("--policy", str(scene.policy))
    for flags, url, told in (
        (policy, scene.server.public_url, "without TLS cannot be checked"),
        (("--evidence", kept), "", "Evidence alone demands nothing"),
        ((*policy, "--evidence", kept), "https://other.example.test", "The evidence is about"),
        ((*policy, "--evidence", kept, "--pccs", "http://127.0.0.1:1"), "", "nobody is asked"),
        (("--pccs", "http://127.0.0.1:1"), "", "nobody is asked"),
    ):
        done = scene.prove(*flags, url=url)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert told in done.stderr
    assert scene.proxy.asked == []
