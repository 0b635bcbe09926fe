"""Text from evidence made harmless before it is shown.

Whoever is examined chooses part of what a report says: names in logs, values in DNS, lines of a
compose file. None of it may move a cursor, reorder what is read, hide, or become markup. What is
left here are printable characters; each format then escapes its own markup.
"""

from typing import Final

LINE: Final = 2000
"""How many characters of one line are shown; the JSON report has them all."""
LINES: Final = 60
"""How many lines of one explanation are shown."""


def line(text: str) -> str:
    """Return one line of printable characters: line ends become spaces, all else is escaped."""
    return _cut(" ".join(_visible(part) for part in _split(text)))


def lines(text: str) -> list[str]:
    """Return printable lines, for texts that have several: a command, lines of a policy."""
    return few([_cut(_visible(part)) for part in _split(text)])


def few(entries: list[str]) -> list[str]:
    """Return entries up to `LINES`, the last one saying how many more there are."""
    if len(entries) <= LINES:
        return entries
    return [*entries[: LINES - 1], f"… and {len(entries) - LINES + 1} more lines"]


def _split(text: str) -> list[str]:
    # Not splitlines(): what it takes for line ends besides these is no line end to a reader.
    return text.replace("\r\n", "\n").strip("\n").split("\n")


def _visible(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(ord(c)) for c in text)


def _escape(point: int) -> str:
    if point <= 0xFF:  # noqa: PLR2004 - what two digits hold
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"  # noqa: PLR2004 - or four


def _cut(text: str) -> str:
    return text if len(text) <= LINE else f"{text[:LINE]}… ({len(text) - LINE} more characters)"
