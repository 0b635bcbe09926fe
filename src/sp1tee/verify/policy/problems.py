"""What is wrong with a policy, where, and what would be right."""

import re
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from sp1tee.verify.formats import clean
from sp1tee.verify.policy.model import HOST, WAIVED

_HEADER: Final = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY: Final = re.compile(r"""^\s*["']?([\w-]+)["']?\s*(?:=|\.)""")
_HEX: Final = re.compile(r"\^\[0-9a-f\]\{(\d+)\}\$")
_PATTERNS: Final = {
    HOST: "must be a host's name, such as tee.example.org",
    WAIVED: "must be a check's id, or a pattern within one room, such as digests.*",
}
_SHOWN: Final = 60
_TEXTS: Final = {
    "extra_forbidden": "is not known here",
    "missing": "is missing",
    "literal_error": "must be {expected}",
    "string_type": "must be text",
    "string_too_short": "must have at least {min_length} characters",
    "tuple_type": "must be a list",
    "too_short": "must have at least {min_length} entry",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "date_type": "must be a date, such as 2027-01-31",
    "date_from_datetime_parsing": "must be a date, such as 2027-01-31",
    "date_from_datetime_inexact": "must be a date without a time, such as 2027-01-31",
    "model_type": "must be a section",
    "path_type": "must be a path",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        key: the key's path, e.g. ``rtmr3.app_id``; empty: the whole file.
        text: what is wrong with it.
        line: where the key stands, counted from 1, where that is found without a second parser.
    """

    key: str
    text: str
    line: int | None = None

    def __str__(self) -> str:
        place = "" if self.line is None else f"line {self.line}: "
        named = f"`{self.key}` " if self.key and not self.text.startswith("it ") else ""
        return f"{place}{named}{self.text}"


def described(error: ValidationError, data: bytes) -> tuple[Problem, ...]:
    """Describe everything a validation found, in the file's order."""
    places = Places(data.decode("utf-8", "replace"))
    entries = error.errors(include_url=False)
    # A list that lost its only item, which is told already, then is too short as well.
    told = {entry["loc"][:-1] for entry in entries}
    problems = [
        Problem(key_of(entry["loc"]), _text(entry), places.of(entry["loc"]))
        for entry in entries
        if entry["type"] != "too_short" or entry["loc"] not in told
    ]
    return tuple(sorted(problems, key=lambda problem: problem.line or 0))


def key_of(location: tuple[int | str, ...]) -> str:
    """Write a key's path as a person would."""
    written = ""
    for part in location:
        written += f"[{part}]" if isinstance(part, int) else f".{clean.line(part)[:_SHOWN]}"
    return written.removeprefix(".")


def _text(entry: Any) -> str:
    kind, context = entry["type"], entry.get("ctx", {})
    if kind in _TEXTS:
        return _TEXTS[kind].format(**context)
    if hexadecimal := _HEX.fullmatch(context.get("pattern", "")):
        return f"must be {hexadecimal[1]} hex digits"
    if context.get("pattern") in _PATTERNS:
        return _PATTERNS[context["pattern"]]
    return f"is wrong: {entry['msg'][:1].lower()}{entry['msg'][1:]}"


class Places:
    """Where keys stand: a reader of headers and keys that need not understand values."""

    def __init__(self, text: str) -> None:
        self._found: dict[tuple[int | str, ...], int] = {}
        section: tuple[int | str, ...] = ()
        for number, line in enumerate(text.splitlines(), start=1):
            if header := _HEADER.match(line):
                section = self._opened(header[1], header[2])
                self._found.setdefault(section, number)
            elif key := _KEY.match(line):
                self._found.setdefault((*section, key[1]), number)

    def of(self, location: tuple[int | str, ...]) -> int | None:
        """Return the line of a key, or of the nearest thing around it that has one."""
        for size in range(len(location), 0, -1):
            if location[:size] in self._found:
                return self._found[location[:size]]
        return None

    def _opened(self, bracket: str, name: str) -> tuple[int | str, ...]:
        parts: tuple[int | str, ...] = tuple(part.strip(" \"'") for part in name.split("."))
        if bracket == "[":
            return parts
        index = 0
        while (*parts, index) in self._found:
            index += 1
        return (*parts, index)
