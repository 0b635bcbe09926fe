"""What other clients keep of their rate while one process attacks the public listener.

The attacker has an address of its own, as without an ingress, or comes from the same one as
everybody, as behind an ingress: one that tells nobody whom it speaks for, or one whose connections
the server tells apart. It takes CPU of this machine for itself: the same attacker beside another,
idle server shows how much of the loss that is.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from bench.lab import BENCH, Lab, Row, median, peak_mib, reset_peak, resident_mib
from bench.requester import REQUEST, STATUS, Requester
from sp1tee.sim.processes import LocalService, Process
from sp1tee.wire.pb import artifact_pb2, types_pb2

KEPT = 0.8
GROWTH_MIB = 64
FLAGS = ("--max-open-requests", "1000000", "--trusted-peers", "127.0.0.1")
FAST = ("--clients", "4")
"""Others that ask as fast as they are answered."""
STEADY = ("--clients", "40", "--every", "0.05")
"""Others that stay within their limits."""
FLOODS = (
    "rapid-reset",
    "continuation",
    "ping",
    "settings",
    "empty-data",
    "window-update",
    "priority",
)
DRIP = b"GET / HTTP/1.1\r\nhost: x\r\nx: ".hex(), b"a".hex()
SETTLE_S = 3.0
"""Long enough for what looks once a second to have looked."""


@dataclass(frozen=True)
class Way:
    """Where the attacker comes from.

    Attributes:
        whence: in words.
        source: its address.
        flags: of the server.
        others: what the others do, as flags of the load generator.
    """

    whence: str
    source: str
    flags: tuple[str, ...]
    others: tuple[str, ...]


WAYS = (
    Way("from an address of its own", "127.0.0.2", (), FAST),
    Way("through the ingress", "127.0.0.1", (), FAST),
    Way(
        "through the ingress, connections told apart",
        "127.0.0.1",
        ("--told-apart", "connection"),
        STEADY,
    ),
)


@dataclass(frozen=True)
class Scene:
    """A server under attack, another one that nobody asks for anything, and honest polls."""

    lab: Lab
    way: Way
    server: Process
    idle: Process
    frames: object

    def rate(self) -> float:
        flags = (*self.way.others, "--seconds", str(self.lab.seconds(6)))
        done = self.lab.load(self.server.public_url, STATUS, self.frames, *flags)
        assert not done["errors"], done["errors"]
        return done["per_second"]

    def under(self, attack: tuple[str, ...], target: Process) -> float:
        with attacker(target.public_url, attack, self.way.source):
            time.sleep(SETTLE_S)
            return self.rate()


def run(lab: Lab) -> Iterator[Row]:
    for number, way in enumerate(WAYS):
        with LocalService(lab.folder / f"service{number}") as service:
            server = service.serve(*FLAGS, *way.flags)
            idle = service.serve(*FLAGS, *way.flags, name="idle")
            requester = Requester(server.public_url)
            requester.register()
            request_id = requester.request()
            frames = lab.frames("status", [requester.status_message(request_id)])
            scene = Scene(lab, way, server, idle, frames)
            for name, attack in attacks(requester).items():
                lab.say(f"attackers: {name}, {way.whence}")
                yield _row(scene, name, attack)


def attacks(requester: Requester) -> dict[str, tuple[str, ...]]:
    """What one process does; the command line of `support.attacks`."""
    (envelope,) = requester.envelopes(1)
    requester.network.RequestProof(envelope)
    forged = types_pb2.SignedRequest(
        format=envelope.format, signature=envelope.signature[:-3] + b"\1\2\0", body=envelope.body
    )
    place = artifact_pb2.CreateArtifactRequest(
        signature=requester.signer.sign_create_artifact(), artifact_type=artifact_pb2.STDIN
    )
    return {
        **{f"{name} flood": ("flood", name) for name in FLOODS},
        "1,500 connections that drip heads": ("hoard", "1500", *DRIP),
        "replayed requests": ("hurry", REQUEST, envelope.SerializeToString().hex()),
        "forged requests": ("hurry", REQUEST, forged.SerializeToString().hex()),
        "upload places": (
            "hurry",
            "/artifact.ArtifactStore/CreateArtifact",
            place.SerializeToString().hex(),
        ),
        "health checks": ("hurry", "/grpc.health.v1.Health/Check", ""),
        "reflection": (
            "hurry",
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            "3a00",
        ),
    }


def _row(scene: Scene, name: str, attack: tuple[str, ...]) -> Row:
    """Alternating rounds, so that what else the machine does hits all three alike."""
    pid = scene.server.popen.pid
    memory = resident_mib(pid)
    reset_peak(pid)
    before, beside, during = [], [], []
    for _ in range(scene.lab.rounds(3)):
        before.append(scene.rate())
        beside.append(scene.under(attack, scene.idle))
        during.append(scene.under(attack, scene.server))
    kept = median([a / b for a, b in zip(during, before, strict=True)])
    growth = peak_mib(pid) - memory
    return Row(
        f"{name}, {scene.way.whence}",
        f"{median(before):,.0f} → {median(during):,.0f}/s: {kept:.0%}; +{growth:.0f} MiB",
        f"≥ {KEPT:.0%}; ≤ +{GROWTH_MIB} MiB",
        kept >= KEPT and growth <= GROWTH_MIB,
        f"the same attack on another server: {median(beside):,.0f}/s",
        {"before": before, "beside": beside, "during": during, "growth_mib": growth},
    )


@contextmanager
def attacker(url: str, attack: tuple[str, ...], source: str) -> Iterator[None]:
    kind, *more = attack
    where = urlsplit(url)
    command = [sys.executable, "-m", "support.attacks", kind, where.hostname, str(where.port)]
    tests = str(BENCH.parent / "tests")
    process = subprocess.Popen(
        [*command, source, *more], env={**os.environ, "PYTHONPATH": tests}, cwd=BENCH.parent
    )
    try:
        yield
        assert process.poll() is None, "the attacker gave up"
    finally:
        process.kill()
        process.wait()
