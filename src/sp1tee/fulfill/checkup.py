"""Can this machine do the work? Looked at before the first lease, and whenever a job doubts it."""

import resource
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from sp1tee import guests
from sp1tee.errors import CheckupFailed, FulfillError, Sp1teeError
from sp1tee.fulfill.executors import Executor, Limits
from sp1tee.fulfill.provers.off_host import host_of, is_here
from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.fulfill.slots import Slots
from sp1tee.wire.versions import Family

# Provers that have a server of their own make the proof.
OFF_HOST = frozenset({"gateway", "moongate"})

_ENOUGH_FILES = 256
# An input is in memory up to three times for a moment: its chunks, joined, and its buffers.
_COPIES = 3
_GIB = 1 << 30

# A trial run: a number and the Fibonacci numbers there, as the sample program publishes them.
_N = 10
_FIBONACCI = struct.pack("<3I", _N, 55, 89)
_TRIAL_LIMITS = Limits(cycles=1_000_000, memory_bytes=256 << 20, seconds=30.0)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what.
        ok: whether it is as it should be.
        text: what was found.
        advice: what to do if it is not ok.
        needed: whether nothing can be fulfilled without it.
    """

    name: str
    ok: bool
    text: str
    advice: str = ""
    needed: bool = True

    @classmethod
    def failed(cls, name: str, error: Sp1teeError) -> "Check":
        """Say that an error ended it."""
        return cls(name, ok=False, text=error.message, advice=error.advice)


async def check_machine(settings: FulfillSettings, executor: Executor, slots: Slots) -> list[Check]:
    """Look at all that can be seen without a server."""
    return [
        await _check_executor(executor),
        await _check_prover(slots),
        _check_reach(settings),
        _check_memory(settings),
        _check_swap(),
        _check_files(),
    ]


def require(checks: Sequence[Check]) -> None:
    """Let those checks pass without which nothing can be fulfilled.

    Raises:
        CheckupFailed: one of them did not.
    """
    failed = [check for check in checks if check.needed and not check.ok]
    if failed:
        raise CheckupFailed(
            " ".join(f"{check.name}: {check.text}" for check in failed),
            advice=" ".join(check.advice for check in failed if check.advice),
        )


async def _check_executor(executor: Executor) -> Check:
    try:
        for family in Family:
            run = await executor.execute(
                guests.load("fibonacci", family).elf,
                guests.fibonacci_input(_N),
                family=family,
                limits=_TRIAL_LIMITS,
                tenant="",
            )
            if run.public_values != _FIBONACCI or run.cause is not None:
                text = f"It does not run a known {family} program as SP1 does. {run.text}".rstrip()
                return Check("executor", ok=False, text=text, advice="Reinstall sp1tee[fulfill].")
    except FulfillError as error:
        return Check.failed("executor", error)
    return Check("executor", ok=True, text=f"Programs of SP1 v5 and v6 run: {executor.name}.")


async def _check_prover(slots: Slots) -> Check:
    try:
        await slots.check()
    except FulfillError as error:
        return Check.failed("prover", error)
    offered = "; ".join(
        f"{one.version}: {', '.join(str(mode) for mode in sorted(one.modes))}"
        for one in slots.capabilities
    )
    kind = "mock proofs, which prove nothing" if slots.mock else "real proofs"
    return Check("prover", ok=True, text=f"{len(slots)} at once, {kind}: {offered}.")


def _check_reach(settings: FulfillSettings) -> Check:
    url = settings.prover_url if settings.prover in OFF_HOST else None
    if url is None:
        return Check("reach", ok=True, text="Inputs stay in this worker's machine.")
    if is_here(url):
        text = "Inputs go to another server on this machine, which sees them in clear."
        return Check("reach", ok=True, text=text)
    return Check(
        "reach",
        ok=False,
        text=f"Inputs leave this machine: {host_of(url)} sees them in clear.",
        advice="Make sure that it is inside an enclave as well, or that requesters know of it.",
        needed=False,
    )


def _check_memory(settings: FulfillSettings) -> Check:
    available = psutil.virtual_memory().available
    at_once = settings.slots + settings.prefetch
    wanted = at_once * (_COPIES * settings.max_stdin_bytes + settings.execute_memory_bytes)
    return Check(
        "memory",
        ok=available >= wanted,
        text=f"{available / _GIB:.1f} GiB available; {at_once} inputs and runs as large as "
        f"allowed may take {wanted / _GIB:.1f} GiB.",
        advice="Lower max_stdin_bytes, execute_memory_bytes or prefetch, or add memory.",
        needed=False,
    )


def _check_swap() -> Check:
    swap = psutil.swap_memory().total
    return Check(
        "swap",
        ok=swap == 0,
        text=f"{swap / _GIB:.1f} GiB of swap: inputs can get to the disk." if swap else "None.",
        advice="Turn swap off, or encrypt it with a key that is lost at reboot.",
        needed=False,
    )


def _check_files() -> Check:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = soft == resource.RLIM_INFINITY
    return Check(
        "open files",
        ok=unlimited or soft >= _ENOUGH_FILES,
        text="No limit." if unlimited else f"At most {soft}.",
        advice=f"Allow at least {_ENOUGH_FILES} (ulimit -n).",
    )
