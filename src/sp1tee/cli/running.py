"""Long-running commands: logs, an event loop, and an orderly end on SIGTERM and Ctrl-C."""

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final, Literal

import typer

from sp1tee import logs
from sp1tee.errors import ConfigError

_Handler = Callable[[int, FrameType | None], Any] | int | None
# The signals that stop a command, and what they do where nobody handles them.
_ENDING: Final[Mapping[int, _Handler]] = {
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGINT: signal.default_int_handler,
}

_PANEL: Final = "Logs"

LogFormat = Annotated[
    Literal["auto", "json", "text"],
    typer.Option(
        envvar="SP1TEE_LOG_FORMAT",
        help="How to log; auto is text on a terminal and JSON elsewhere.",
        rich_help_panel=_PANEL,
    ),
]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"],
    typer.Option(envvar="SP1TEE_LOG_LEVEL", help="What to log.", rich_help_panel=_PANEL),
]


def start_logs(*, log_format: LogFormat = "auto", log_level: LogLevel = "info") -> None:
    """Set up logging, as a part of a command (see `assembled`)."""
    as_json = None if log_format == "auto" else log_format == "json"
    logs.configure(json=as_json, level=log_level)


def run_until_stopped(work: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run `work`; the first SIGTERM or Ctrl-C sets its event, another one ends the process."""

    async def supervise() -> None:
        stop = asyncio.Event()
        with _stopping(stop):
            await work(stop)

    _runner()(supervise())


@contextmanager
def _stopping(stop: asyncio.Event) -> Iterator[None]:
    """Let the first signal set `stop` and the second one end the process.

    These are no handlers of the loop's, which runs those when it gets to it: a second signal that
    comes before would be lost.
    """
    loop = asyncio.get_running_loop()

    def first(_number: int, _frame: FrameType | None) -> None:
        _handle(dict.fromkeys(_ENDING, second))
        loop.call_soon_threadsafe(wind_down)

    def second(number: int, _frame: FrameType | None) -> None:
        _handle(_ENDING)
        signal.raise_signal(number)

    def wind_down() -> None:
        # From now on a signal ends the process even while Python is stuck.
        _handle(_ENDING)
        stop.set()

    before = _handle(dict.fromkeys(_ENDING, first))
    try:
        yield
    finally:
        _handle(before)


def _handle(handlers: Mapping[int, _Handler]) -> dict[int, _Handler]:
    """Set handlers of signals; return those there were."""
    return {number: signal.signal(number, handler) for number, handler in handlers.items()}


def announce(path: Path, facts: Mapping[str, object]) -> None:
    """Write facts as one line of JSON: a file appears whole, a pipe is written to.

    Raises:
        ConfigError: it cannot be written.
    """
    line = json.dumps(facts) + "\n"
    try:
        if path.exists() and not path.is_file():
            path.write_text(line)
            return
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        draft.write_text(line)
        draft.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from None


def _runner() -> Callable[[Coroutine[Any, Any, None]], None]:
    """Prefer uvloop, which comes with the extra for servers."""
    try:
        import uvloop
    except ModuleNotFoundError:
        return asyncio.run
    return uvloop.run
