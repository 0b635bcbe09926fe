"""`sp1tee fulfill` as a process: signals, exit codes, and nothing of its memory on disk."""

import asyncio
import contextlib
import ctypes
import resource
import signal
import sys

import stamina

from sp1tee.fulfill.service import run_fulfiller
from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.logs import get

INTERRUPTED = 130
_PR_SET_DUMPABLE = 4

_log = get(__name__)


def run(settings: FulfillSettings) -> int:
    """Work until SIGTERM or SIGINT; return the exit code.

    The first signal ends leasing: what is being proved is finished, the rest given back. The
    second one ends everything at once.

    Raises:
        Sp1teeError: as `run_fulfiller`.
    """
    forbid_dumps()
    # `persist` says what is tried again, in our own words.
    stamina.instrumentation.set_on_retry_hooks(())
    return asyncio.run(_until_told(settings))


def forbid_dumps() -> None:
    """Keep the kernel from writing this process' memory, where inputs are, to a core file."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    if sys.platform == "linux":
        # A core_pattern that is a pipe ignores the limit, but not this; nor does a debugger.
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


async def _until_told(settings: FulfillSettings) -> int:
    stop = asyncio.Event()
    work = asyncio.ensure_future(run_fulfiller(settings, stop=stop))

    def told() -> None:
        if stop.is_set():
            _log.warning("aborting")
            work.cancel()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told)
    with contextlib.suppress(asyncio.CancelledError):
        await work
        return 0
    return INTERRUPTED
