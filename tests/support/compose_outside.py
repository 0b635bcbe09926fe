"""The world beyond an engine's machine, as far as a container's way out is concerned: one listener."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from support.compose_engine import in_network_of, missing

# RFC 5737: nobody's.
MACHINE, WORLD = "198.51.100.1", "198.51.100.2"


@contextmanager
def the_world() -> Iterator[tuple[str, int]]:
    """Join another network to the one that this thread stands in; yields where one listens there."""
    if shutil.which("ip") is None:
        missing("needs ip (apt-get install iproute2)")
    with subprocess.Popen(
        ("unshare", "--net", "cat"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        # What answers is in its network already.
        holder.stdin.write(b"?")
        holder.stdout.read(1)
        _ip(f"link add machine type veth peer name world netns {holder.pid}")
        _bring_up("machine", MACHINE)
        with in_network_of(holder.pid):
            _bring_up("world", WORLD)
            listening = socket.create_server((WORLD, 0))
        with listening:
            yield listening.getsockname()
        holder.stdin.close()


def _bring_up(device: str, address: str) -> None:
    _ip(f"address add {address}/24 dev {device}")
    _ip(f"link set {device} up")


def _ip(words: str) -> None:
    subprocess.run(("ip", *words.split()), check=True)
