"""What an idle service costs, and how long it takes to be there."""

import time

from bench.lab import Lab, Row, cpu_seconds, tree_mib
from sp1tee.sim.processes import LocalService, Process


def run(lab: Lab) -> list[Row]:
    seconds = lab.seconds(15)
    with LocalService(lab.folder / "service") as service:
        begin = time.perf_counter()
        server = service.serve("--allow-mock")
        healthy = time.perf_counter() - begin
        fulfiller = service.fulfill(server, "--prover", "mock")
        time.sleep(3)
        before = [cpu_seconds(p.popen.pid) for p in (server, fulfiller)]
        time.sleep(seconds)
        after = [cpu_seconds(p.popen.pid) for p in (server, fulfiller)]
        rows = [
            _idle(name, process, (b - a) / seconds * 100)
            for name, process, a, b in zip(
                ("serve", "fulfill"), (server, fulfiller), before, after, strict=True
            )
        ]
    start = Row("start to healthy", f"{healthy * 1000:.0f} ms", "≤ 1 s", healthy <= 1)
    return [*rows, start]


def _idle(name: str, process: Process, percent: float) -> Row:
    resident = tree_mib(process.popen.pid)
    return Row(
        f"idle {name}",
        f"{percent:.2f} % CPU, {resident:.0f} MiB with its children",
        "< 1 % CPU, < 120 MiB",
        percent < 1 and resident < 120,
        "the original: 23 MiB" if name == "serve" else "",
    )
