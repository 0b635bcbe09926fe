"""What the auditor's commands cost: a whole process each, beside processes that do less.

Hostile input is compared with the same command on honest input: what is over that is its cost.
"""

import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from bench.lab import MIB, Lab, Row, median
from sp1tee.sim.ingress import Host, build, reader
from sp1tee.sim.ingress.saved import save
from sp1tee.verify.evidence import save_bundle

AT = 1_790_000_000
COMMANDS = ("all", "cert", "quote", "rtmr3", "caa", "digests", "proof")
GIGANTIC = 100_000_000
SP1TEE = (sys.executable, "-m", "sp1tee")
VERDICTS = (0, 1, 3, 4)
METER = """
import os, sys, time
null = os.open(os.devnull, os.O_RDWR)
silent = [(os.POSIX_SPAWN_DUP2, null, number) for number in (0, 1, 2)]
begin = time.perf_counter()
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=silent)
_, status, usage = os.wait4(child, 0)
took = time.perf_counter() - begin
cpu = usage.ru_utime + usage.ru_stime
print(took, cpu, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status))
"""
"""A process's peak counts what its parent had when it was started: this one has next to nothing."""

NO_KEY = "00" * 32
SMALL_LOG = 20_000


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians over a few runs of one command."""

    seconds: float
    cpu: float
    mib: float


def run(lab: Lab) -> list[Row]:
    rounds = 3 if lab.quick else 9
    _host(lab.folder)
    return [*_whole(lab.folder, rounds), *_help(lab.folder, rounds), *_hostile(lab.folder, rounds)]


def _host(folder: Path) -> None:
    """A host's evidence, saved, and what its auditor has."""
    host = Host(at=AT, seed=b"bench")
    served = build(host)
    for name, content in reader.files(host).items():
        (folder / name).write_bytes(content)
    save_bundle(save(served), folder / "evidence.tar")
    for name, reply in served.evidence.items():
        (folder / name).write_bytes(reply.body)


def _whole(folder: Path, rounds: int) -> Iterator[Row]:
    flags = ("--policy", "policy.toml", "--at", str(AT))
    names = {
        "all": (*SP1TEE, "verify", "all", "evidence.tar", *flags),
        "nothing": (sys.executable, "-c", "pass"),
        "x509": (sys.executable, "-c", "import cryptography.x509"),
    }
    if shutil.which("openssl"):
        names["openssl"] = ("openssl", "x509", "-in", "ca.pem", "-noout", "-text")
    costs = _in_turns(folder, names, rounds)
    whole = costs["all"]
    yield Row(
        "`verify all` on a saved bundle, whole process",
        f"{_ms(whole)} ({whole.cpu * 1000:.0f} ms CPU), {whole.mib:.0f} MiB; "
        f"{_times(whole, costs['x509'])} a Python that can read a certificate",
        "≤ 600 ms",
        whole.seconds <= 0.6,
        "; ".join(f"{LABELS[name]}: {_ms(costs[name])}" for name in costs if name != "all"),
    )


LABELS = {
    "nothing": "python -c pass",
    "x509": "import cryptography.x509",
    "openssl": "openssl x509 -text",
    "typer": "import typer and its help",
}


def _help(folder: Path, rounds: int) -> Iterator[Row]:
    names = {
        "help": (*SP1TEE, "--help"),
        "nothing": (sys.executable, "-c", "pass"),
        "typer": (sys.executable, "-c", "import typer, typer.rich_utils"),
        **{name: (*SP1TEE, "verify", name, "--help") for name in COMMANDS},
    }
    costs = _in_turns(folder, names, rounds)
    peers = (
        f"{LABELS['nothing']}: {_ms(costs['nothing'])}; {LABELS['typer']}: {_ms(costs['typer'])}"
    )
    top = costs["help"]
    yield Row(
        "`sp1tee --help`",
        f"{_ms(top)}: {_times(top, costs['typer'])} Typer alone",
        "≤ 200 ms",
        top.seconds <= 0.2,
        peers,
    )
    slowest = max(COMMANDS, key=lambda name: costs[name].seconds)
    cost = costs[slowest]
    yield Row(
        f"`sp1tee verify COMMAND --help`, the slowest of {len(COMMANDS)} ({slowest})",
        f"{_ms(cost)}: {_times(cost, costs['typer'])} Typer alone, which then loads pydantic",
        "≤ 200 ms",
        cost.seconds <= 0.2,
        peers,
    )


