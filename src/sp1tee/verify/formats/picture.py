"""The chain of trust drawn: once for wide screens, once for narrow ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree import ElementTree as ET

from sp1tee.verify.checks import Status
from sp1tee.verify.formats.chain import LINKS, NODES, Link, Node
from sp1tee.verify.formats.markup import element
from sp1tee.verify.formats.words import SYMBOLS

UNKNOWN: Final = "·"
"""Marks a node that no check speaks of."""

_ARROW: Final = 5


@dataclass(frozen=True, slots=True)
class Layout:
    """Where boxes stand, in pixels at full size.

    Attributes:
        name: the picture's class in the page.
        box: width and height of every box.
        places: the upper left corner of each node's box.
        spine: how far from a box's left side its vertical lines run; None: from its middle.
        trunk: where a line runs that leaves a box for another row and column; None: the spine.
    """

    name: str
    width: int
    height: int
    box: tuple[int, int]
    places: Mapping[str, tuple[int, int]]
    spine: int | None = None
    trunk: int | None = None


def _grid(rows: tuple[tuple[str, ...], ...]) -> dict[str, tuple[int, int]]:
    return {
        key: (24 + 236 * column, 4 + 88 * row)
        for row, keys in enumerate(rows)
        for column, key in enumerate(keys)
        if key
    }


WIDE: Final = Layout(
    "wide",
    width=940,
    height=420,
    box=(206, 60),
    places=_grid(
        (
            ("root", "pck", "qe", "quote"),
            ("report_data", "evidence", "certificate", "tls"),
            ("os", "", "caa", "ct"),
            ("rtmr3", "compose_hash", "app_compose", "docker_compose"),
            ("", "", "registry", "images"),
        )
    ),
    trunk=10,
)


def _list(rows: tuple[tuple[str, int], ...]) -> dict[str, tuple[int, int]]:
    return {key: (2 + 22 * indent, 2 + 62 * row) for row, (key, indent) in enumerate(rows)}


NARROW: Final = Layout(
    "narrow",
    width=340,
    height=1054,
    box=(290, 48),
    places=_list(
        (
            ("root", 0),
            ("pck", 0),
            ("qe", 0),
            ("quote", 0),
            ("report_data", 1),
            ("evidence", 1),
            ("certificate", 1),
            ("caa", 2),
            ("tls", 1),
            ("ct", 2),
            ("os", 1),
            ("rtmr3", 1),
            ("compose_hash", 1),
            ("app_compose", 1),
            ("docker_compose", 1),
            ("images", 1),
            ("registry", 1),
        )
    ),
    spine=11,
)


def drawn(layout: Layout, statuses: Mapping[str, Status]) -> ET.Element:
    """Draw the chain; `statuses` has the worst status of each node that checks speak of."""
    return element(
        "svg",
        element("title", "The chain of trust"),
        *(_line(layout, link) for link in LINKS),
        *(_box(layout, node, statuses.get(node.key)) for node in NODES),
        viewBox=f"0 0 {layout.width} {layout.height}",
        width=str(layout.width),
        height=str(layout.height),
        role="img",
        class_=f"chain {layout.name}",
    )


def _box(layout: Layout, node: Node, status: Status | None) -> ET.Element:
    x, y = layout.places[node.key]
    width, height = layout.box
    word = "not checked" if status is None else status.value
    kind = "none" if status is None else status.value
    symbol = UNKNOWN if status is None else SYMBOLS[status]
    middle = y + height // 2
    return element(
        "g",
        element("title", f"{node.title}: {word}"),
        _rect(x, y, width, height),
        element("text", symbol, x=str(x + 20), y=str(middle + 7), class_="mark"),
        element("text", node.title, x=str(x + 40), y=str(middle - 3), class_="name"),
        element("text", node.role, x=str(x + 40), y=str(middle + 15), class_="role"),
        class_=f"node {kind}",
    )


def _rect(x: int, y: int, width: int, height: int) -> ET.Element:
    return element("rect", x=str(x), y=str(y), width=str(width), height=str(height), rx="8")


def _line(layout: Layout, link: Link) -> ET.Element:
    # A guard stands beside or below what it guards; its line has no direction.
    near, far = (link.target, link.source) if link.aside else (link.source, link.target)
    path, tip = _path(layout, layout.places[near], layout.places[far])
    return element(
        "path", d=path if link.aside else path + tip, class_="link aside" if link.aside else "link"
    )


def _path(layout: Layout, start: tuple[int, int], end: tuple[int, int]) -> tuple[str, str]:
    """Return the line between two boxes, and the arrow's tip at its end."""
    (x, y), (to_x, to_y) = start, end
    width, height = layout.box
    offset = width // 2 if layout.spine is None else layout.spine
    middle = to_y + height // 2
    if y == to_y and to_x > x:
        return f"M{x + width} {middle}H{to_x}", _tip(to_x, middle, back=(-1, 0))
    if y == to_y:
        return f"M{x} {middle}H{to_x + width}", _tip(to_x + width, middle, back=(1, 0))
    if x == to_x:
        return f"M{x + offset} {y + height}V{to_y}", _tip(x + offset, to_y, back=(0, -1))
    bend = "" if layout.trunk is None else f"v14H{layout.trunk}"
    line = f"M{x + offset} {y + height}{bend}V{middle}H{to_x}"
    return line, _tip(to_x, middle, back=(-1, 0))


def _tip(x: int, y: int, *, back: tuple[int, int]) -> str:
    """Draw two short strokes from a point, both slanting back the way the line came."""
    dx, dy = back[0] * _ARROW, back[1] * _ARROW
    return f"M{x + dx + dy} {y + dy + dx}L{x} {y}L{x + dx - dy} {y + dy - dx}"
