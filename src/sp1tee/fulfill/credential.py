"""The worker token, where the server has yet to write it: both may be started at once."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from sp1tee.fulfill.settings import FulfillSettings
from sp1tee.logs import get

TOKEN_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.25

_log = get(__name__)


async def with_token(settings: FulfillSettings) -> FulfillSettings:
    """Wait a minute for the token's file, if it is named but not there; return what it completes.

    Raises:
        ConfigError: it is still not there, or holds no token.
    """
    path = settings.token_file
    if settings.token is not None or path is None:
        return settings
    _log.warning(
        "waiting for the token's file, which the server makes",
        path=str(path.absolute()),
        at_most_s=TOKEN_SECONDS,
    )
    with suppress(TimeoutError):  # reading it says what is wrong
        async with asyncio.timeout(TOKEN_SECONDS):
            await _until_there(path)
    return settings.with_token_read()


async def _until_there(path: Path) -> None:
    # Nobody tells of files, and least of all across the borders of containers.
    while not os.path.exists(path):  # noqa: ASYNC110, ASYNC240, PTH110 - see above; never raises
        await asyncio.sleep(_LOOK_SECONDS)