def _hostile(folder: Path, rounds: int) -> Iterator[Row]:
    """Each case in turns with the same command on honest input."""
    _write_hostile(folder)
    for title, honest, hostile in _cases():
        names = {"honest": (*SP1TEE, "verify", *honest), "hostile": (*SP1TEE, "verify", *hostile)}
        costs = _in_turns(folder, names, max(rounds // 3, 1))
        seconds = costs["hostile"].seconds - costs["honest"].seconds
        mib = costs["hostile"].mib - costs["honest"].mib
        yield Row(
            f"hostile: {title}",
            f"{seconds * 1000:+.0f} ms, {mib:+.0f} MiB",
            "≤ +1 s, ≤ +50 MB",
            seconds <= 1 and mib * MIB <= 50e6,
            f"honest input: {_ms(costs['honest'])}, {costs['honest'].mib:.0f} MiB",
        )


def _cases() -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    log = ("rtmr3", "--trust-quote", "--quote", "quote.json")
    compose = ("digests", "docker-compose.yml", "--offline")
    yield "a log of 20 KB", log, (*log, "--event-log", "log")
    yield "a docker-compose file of 20 KB", compose, ("digests", "compose", "--offline")
    for title, honest, hostile in (
        ("quote", ("quote", "quote.json", "--offline"), ("quote", "gigantic", "--offline")),
        ("collateral", ("quote", "quote.json", "--offline"),
         ("quote", "quote.json", "--collateral", "gigantic")),
        ("log", log, (*log, "--event-log", "gigantic")),
        ("app-compose", log, (*log, "--app-compose", "gigantic")),
        ("docker-compose file", compose, ("digests", "gigantic", "--offline")),
        ("build", compose, (*compose, "--built", "server=gigantic")),
        ("bundle", ("all", "evidence.tar"), ("all", "gigantic")),
        ("proof", ("proof", "quote.json", "--vkey", NO_KEY),
         ("proof", "gigantic", "--vkey", NO_KEY)),
    ):  # fmt: skip
        yield f"100 MB as {title}", honest, hostile
    yield (
        "a proof of 16 MiB whose public values are lengths",
        ("proof", "quote.json", "--vkey", NO_KEY),
        ("proof", "proof", "--vkey", NO_KEY),
    )


def _write_hostile(folder: Path) -> None:
    with (folder / "gigantic").open("wb") as file:
        file.truncate(GIGANTIC)
    entry = b'{"imr":3,"event_type":134217729,"digest":"","event":"app-id","event_payload":""},'
    (folder / "log").write_bytes(b"[" + (entry * (SMALL_LOG // len(entry)))[:-1] + b"]")
    (folder / "compose").write_bytes(
        b"services:\n s:\n  image: x\n  command: '" + b"${A:-" * 2800 + b"}" * 2800 + b"'\n"
    )
    (folder / "proof").write_bytes(_forged_proof())


def _forged_proof() -> bytes:
    """A Core proof in which a length that would fit stands in every eighth byte."""
    tail = struct.pack("<Q6s", 6, b"v6.1.0")
    values = bytearray((1 << 24) - len(tail) - 16)
    for at in range(len(values) - 16, 0, -8):
        values[at : at + 8] = struct.pack("<Q", len(values) - at - 8)
    return struct.pack("<IB", 0, 1) + bytes(values) + tail


def _in_turns(folder: Path, commands: dict[str, Sequence[str]], rounds: int) -> dict[str, Cost]:
    """What else the machine does hits all alike; the first round fills caches and is left out."""
    taken: dict[str, list[Cost]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            cost = _once(folder, command)
            if turn:
                taken[name].append(cost)
    return {
        name: Cost(*map(median, zip(*map(astuple, costs), strict=True)))
        for name, costs in taken.items()
    }


def _once(folder: Path, command: Sequence[str]) -> Cost:
    meter = (sys.executable, "-S", "-c", METER, *command)
    done = subprocess.run(meter, cwd=folder, capture_output=True, text=True, check=True)
    seconds, cpu, mib, code = done.stdout.split()
    if int(code) not in VERDICTS:
        raise SystemExit(f"{' '.join(command)} ended with {code}")
    return Cost(float(seconds), float(cpu), float(mib))


def _ms(cost: Cost) -> str:
    return f"{cost.seconds * 1000:.0f} ms"


def _times(cost: Cost, peer: Cost) -> str:
    return f"{cost.seconds / peer.seconds:.1f}×"
