"""Real proofs on this machine: the prover's start, setup, proofs, and what our path adds to one."""

import time
from collections.abc import Callable, Iterator

from bench.lab import Lab, Row, median
from bench.paths import beside
from bench.proving import Provers, provers
from bench.watch import GB, Watch
from bench.work import Work, fibonacci, solvency
from sp1tee.errors import Sp1teeError
from sp1tee.wire.modes import Mode

SMALL = (fibonacci(1000), solvency())
LONG = fibonacci(715_000)
"""10,018,419 cycles."""

NEEDS_GB = {Mode.CORE: 10, Mode.COMPRESSED: 15}
BUILDING_CPU_S = 5.0
QUIET_S = 2.0
PROOF_LIMIT_S = 3600.0
ROUNDS = 3


def run(lab: Lab) -> Iterator[Row]:
    with provers(lab) as found:
        yield _start(found)
        for work in SMALL:
            yield from _attempt(
                found, f"setup of {work.guest.name}", lambda w=work: _setup(found, w)
            )
        yield from _proofs(found)


def _proofs(found: Provers) -> Iterator[Row]:
    """The short ones first: whatever ends a run, it ends the rest of it."""
    for work in SMALL:
        yield from _prove(found, work, Mode.CORE)
    if found.lab.quick:
        found.lab.say("quick: no comparison of paths, no compressed proofs, no long one")
        return
    socket = found.prover.server.socket
    yield from _attempt(found, "our path", lambda: beside(found.lab, SMALL[0], socket, ROUNDS))
    yield from _prove(found, LONG, Mode.CORE)
    for work in SMALL:
        yield from _prove(found, work, Mode.COMPRESSED)
    if found.lab.long:
        yield from _prove(found, LONG, Mode.COMPRESSED)
    else:
        found.lab.say("the long run's compressed proof is left out: --long makes it")


def _attempt(found: Provers, figure: str, measure: Callable[[], Row]) -> Iterator[Row]:
    """What fails is a row that says so."""
    try:
        yield measure()
    except Sp1teeError as error:
        found.hang_up()
        found.lab.say(f"{figure}: {error.message}")
        yield Row(figure, f"failed: {error.message}", held=False)


def _start(found: Provers) -> Row:
    """A GPU server opens its socket when its prover is there; ours opens it at once."""
    began = time.perf_counter()
    found.prover.up()
    socket_s = built_s = time.perf_counter() - began
    with Watch(found.prover.pid) as watch:
        if not found.program.gpu:
            quiet_s = watch.until_quiet(BUILDING_CPU_S, QUIET_S)
            built_s = time.perf_counter() - began - quiet_s
    found.lab.say(f"the prover is there after {built_s:.1f} s")
    return Row(
        f"{found.program.path.name} of SP1 {found.program.sp1_version}: from start to prover ready",
        f"{built_s:.1f} s ({watch.cpu_s:.0f} s CPU), {watch.peak_gb:.1f} GB at most; "
        f"its socket is open after {socket_s:.2f} s",
        numbers={"built_s": built_s, "socket_s": socket_s, "peak_gb": watch.peak_gb},
    )


def _setup(found: Provers, work: Work) -> Row:
    client, again = found.prover.up(), []
    began = time.perf_counter()
    made = client.setup(work.guest.elf)
    first_s = time.perf_counter() - began
    if made.vk != work.guest.vk:
        raise RuntimeError(f"SP1's setup of {work.guest.name} gives another key than is known")
    for _ in range(20):
        began = time.perf_counter()
        client.setup(work.guest.elf)
        again.append(time.perf_counter() - began)
    return Row(
        f"setup of {work.guest.name}, {len(work.guest.elf):,} bytes",
        f"{first_s:.2f} s; if it is set up already: {median(again) * 1000:.2f} ms",
        numbers={"first_s": first_s, "again_s": again},
    )


def _prove(found: Provers, work: Work, mode: Mode) -> Iterator[Row]:
    figure = f"{mode} proof of {work.title}"
    free_gb = found.free_bytes() / GB
    if free_gb < NEEDS_GB[mode]:
        yield Row(figure, f"not made: it takes {NEEDS_GB[mode]} GB, and {free_gb:.0f} GB are free")
        return
    found.lab.say(f"{figure} …")
    yield from _attempt(found, figure, lambda: _proof(found, work, mode, figure))


def _proof(found: Provers, work: Work, mode: Mode, figure: str) -> Row:
    executed, client, stdin = found.run(work), found.prover.up(), work.stdin.encode()
    made = client.setup(work.guest.elf)
    began = time.perf_counter()
    with Watch(found.prover.pid) as watch:
        proof = client.prove(mode, made.key, stdin, PROOF_LIMIT_S)
        seconds = time.perf_counter() - began
    found.lab.say(f"{figure}: {seconds:.1f} s, {watch.peak_gb:.1f} GB")
    verify_s = _verify(found, made.vk, executed.public_values, proof)
    return Row(
        f"{figure}, {executed.cycles:,} cycles",
        f"{seconds:.1f} s ({watch.cpu_s:.0f} s CPU), {len(proof):,} bytes, "
        f"{watch.peak_gb:.1f} GB at most; verified in {median(verify_s):.2f} s",
        numbers={
            "seconds": seconds,
            "cpu_s": watch.cpu_s,
            "bytes": len(proof),
            "peak_gb": watch.peak_gb,
            "verify_s": verify_s,
            "cycles": executed.cycles,
            "gas": executed.gas,
        },
    )


def _verify(found: Provers, vk: bytes, public_values: bytes, proof: bytes) -> list[float]:
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        if reason := found.judge.up().verify(vk, public_values, proof):
            raise RuntimeError(f"SP1's verifier refuses the proof: {reason}")
        seconds.append(time.perf_counter() - began)
    return seconds
