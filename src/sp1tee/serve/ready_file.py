"""Telling another process that this server answers, and where."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from sp1tee.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Ready:
    """A server that answers.

    Attributes:
        public: origin of the public listener, as seen from this machine.
        worker: origin of the worker listener, likewise.
        pid: the process.
        input_protection: what keeps stored inputs from whoever has the disk.
    """

    public: str
    worker: str
    pid: int
    input_protection: str


def write_ready_file(path: Path, ready: Ready) -> None:
    """Write it as one line of JSON: a file appears whole, a pipe is written to.

    Raises:
        ConfigError: it cannot be written.
    """
    line = json.dumps(asdict(ready)) + "\n"
    try:
        if path.exists() and not path.is_file():
            path.write_text(line)
            return
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        draft.write_text(line)
        os.replace(draft, path)  # noqa: PTH105 - as one step, over an old one
    except OSError as error:
        raise ConfigError(f"The ready file {path} cannot be written: {error.strerror}.") from None
