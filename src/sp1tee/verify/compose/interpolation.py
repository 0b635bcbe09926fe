"""Variables that Docker Compose puts into a file before it runs it.

``$NAME``, ``${NAME}`` and the forms with a default, an error or a replacement, which may hold
variables themselves; ``$$`` is a dollar (Compose Specification, 12-interpolation). Values are
interpolated, keys are not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sp1tee.verify.compose.yaml_tree import Listing, Node, Scalar

# A name right behind the dollar or its brace. An escaped dollar is consumed, so that what follows
# it is no variable; operands need no parsing, because a variable in them begins like any other.
_VARIABLE: Final = re.compile(r"\$(?:\$|\{?([A-Za-z_][A-Za-z0-9_]*))", re.ASCII)


@dataclass(frozen=True, slots=True)
class Use:
    """A variable in a value.

    Attributes:
        name: the variable.
        path: where it is used, keys joined by dots, e.g. ``environment.DOMAIN``.
        line: in which line.
        text: the whole value.
    """

    name: str
    path: str
    line: int
    text: str


def variables(text: str) -> tuple[str, ...]:
    """Return the names of all variables in a text, each once."""
    found = (match[1] for match in _VARIABLE.finditer(text))
    return tuple(dict.fromkeys(name for name in found if name is not None))


def uses(node: Node, path: str = "") -> Iterator[Use]:
    """Walk through a part of a file and yield every use of a variable."""
    if isinstance(node, Scalar):
        for name in variables(node.text):
            yield Use(name, path, node.line, node.text)
    elif isinstance(node, Listing):
        for item in node.items:
            yield from uses(item, path)
    else:
        for key, entry in node.entries.items():
            yield from uses(entry.value, f"{path}.{key}" if path else key)
