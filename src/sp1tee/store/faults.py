"""Disk faults as errors of ours."""

import errno
from typing import Final

from sp1tee.errors import StoreFull, StoreUnavailable

# EFBIG is what a file size limit answers: to the store that is a full disk, too.
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def disk_fault(error: OSError, doing: str) -> StoreUnavailable:
    """Say what the disk refused."""
    kind = StoreFull if error.errno in _FULL else StoreUnavailable
    return kind(f"{doing} failed: {error.strerror}.")
