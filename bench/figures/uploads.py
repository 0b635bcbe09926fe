"""Uploads: throughput beside nginx, memory, and what distance does to HTTP/2."""

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from bench.lab import MIB, Lab, Row, delayed, median, peak_mib, reset_peak, resident_mib
from bench.peers.nginx import nginx
from bench.requester import Requester
from sp1tee.sim.processes import LocalService, Process
from sp1tee.wire.pb import artifact_pb2

FLAGS = {"h1": ("--http1.1",), "h2c": ("--http2-prior-knowledge",)}


def run(lab: Lab) -> list[Row]:
    size = 256 * MIB if lab.quick else 1024 * MIB
    body = _body(size)
    try:
        with LocalService(lab.folder / "service") as service, nginx(lab.folder / "nginx") as peer:
            server = service.serve("--max-requester-bytes", str(1 << 40))
            requester = Requester(server.public_url)
            rows = [_beside(lab, requester, peer, body, name) for name in FLAGS]
            rows += _memory(lab, server, requester, body)
            return [*rows, _distant(lab, server, requester, body)]
    finally:
        body.unlink()


def _body(size: int) -> Path:
    """Random bytes in shared memory: reading them costs neither disk nor compression."""
    path = Path("/dev/shm") / f"sp1tee-bench-{os.getpid()}"
    block = os.urandom(4 * MIB)
    with path.open("wb") as file:
        for _ in range(size // len(block)):
            file.write(block)
    return path


def _url(requester: Requester, netloc: str | None = None) -> str:
    url = requester.create(artifact_pb2.STDIN).artifact_presigned_url
    return url if netloc is None else urlunsplit(urlsplit(url)._replace(netloc=netloc))


def _put(body: Path, urls: Sequence[str], protocol: str) -> list[float]:
    """Seconds each parallel PUT took."""
    form = "%{http_code} %{time_total}"
    flags = ("-sS", "-o", "/dev/null", "-w", form, "-H", "Expect:", *FLAGS[protocol])
    running = [
        subprocess.Popen(["curl", *flags, "-T", str(body), url], stdout=subprocess.PIPE, text=True)
        for url in urls
    ]
    said = [process.communicate()[0].split() for process in running]
    assert all(status in {"200", "201", "204"} for status, _ in said), said
    return [float(seconds) for _, seconds in said]


def _beside(lab: Lab, requester: Requester, peer, body: Path, protocol: str) -> Row:
    ours, theirs = [], []
    megabytes = body.stat().st_size / 1e6
    for turn in range(lab.rounds(4)):
        if peer is not None:
            target = f"{peer[protocol]}/{turn}"
            theirs.append(megabytes / _put(body, [target], protocol)[0])
            next((lab.folder / "nginx").glob(f"h[12]/{turn}")).unlink()
        ours.append(megabytes / _put(body, [_url(requester)], protocol)[0])
        _drop(lab)
    ratio = median([a / b for a, b in zip(ours, theirs, strict=True)]) if theirs else None
    return Row(
        f"PUT {body.stat().st_size // MIB} MiB, {protocol}",
        f"{median(ours):,.0f} MB/s" + (f": {ratio:.2f}× nginx" if ratio else ""),
        "≥ 0.5× nginx dav",
        None if ratio is None else ratio >= 0.5,
        f"nginx dav: {median(theirs):,.0f} MB/s" if theirs else "nginx is not installed",
    )


def _memory(lab: Lab, server: Process, requester: Requester, body: Path) -> list[Row]:
    pid = server.popen.pid
    rows = []
    for parallel, bar in ((1, 96), (4, 160)):
        before = resident_mib(pid)
        reset_peak(pid)
        _put(body, [_url(requester) for _ in range(parallel)], "h2c")
        _drop(lab)
        time.sleep(2)
        growth, after = peak_mib(pid) - before, resident_mib(pid) - before
        rows.append(
            Row(
                f"server memory, PUTs of {body.stat().st_size // MIB} MiB at once: {parallel}",
                f"grows {growth:.0f} MiB, {after:+.0f} MiB afterwards",
                f"≤ {bar} MiB, back to idle",
                growth <= bar,
                "the original: 1,048 MiB, never released",
            )
        )
    return rows


def _distant(lab: Lab, server: Process, requester: Requester, body: Path) -> Row:
    with delayed(urlsplit(server.public_url).netloc, 100) as far:
        rates = []
        for _ in range(lab.rounds(3)):
            seconds = _put(body, [_url(requester, far)], "h2c")[0]
            rates.append(body.stat().st_size / 1e6 / seconds)
            _drop(lab)
    return Row(
        "h2c PUT at 100 ms round trip",
        f"{median(rates):,.0f} MB/s",
        "≥ 50 MB/s",
        median(rates) >= 50,
        "the original: ~9 MB/s (1 MiB window)",
    )


def _drop(lab: Lab) -> None:
    """Uploads are gigabytes: flush what is dirty now, not into the next measurement."""
    for path in (lab.folder / "service" / "server" / "blobs").rglob("*"):
        if path.is_file() and path.stat().st_size > MIB:
            path.unlink(missing_ok=True)
    os.sync()
