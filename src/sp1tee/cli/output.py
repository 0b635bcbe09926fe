"""Writing a result whole: to stdout, or to a file that appears at once."""

import io
import os
import sys
from pathlib import Path

from sp1tee.errors import EvidenceFileError


def write(text: str, path: Path | None) -> None:
    """Write a whole result to a file, or to stdout for None; raises `EvidenceFileError`."""
    if path is None:
        write_stdout(text)
    else:
        write_file(path, text)


def write_stdout(text: str) -> None:
    """Write a whole result to stdout: UTF-8, but for a terminal that has another encoding.

    Whoever reads it may hang up early, as `head` does; that changes nothing about the result.

    Raises:
        EvidenceFileError: it cannot be written.
    """
    if sys.stdout is None:
        raise EvidenceFileError("stdout is closed.", advice="Name a file with --output.")
    if isinstance(sys.stdout, io.TextIOWrapper) and not sys.stdout.isatty():
        sys.stdout.reconfigure(encoding="utf-8")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _abandon_stdout()
    except OSError as error:
        _abandon_stdout()
        raise EvidenceFileError(f"stdout cannot be written: {error.strerror}.") from None


def write_file(path: Path, text: str) -> None:
    """Write a file, which appears whole or stays as it was; pipes and devices are written to.

    Raises:
        EvidenceFileError: it cannot be written.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
        else:
            _replace(path.resolve(), text)
    except OSError as error:
        raise EvidenceFileError(f"{path} cannot be written: {error.strerror}.") from None
    except (ValueError, RuntimeError):  # a NUL in its name, a link to itself
        raise EvidenceFileError(f"{path} cannot be the name of a file.") from None


def _replace(path: Path, text: str) -> None:
    draft = path.with_name(f".sp1tee-{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _abandon_stdout() -> None:
    """Let what is still in the buffer go nowhere, or Python complains about it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
