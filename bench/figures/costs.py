"""What a proof takes of everything but its prover: a server's processor, database and vault."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import requests

from bench.database import postgres
from bench.figures.replicas import settled_requests
from bench.lab import Lab, Row, cpu_seconds
from bench.requester import Requester
from sp1tee.sim.processes import LocalService

COUNT = 300
KIB = 1 << 10


def run(lab: Lab) -> Iterator[Row]:
    for database, running in (("SQLite", nullcontext()), ("PostgreSQL", postgres())):
        with running as url:
            yield _row(lab, database, url)


def _row(lab: Lab, database: str, url: str | None) -> Row:
    """Mock proofs, each with an input of its own, a worker that makes them, and their download."""
    count = COUNT // 3 if lab.quick else COUNT
    folder = lab.folder / database
    with LocalService(folder) as service:
        server = service.serve("--allow-mock", *_told(folder, url))
        pids = [server.popen.pid, *([_postmaster(url)] if url else [])]
        data = folder / server.name
        service.fulfill(server)
        requester = Requester(server.public_url)
        requester.register()
        _prove(requester, server, data, 10)
        before, small = [cpu_seconds(pid) for pid in pids], _sizes(data, url)
        lab.say(f"costs: {count} proofs, {database}")
        _prove(requester, server, data, count)
        used = [cpu_seconds(pid) - was for pid, was in zip(pids, before, strict=True)]
        grown = [now - was for now, was in zip(_sizes(data, url), small, strict=True)]
    each = [seconds / count * 1000 for seconds in used]
    rows, blobs = (size / count / KIB for size in grown)
    return Row(
        f"a proof from upload to download, {database}",
        f"{each[0]:.1f} ms of the server's CPU"
        + (f", {each[1]:.1f} ms of the database's" if url else "")
        + f"; {rows:.1f} KiB in the database, {blobs:.1f} KiB in the vault",
        numbers={"cpu_ms": each, "grown": grown},
    )


def _prove(requester: Requester, server, data: Path, count: int) -> None:
    """Have so many more proofs made, and fetch them."""
    token = data / "worker.token"
    done = settled_requests(token, server, 0)
    ids = [requester.request() for _ in range(count)]
    settled_requests(token, server, done + count)
    for request_id in ids:
        requests.get(requester.status(request_id).proof_uri, timeout=60).raise_for_status()


def _told(folder: Path, url: str | None) -> tuple[str, ...]:
    if url is None:
        return ()
    folder.mkdir(parents=True)
    told = folder / "database.url"
    told.touch(mode=0o600)
    told.write_text(url)
    return ("--database-url-file", str(told))


def _postmaster(url: str) -> int:
    """The database's first process, which has all others below it."""
    return int((_home(url) / "postmaster.pid").read_text().split()[0])


def _home(url: str) -> Path:
    return Path(parse_qs(urlsplit(url).query)["host"][0]) / "data"


def _sizes(data: Path, url: str | None) -> tuple[int, int]:
    """Bytes of the database and of the vault, as the disk has them."""
    where = _home(url) / "base" if url else data
    rows = where.rglob("*") if url else data.glob("store.db*")
    return _bytes(rows), _bytes((data / "blobs").rglob("*"))


def _bytes(paths: Iterator[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())
