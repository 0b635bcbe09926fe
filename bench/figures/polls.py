"""Status polls, stand-alone: against a bare `grpc.aio` server with the same message size."""

from bench.lab import Lab, Row, median, python_process
from bench.requester import STATUS, Requester
from sp1tee.sim.processes import LocalService, Process

CLIENTS = "16"


def run(lab: Lab) -> list[Row]:
    with LocalService(lab.folder / "service") as service:
        server = service.serve("--max-open-requests", "1000000")
        requester = Requester(server.public_url)
        requester.register()
        request_id = requester.request()
        frames = lab.frames("status", [requester.status_message(request_id)])
        size = requester.status(request_id).ByteSize()
        return [_standalone(lab, server, frames, size), _reconnecting(lab, server, frames)]


def _standalone(lab: Lab, server: Process, frames, size: int) -> Row:
    """Alternating rounds, so that what else the machine does hits both alike."""
    ours, echo, cpu = [], [], []
    flags = ("--clients", CLIENTS, "--seconds", str(lab.seconds(4)))
    with python_process("-m", "bench.peers.echo", str(size)) as (_, facts):
        for _ in range(lab.rounds(5)):
            peer = lab.load(f"http://127.0.0.1:{facts['port']}", STATUS, frames, *flags)
            echo.append(peer["per_second"])
            pid = ("--pid", f"server={server.popen.pid}")
            mine = lab.load(server.public_url, STATUS, frames, *flags, *pid)
            ours.append(mine["per_second"])
            cpu.append(mine["cpu_us_per_call"]["server"])
            assert not mine["errors"], mine["errors"]
    ratio = median([a / b for a, b in zip(ours, echo, strict=True)])
    return Row(
        f"status polls stand-alone, {CLIENTS} clients",
        f"{median(ours):,.0f}/s, {median(cpu):.0f} µs CPU each: {ratio:.2f}× the peer",
        "≥ 1.2× grpc.aio echo",
        ratio >= 1.2,
        f"grpc.aio echo, {size} bytes: {median(echo):,.0f}/s",
    )


def _reconnecting(lab: Lab, server: Process, frames) -> Row:
    flags = ("--clients", "1", "--connect", "per-rpc", "--seconds", str(lab.seconds(4)))
    rates = [lab.load(server.public_url, STATUS, frames, *flags) for _ in range(lab.rounds(3))]
    rate = median([r["per_second"] for r in rates])
    return Row(
        "a client that reconnects for each RPC (SDK 5)",
        f"{rate:,.0f}/s, p50 {median([r['p50_ms'] for r in rates]):.2f} ms",
        "≥ 800/s",
        rate >= 800,
        "the original: 80/s",
    )
