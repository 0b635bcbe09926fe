"""A Docker engine of a test's own, in namespaces of its own.

It has its own processes, mounts and network: no port, no rule of a firewall and no container of it
meets any other of this machine, and nothing in it reaches beyond loopback and its own bridges.
When the namespaces end, everything in them does.
"""

import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

import pytest

INIT = Path(__file__).with_name("compose_init.py")
START_S = 90.0
STOP_S = 60.0
CGROUPS = Path("/sys/fs/cgroup")
WITHOUT_NETWORKS = ("--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false")
# <linux/sched.h>
CLONE_NEWNET = 0x40000000


def missing(what: str) -> NoReturn:
    """Skip; but fail where images were built to be tested, for then this must be tested as well."""
    if "SP1TEE_IMAGES" in os.environ:
        pytest.fail(f"{what} (and SP1TEE_IMAGES is set: nothing is skipped)")
    pytest.skip(what)


@dataclass(frozen=True)
class OwnEngine:
    """A running engine.

    Attributes:
        folder: of all that it keeps; in there `data` is what Docker calls its data root.
        pid: a process that stands in its network.
    """

    folder: Path
    pid: int

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/d.sock"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def entered(self) -> AbstractContextManager[None]:
        """Stand in its network: what this thread opens and starts in the meantime is in there."""
        return in_network_of(self.pid)


@contextmanager
def in_network_of(pid: int) -> Iterator[None]:
    """Have this thread stand in the network of another process."""
    with Path("/proc/thread-self/ns/net").open() as outside:
        with Path(f"/proc/{pid}/ns/net").open() as inside:
            _enter_network(inside)
        try:
            yield
        finally:
            _enter_network(outside)


@contextmanager
def own_engine(*, networks: bool = True) -> Iterator[OwnEngine]:
    """Run an engine; skips, or fails, where that is not possible."""
    programs = ("dockerd", "unshare", "mount", *(("iptables",) if networks else ()))
    if os.geteuid() != 0 or not all(map(shutil.which, programs)):
        missing(f"needs a Docker engine: {', '.join(programs)}, and root for them")
    with tempfile.TemporaryDirectory(prefix="e", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        cgroup = f"sp1tee-{folder.name}"
        options = (f"--cgroup-parent=/{cgroup}", *(() if networks else WITHOUT_NETWORKS))
        process = _start(folder, options)
        try:
            yield _ready(OwnEngine(folder, process.pid))
        finally:
            _stop(process)
            _remove_cgroups(cgroup)


def _start(folder: Path, options: Sequence[str]) -> "subprocess.Popen[bytes]":
    # Not that of the machine's own engine.
    config = folder / "daemon.json"
    config.write_text("{}")
    with socket.socket(socket.AF_UNIX) as listening, (folder / "log").open("wb") as log:
        listening.bind(f"{folder}/d.sock")
        listening.listen(64)
        return subprocess.Popen(
            [
                *("unshare", "--fork", "--kill-child", "--pid", "--mount-proc", "--mount", "--net"),
                *(sys.executable, "-I", str(INIT), str(listening.fileno())),
                *("dockerd", "--host=fd://", f"--config-file={config}"),
                *(f"--data-root={folder}/data", f"--exec-root={folder}/run"),
                f"--pidfile={folder}/pid",
                *("--exec-opt=native.cgroupdriver=cgroupfs", "--ip6tables=false", *options),
            ],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            pass_fds=(listening.fileno(),),
        )


def _ready(engine: OwnEngine) -> OwnEngine:
    """Ask it whether it is there: it answers when it is, and hangs up if it fails to start."""
    answer = b""
    with socket.socket(socket.AF_UNIX) as asking, contextlib.suppress(OSError):
        asking.settimeout(START_S)
        asking.connect(f"{engine.folder}/d.sock")
        asking.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        answer = asking.recv(64)
    if b" 200 " not in answer:
        missing(f"dockerd does not start here:\n{engine.log[-2000:]}")
    return engine


def _stop(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _remove_cgroups(name: str) -> None:
    for top in (CGROUPS / name, *CGROUPS.glob(f"*/{name}")):
        for folder, _, _ in os.walk(top, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()


def _enter_network(namespace: IO[str]) -> None:
    # Python has os.setns() since 3.12.
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns failed")
