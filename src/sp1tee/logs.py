"""Logs: one event a line on stderr, JSON in containers, readable on a terminal.

A log is read by people who must not see secrets, so every line passes through `redact`, those of
libraries too. That is the second fence; the first is not to log them.
"""

import logging
import re
import sys
from typing import Any, Final

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

REDACTED = "[redacted]"

_SECRET_NAME = re.compile(
    r"(^|[_-])(token|secret|password|passphrase|authorization|credentials?|cookie|key|signature)s?$",
    re.IGNORECASE,
)
_SECRET_TEXT = re.compile(
    r"(?i)([?&;](?:token|sig|signature|x-amz-[a-z-]+)=|\bbearer\s+)[^\s&;\"']+"
)


def configure(*, json: bool | None = None, level: str = "info") -> None:
    """Set up logging for the process.

    Args:
        json: one JSON object a line; by default so unless stderr is a terminal.
        level: of our own events; libraries speak from ``warning`` on, because some of them log
            whole URLs below that.
    """
    as_json = not sys.stderr.isatty() if json is None else json
    structlog.configure(
        processors=_PROCESSORS,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_COMMON,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_rendering(as_json),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("sp1tee").setLevel(level.upper())


def get(name: str) -> FilteringBoundLogger:
    """Return the logger of a module; give it ``__name__``."""
    logger: FilteringBoundLogger = structlog.get_logger(name)
    return logger


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Blot out values whose name says that they are secret, and tokens inside of texts."""
    return {name: _blotted(name, value) for name, value in event.items()}


def _blotted(name: str, value: Any) -> Any:
    if _SECRET_NAME.search(name):
        return REDACTED
    if isinstance(value, str):
        return _SECRET_TEXT.sub(rf"\1{REDACTED}", value)
    if isinstance(value, dict):
        return {inner: _blotted(str(inner), part) for inner, part in value.items()}
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"[{len(value)} bytes]"
    return value


def _rendering(as_json: bool) -> list[Processor]:
    if as_json:
        return [structlog.processors.JSONRenderer(sort_keys=True, default=str)]
    return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]


_COMMON: Final[list[Processor]] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    # Texts of exceptions are made before redaction, so that it sees them.
    structlog.processors.format_exc_info,
    redact,
]
# One list for ever: a logger keeps the one that it was first used with.
_PROCESSORS: Final[list[Processor]] = [
    *_COMMON,
    structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
]
