"""Zstandard from wherever this Python has it."""

import sys
from typing import IO, Final

if sys.version_info >= (3, 14):
    from compression.zstd import DecompressionParameter, ZstdError, ZstdFile
else:
    from backports.zstd import DecompressionParameter, ZstdError, ZstdFile

WINDOW: Final = 25
"""The largest window, as a power of two: 32 MiB; image builders use 8 MiB at most."""

zstd_error: Final = ZstdError


def open_zstd(source: IO[bytes]) -> ZstdFile:
    """Open a stream of zstd frames that needs no more memory than its window."""
    return ZstdFile(source, options={DecompressionParameter.window_log_max: WINDOW})
