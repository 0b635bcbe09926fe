"""Files that are not what anybody asked for."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

GIGANTIC: Final = 100 << 20
"""How many bytes the largest of them has; it is sparse."""

CONTENTS: Final[dict[str, bytes]] = {
    "empty": b"",
    "blank": b" \n\t ",
    "cut off": b'{"quote": "0400',
    "null": b"null",
    "an infinite number": b"1e400",
    "a long number": b"9" * 5000,
    "text": b'"x"',
    "a list of anything": b'[1, "2", {}]',
    "NaN": b'{"quote": NaN}',
    "wrong types": b'{"quote": 1, "event_log": {}, "tcb_info": [], "vm_config": 3}',
    "wrong types within": b'{"event_log": [{"imr": "x"}], "tcb_info": "{\\"app_compose\\": 7}"}',
    "no hex": b"zz" * 500,
    "half a byte": b"040" * 501,
    "a key twice": b'{"quote": "00", "quote": "00", "services": {}, "services": {}}',
    "deep lists": b"[" * 200_000,
    "deep objects": b'{"a":' * 100_000,
    "deep YAML": b"- " * 9000,
    "binary": bytes(range(256)) * 20,
    "zeros": bytes(4096),
    "a NUL": b'schema = "sp1tee.policy.v1"\0\n',
    "Latin-1": "services: {ä: 1}".encode("latin-1"),
    "UTF-16": '{"quote": "0400"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"quote": "0400"}',
    "half a surrogate pair": b'{"quote": "\\ud800", "event_log": "\\ud800"}',
    "escapes": b'services:\n  "a\\e[31m\\u202eb":\n    image: "x\\e]0;y\\a"\n',
}


def write_rubbish(folder: Path) -> dict[str, Path]:
    """Write every kind into a folder; returns where each is."""
    paths = {}
    for number, (kind, content) in enumerate(CONTENTS.items()):
        paths[kind] = folder / f"rubbish-{number}"
        paths[kind].write_bytes(content)
    paths["gigantic"] = folder / "gigantic"
    with paths["gigantic"].open("wb") as file:
        file.truncate(GIGANTIC)
    return paths


NOWHERE: Final[dict[str, Callable[[Path], str]]] = {
    "missing": lambda folder: str(folder / "missing"),
    "below a missing folder": lambda folder: str(folder / "missing" / "file"),
    "below a file": lambda folder: str(folder / "gigantic" / "file"),
    "too long a name": lambda _: "x" * 5000,
    "a link to itself": lambda folder: str(_loop(folder)),
}
"""Paths at which nothing can be read."""


def _loop(folder: Path) -> Path:
    loop = folder / "loop"
    if not loop.is_symlink():
        loop.symlink_to("loop")
    return loop
