"""Can this machine do the work? Looked at before the first lease, and whenever a job doubts it."""

import asyncio
import resource
from collections.abc import Sequence
from dataclasses import replace

import psutil

from sp1tee.errors import CheckupFailed, ConfigError, ExecutorCrashed, FulfillError
from sp1tee.fulfill.check import Check
from sp1tee.fulfill.executors import Executor
from sp1tee.fulfill.executors.trial import try_out
from sp1tee.fulfill.provers.off_host import host_of, is_here
from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.fulfill.slots import Slots
from sp1tee.fulfill.surroundings import check_surroundings
from sp1tee.swap import ADVICE, exposed, swaps
from sp1tee.wire.versions import Family

_SEES = ("sees", "see")
_BROKEN_ADVICE = "See that memory and shared memory are free, and what the kernel says (dmesg)."
_GASLESS = Check(
    "executor",
    ok=False,
    text="There is a limit to gas (max_gas), and what runs programs here does not count it.",
    advice="Build sp1tee-prover (`just native`) and name it in SP1TEE_PROVER, or limit cycles.",
)
_ENOUGH_FILES = 256
# An input is in memory up to three times for a moment: its chunks, joined, and its buffers.
_COPIES = 3
_GIB = 1 << 30


async def check_machine(settings: FulfillSettings, executor: Executor, slots: Slots) -> list[Check]:
    """Look at all that can be seen without a server."""
    surroundings = await asyncio.to_thread(check_surroundings, settings, executor)
    return [
        _explained(await _check_executor(settings, executor), surroundings),
        await _check_prover(slots),
        *await slots.survey(),
        *surroundings,
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


async def _check_executor(settings: FulfillSettings, executor: Executor) -> Check:
    try:
        trials = {family: await try_out(executor, family) for family in Family}
    except ExecutorCrashed as error:
        text = f"It runs no program. {error.message}"
        return Check("executor", ok=False, text=text, advice=_BROKEN_ADVICE)
    except FulfillError as error:
        return Check.failed("executor", error)
    for trial in trials.values():
        if trial.wrong:
            advice = "Reinstall sp1tee[fulfill]."
            return Check("executor", ok=False, text=trial.wrong, advice=advice)
    if settings.max_gas is not None and not trials[Family.V6].counts_gas:
        return _GASLESS
    return Check("executor", ok=True, text=f"Programs of SP1 v5 and v6 run: {executor.name}.")


def _explained(check: Check, others: Sequence[Check]) -> Check:
    """Add to a failed check what else was found to be wrong; it may be why."""
    if check.ok:
        return check
    found = [f"{other.name}: {other.text}" for other in others if not other.ok]
    return replace(check, text=" ".join((check.text, *found)))


async def _check_prover(slots: Slots) -> Check:
    try:
        await slots.check()
    except FulfillError as error:
        return Check.failed("prover", error)
    kind = "mock proofs, which prove nothing" if slots.mock else "real proofs"
    return Check("prover", ok=True, text=f"{len(slots)} at once, {kind}: {slots.offer}.")


def _check_reach(settings: FulfillSettings) -> Check:
    try:
        urls = settings.off_host_urls
    except ConfigError:
        # What is missing, the prover's own check says.
        urls = ()
    if not urls:
        return Check("reach", ok=True, text="Inputs stay in this worker's machine.")
    away = sorted({host_of(url) for url in urls if not is_here(url)})
    if not away:
        text = "Inputs go to another server on this machine, which sees them in clear."
        return Check("reach", ok=True, text=text)
    return Check(
        "reach",
        ok=False,
        text=f"Inputs leave this machine: {', '.join(away)} {_SEES[len(away) > 1]} them in clear.",
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
    found = swaps()
    size = exposed(found)
    none = "All of it is encrypted, or in memory." if found else "None."
    return Check(
        "swap",
        ok=size == 0,
        text=f"{size / _GIB:.1f} GiB of swap: inputs can get to the disk." if size else none,
        advice=ADVICE,
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
