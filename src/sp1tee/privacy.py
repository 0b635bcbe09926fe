"""Inputs are in this process' memory, and must not leave it by way of the kernel."""

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4


def forbid_dumps() -> None:
    """Keep this process' memory out of core files and away from debuggers of the same user."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    if sys.platform == "linux":
        # A core_pattern that is a pipe ignores the limit, but not this; nor does a debugger.
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
