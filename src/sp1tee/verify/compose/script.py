"""Scripts that run as root: lines in them that a reviewer should not miss."""

import re
from collections.abc import Iterator
from typing import Final

SHOWN: Final = 12
"""How many such lines are shown."""

_SCANNED: Final = 20_000  # lines; a script has hundreds
_REMARKABLE: Final = (
    (re.compile(r"user_config|user-config"), "reads user_config, which is not measured"),
    (re.compile(r"authorized_keys|ssh_|sshd|openssh"), "has to do with SSH logins"),
    (re.compile(r"DSTACK_ROOT_|passwd|chpasswd"), "sets or reads a password"),
    (re.compile(r"\b(?:curl|wget)\b"), "downloads something"),
    (re.compile(r"docker\s+(?:compose\s+)?(?:pull|run|login)"), "pulls or runs an image"),
    (re.compile(r"\beval\b|\bsource\b"), "runs what another file or variable says"),
)


def remarkable(script: str) -> tuple[str, ...]:
    """Name the lines of a script that reach beyond what was measured, a few of them."""
    found = list(_remarks(script))
    more = len(found) - SHOWN
    return (*found[:SHOWN], *((f"… and {more} more such lines",) if more > 0 else ()))


def _remarks(script: str) -> Iterator[str]:
    for number, line in enumerate(script.split("\n")[:_SCANNED], 1):
        told = [what for pattern, what in _REMARKABLE if pattern.search(line[:1000])]
        if told and not line.lstrip().startswith("#"):
            yield f"line {number} {', '.join(told)}"
