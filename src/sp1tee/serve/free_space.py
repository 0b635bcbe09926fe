"""How much room there is for inputs and proofs."""

import asyncio
import shutil
from pathlib import Path


async def free_bytes(data_dir: Path) -> int:
    """Return what this process may still write there; 0 for a disk that cannot be asked."""
    try:
        usage = await asyncio.to_thread(shutil.disk_usage, data_dir)
    except OSError:
        return 0
    return usage.free
