"""SP1's own executor beside the emulator, as workers open them, in turns."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.lab import Lab, NotHereError, Row, median, quantile
from bench.work import Work, feature, fibonacci, solvency
from sp1tee.fulfill.executors import Execution, Executor, Limits
from sp1tee.fulfill.executors.choosing import opened
from sp1tee.fulfill.executors.needs import Choice, Needs
from sp1tee.native.programs import find_verifier
from sp1tee.wire.versions import Family

LIMITS = Limits(cycles=None, memory_bytes=4 << 30, seconds=600)
NEEDS = Needs(at_once=2, ahead=2, memory_bytes=LIMITS.memory_bytes, request_bytes=256 << 20)
READY_S = 1.5
"""Before each run, so that its process is ready and nobody else's is being made."""


@dataclass(slots=True)
class Took:
    """Seconds of single runs of one work by each executor, and what they said."""

    native: list[float] = field(default_factory=list)
    unicorn: list[float] = field(default_factory=list)
    execution: Execution | None = None

    @property
    def ratio(self) -> float:
        """How many times as fast the first one is."""
        return median([b / a for a, b in zip(self.native, self.unicorn, strict=True)])


def run(lab: Lab) -> Iterator[Row]:
    program = find_verifier()
    if program is None:
        raise NotHereError("sp1tee-prover is neither in SP1TEE_PROVER nor on PATH (`just native`)")
    lab.say("start, and small runs")
    yield asyncio.run(_cold(lab, program.path))
    yield asyncio.run(_small(lab, program.path, fibonacci(1000), 25))
    for work in (
        feature(3, "SHA-256 precompiles", bytes(64)),
        feature(7, "Keccak and 256-bit multiplication precompiles"),
    ):
        yield asyncio.run(_small(lab, program.path, work, 9))
    yield asyncio.run(_in_a_row(lab, program.path, fibonacci(1000)))
    for work in _long(lab):
        lab.say(work.title)
        yield asyncio.run(_rate(lab, program.path, work))


def _long(lab: Lab) -> Iterator[Work]:
    for n in (100_000, 1_000_000, 3_000_000, *(() if lab.quick else (10_000_000,))):
        yield fibonacci(n)
    yield solvency(1 << 18)
    if not lab.quick:
        yield solvency(1 << 21)


async def _cold(lab: Lab, program: Path) -> Row:
    """From nothing to the end of a small run."""
    work, took = fibonacci(1000), Took()
    for _ in range(2 if lab.quick else 7):
        for choice, seconds in (("native", took.native), ("unicorn", took.unicorn)):
            began = time.perf_counter()
            async with opened(choice, program, NEEDS) as executor:
                await _execute(executor, work)
                seconds.append(time.perf_counter() - began)
    return _row("executor: start and a first small run", took, "")


async def _small(lab: Lab, program: Path, work: Work, rounds: int) -> Row:
    """One run at a time, when the processes for it are ready."""
    took = await _in_turns(program, work, min(rounds, 5) if lab.quick else rounds)
    return _row(f"execute {work.title}, {_told(took)}", took, "; process ready")


async def _in_a_row(lab: Lab, program: Path, work: Work) -> Row:
    """As many runs as can be had: each needs a process of its own."""
    seconds = lab.seconds(6)
    rates: dict[Choice, list[float]] = {"native": [], "unicorn": []}
    for _ in range(lab.rounds(3)):
        for choice, found in rates.items():
            async with opened(choice, program, NEEDS) as executor:
                await _execute(executor, work)
                found.append(await _per_second(executor, work, seconds))
    native, unicorn = median(rates["native"]), median(rates["unicorn"])
    return Row(
        f"execute {work.title}, runs in a row, two at a time",
        f"native: {native:.1f}/s, {native / unicorn:.2f}× the emulator",
        peer=f"unicorn: {unicorn:.1f}/s",
        numbers={str(choice): found for choice, found in rates.items()},
    )


async def _per_second(executor: Executor, work: Work, seconds: float) -> float:
    runs = 0
    began = time.perf_counter()

    async def keep_running() -> None:
        nonlocal runs
        while time.perf_counter() - began < seconds:
            await _execute(executor, work)
            runs += 1

    await asyncio.gather(*(keep_running() for _ in range(NEEDS.at_once)))
    return runs / (time.perf_counter() - began)


async def _rate(lab: Lab, program: Path, work: Work) -> Row:
    took = await _in_turns(program, work, 1 if lab.quick else 3)
    assert took.execution is not None
    cycles = took.execution.cycles / 1e6
    native, unicorn = (cycles / median(seconds) for seconds in (took.native, took.unicorn))
    return Row(
        f"execute {work.title}: {_told(took)}",
        f"native: {native:,.1f} M instr/s, {took.ratio:.2f}× the emulator's rate",
        peer=f"unicorn: {unicorn:,.1f} M instr/s, tells no gas",
        numbers={"native_s": took.native, "unicorn_s": took.unicorn},
    )


async def _in_turns(program: Path, work: Work, rounds: int) -> Took:
    took = Took()
    async with AsyncExitStack() as stack:
        native = await stack.enter_async_context(opened("native", program, NEEDS))
        unicorn = await stack.enter_async_context(opened("unicorn", None, NEEDS))
        for executor in (native, unicorn):
            await _execute(executor, fibonacci(0))
        for _ in range(rounds):
            for executor, seconds in ((native, took.native), (unicorn, took.unicorn)):
                await asyncio.sleep(READY_S)
                began = time.perf_counter()
                execution = await _execute(executor, work)
                seconds.append(time.perf_counter() - began)
                took.execution = _same(took.execution, execution)
    return took


def _same(known: Execution | None, other: Execution) -> Execution:
    """The first one's, which is SP1's own and tells gas; that the other agrees is a condition."""
    if known is None:
        return other
    if (known.cycles, known.public_values) != (other.cycles, other.public_values):
        raise RuntimeError("the executors differ: what they take cannot be compared")
    return known


async def _execute(executor: Executor, work: Work) -> Execution:
    execution = await executor.execute(
        work.guest.elf, work.stdin, family=Family.V6, limits=LIMITS, tenant="bench"
    )
    if execution.cause is not None:
        raise RuntimeError(f"{work.title}: {execution.text}")
    return execution


def _row(figure: str, took: Took, note: str) -> Row:
    return Row(
        figure,
        f"native: {_milliseconds(took.native)}; {1 / took.ratio:.2f}× the emulator's time{note}",
        peer=f"unicorn: {_milliseconds(took.unicorn)}",
        numbers={"native_s": took.native, "unicorn_s": took.unicorn},
    )


def _milliseconds(seconds: list[float]) -> str:
    p50, p95, most = (
        value * 1000 for value in (median(seconds), quantile(seconds, 0.95), max(seconds))
    )
    spread = f"p95 {p95:.0f}" if len(seconds) >= 20 else f"most {most:.0f}"
    return f"p50 {p50:.0f} ms, {spread} ms"


def _told(took: Took) -> str:
    assert took.execution is not None
    return f"{took.execution.cycles:,} cycles, gas {took.execution.gas:,}"
