"""What a long-running process of ours gives up at its start, as it needs none of it.

- Privileges gained by starting another program (``no_new_privs``): set-user-ID bits and file
  capabilities mean nothing to it and its children.
- Capabilities that a program started by it could have: none is left in the bounding set. Those
  that root has itself stay: what it was started as root for, such as files of other owners.
- Files that others may read: the umask is 077.
- Being dumped or debugged (`privacy`).
"""

import ctypes
import os
import sys
from pathlib import Path
from typing import Final

from sp1tee import logs
from sp1tee.privacy import forbid_dumps
from sp1tee.private_files import in_container
from sp1tee.swap import ADVICE, exposed, swaps

_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_LAST_CAP: Final = Path("/proc/sys/kernel/cap_last_cap")
_MIB: Final = 1 << 20
_log = logs.get(__name__)


def drop_privileges() -> None:
    """Give it all up; nothing of it is ever needed again."""
    os.umask(0o077)
    forbid_dumps()
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
        # Refused to whoever is not root, and has none to give up.
        for capability in range(_last_capability() + 1):
            libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


def warn_of_surroundings() -> None:
    """Say what an operator would do better."""
    if os.geteuid() == 0 and not in_container():
        _log.warning("this process runs as root: give it a user of its own")
    if size := exposed(swaps()):
        _log.warning("inputs can get to the disk by swap", mib=size // _MIB, advice=ADVICE)


def _last_capability() -> int:
    try:
        return int(_LAST_CAP.read_text("ascii"))
    except (OSError, ValueError):
        return 63
