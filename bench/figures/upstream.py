"""Status polls through an upstream network that is 20 ms away over TLS."""

from pathlib import Path
from urllib.parse import urlsplit

import trustme

from bench.lab import Lab, Row, delayed, median
from bench.requester import STATUS, Requester
from sp1tee.sim.processes import LocalService, Process
from sp1tee.wire.hexes import to_hex
from sp1tee.wire.signing import Signer

FULFILLER = "11" * 32


def run(lab: Lab) -> list[Row]:
    certificates = _certificates(lab.folder)
    with LocalService(lab.folder / "service") as service:
        network = service.network(
            *("--fulfiller", to_hex(Signer.from_hex(FULFILLER).address)),
            *("--tls-cert", str(certificates / "server.pem")),
            *("--tls-key", str(certificates / "server.key")),
        )
        with delayed(urlsplit(network.public_url).netloc, 20) as far:
            server = _serve(lab, service, far, str(network.facts["artifacts"]), certificates)
            return _polls(lab, server, Requester(server.public_url, str(certificates / "ca.pem")))


def _certificates(folder: Path) -> Path:
    """A throw-away authority and a certificate for loopback."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued.private_key_pem.write_to_path(str(folder / "server.key"))
    for n, pem in enumerate(issued.cert_chain_pems):
        pem.write_to_path(str(folder / "server.pem"), append=n > 0)
    return folder


def _serve(
    lab: Lab, service: LocalService, far: str, artifacts: str, certificates: Path
) -> Process:
    key = lab.folder / "fulfiller.key"
    key.touch(mode=0o600)
    key.write_text(FULFILLER)
    key.chmod(0o600)
    return service.serve(
        *("--network", "upstream", "--upstream-url", f"https://{far}"),
        *("--upstream-ca-file", str(certificates / "ca.pem")),
        *("--fulfiller-key-file", str(key)),
        *("--program-sources", f"s3://,{artifacts}/"),
    )


def _polls(lab: Lab, server: Process, requester: Requester) -> list[Row]:
    requester.register()
    request_id = requester.request()
    frames = lab.frames("status", [requester.status_message(request_id)])
    pid = ("--pid", f"server={server.popen.pid}", "--seconds", str(lab.seconds(4)))
    one = [lab.load(server.public_url, STATUS, frames, *pid) for _ in range(lab.rounds(3))]
    many = [
        lab.load(server.public_url, STATUS, frames, "--clients", "16", *pid)
        for _ in range(lab.rounds(3))
    ]
    for done in (*one, *many):
        assert not done["errors"], done["errors"]
    p50 = median([r["p50_ms"] for r in one])
    worst = median([r["max_ms"] for r in one])
    rate = median([r["per_second"] for r in many])
    cpu = median([r["cpu_us_per_call"]["server"] for r in many]) / 1000
    return [
        Row(
            "status poll through upstream, 20 ms away over TLS: p50",
            f"{p50:.2f} ms (the slowest, which went upstream: {worst:.1f} ms)",
            "≤ 24 ms",
            p50 <= 24,
            "the original: 67 ms",
        ),
        Row(
            "TLS upstream, 16 clients",
            f"{rate:,.0f} polls/s, {cpu:.3f} ms CPU each",
            "≥ 4,000/s; ≤ 0.3 ms",
            rate >= 4000 and cpu <= 0.3,
            "the original: 168/s; 10.7 ms",
        ),
    ]
