"""Disks that are full, read-only, or hold half of what was being written."""

import contextlib
import random
import socket
import time
from typing import Final
from urllib.parse import urlsplit

from chaos.faults.kind import Kind, Need, on_the_ground
from chaos.lab import Lab, NeverHappened, until
from sp1tee.client.endpoint import Endpoint
from sp1tee.client.rpc import ArtifactKind, Calls, Place
from sp1tee.errors import Unreachable
from sp1tee.wire.signing import Signer

_ANNOUNCED: Final = 1 << 22
_SENT: Final = (1 << 21) + 4321


def _full(lab: Lab, rng: random.Random) -> str:
    seconds = rng.uniform(0.3, 1.5)
    with lab.disk.full():
        time.sleep(seconds)
    return f"for {seconds:.1f} s"


def _full_at_start(lab: Lab, _: random.Random) -> str:
    """Let the server come back onto a full disk; it may start or say why not."""
    with lab.server.hands:
        lab.server.kill()
        with lab.disk.full():
            started = _try_to_start(lab)
        lab.server.up()
    return f"it {started}"


def _vault_read_only(lab: Lab, rng: random.Random) -> str:
    seconds = rng.uniform(0.3, 1.5)
    with lab.disk.read_only("blobs"):
        time.sleep(seconds)
    return f"for {seconds:.1f} s"


def _read_only_at_start(lab: Lab, _: random.Random) -> str:
    with lab.server.hands:
        lab.server.kill()
        with lab.disk.read_only():
            started = _try_to_start(lab)
        lab.server.kill()
        lab.server.up()
    return f"it {started}"


def _blob_half_written(lab: Lab, rng: random.Random) -> str:
    """Kill the server in the middle of an upload; its half goes at the next start."""
    with lab.server.hands:
        # Another fault may have ended it a moment ago.
        lab.server.up()
        incoming = lab.data / "blobs" / "incoming"
        with _upload(lab, rng):
            until(lambda: any(p.stat().st_size for p in incoming.iterdir()), "half a blob on disk")
            lab.server.kill()
        halves = {path.name for path in incoming.iterdir()}
        lab.server.up()
        until(lambda: halves.isdisjoint(p.name for p in incoming.iterdir()), "halves removed")
    return f"{len(halves)} half blobs"


def _try_to_start(lab: Lab) -> str:
    try:
        lab.server.up(0)
    except NeverHappened as refused:
        return f"refused: {refused}"
    return "started"


def _upload(lab: Lab, rng: random.Random) -> socket.socket:
    """Begin to upload, and stop in the middle."""
    place = _place(lab, Signer.from_bytes(rng.randbytes(32)))
    url = urlsplit(place.upload_url)
    connected = socket.create_connection((url.hostname or "", url.port or 0))
    head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nhost: {url.netloc}\r\n"
    connected.sendall(f"{head}content-length: {_ANNOUNCED}\r\n\r\n".encode() + bytes(_SENT))
    return connected


_MOUNTS: Final = frozenset({Need.MOUNTS})


def _place(lab: Lab, signer: Signer) -> Place:
    """Ask for a place to upload to; gRPC may take a server for away that has come back."""
    places: list[Place] = []

    def asked() -> bool:
        calls = Calls(Endpoint.parse(lab.public_url))
        with contextlib.closing(calls), contextlib.suppress(Unreachable):
            places.append(calls.create_artifact(signer, ArtifactKind.STDIN))
        return bool(places)

    until(asked, "a place to upload to")
    return places[0]


KINDS: Final = (
    Kind("disk-full", on_the_ground(_full), _MOUNTS),
    Kind("disk-full-at-start", on_the_ground(_full_at_start), _MOUNTS),
    Kind("vault-read-only", on_the_ground(_vault_read_only), _MOUNTS),
    Kind("disk-read-only-at-start", on_the_ground(_read_only_at_start), _MOUNTS),
    Kind("blob-half-written", on_the_ground(_blob_half_written)),
)
