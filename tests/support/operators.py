"""Operators: `sp1tee queue` and `sp1tee workers` as processes, against a server under test."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from support.commands import Ran
from support.running import ADMIN_TOKEN, Running

Ask = Callable[..., Awaitable[Ran]]


def asking(command: str, served: Running, folder: Path) -> Ask:
    """Return what runs `sp1tee COMMAND …` with the admin token, which is written into `folder`."""
    token = folder / "token"
    token.write_text(ADMIN_TOKEN)

    async def run_it(*arguments: str, server: str = served.server.worker.url) -> Ran:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sp1tee", command, *arguments),
            *("--server", server, "--token-file", str(token)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return Ran(process.returncode or 0, out.decode(), err.decode())

    return run_it
