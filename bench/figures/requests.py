"""RequestProof: durable before the reply."""

from bench.lab import Lab, Row, median
from bench.requester import REQUEST, Requester
from sp1tee.sim.processes import LocalService

COUNT = 4000


def run(lab: Lab) -> list[Row]:
    runs = []
    count = COUNT // 4 if lab.quick else COUNT
    for turn in range(lab.rounds(3)):
        with LocalService(lab.folder / f"service{turn}") as service:
            server = service.serve("--max-open-requests", "1000000")
            requester = Requester(server.public_url)
            requester.register()
            frames = lab.frames(
                "requests", (e.SerializeToString() for e in requester.envelopes(count))
            )
            pid = ("--pid", f"server={server.popen.pid}")
            done = lab.load(server.public_url, REQUEST, frames, "--once", "--clients", "16", *pid)
            assert not done["errors"], done["errors"]
            assert done["calls"] == count
            runs.append(done)
    rate = median([r["per_second"] for r in runs])
    p99 = median([r["p99_ms"] for r in runs])
    cpu = median([r["cpu_us_per_call"]["server"] for r in runs])
    return [
        Row(
            "RequestProof, 16 clients, durable before the reply",
            f"{rate:,.0f}/s, p99 {p99:.1f} ms, {cpu:.0f} µs CPU each",
            "≥ 1,000/s",
            rate >= 1000,
            "the original: 3,000/s, in RAM only",
        )
    ]
